"""What docs/upgrading.md says of generator version 1, held against a file that version 1 made."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from synth_assets.generator.provenance import Provenance
from synth_assets.generator.reference import NOT_IN_ISO_4217
from synth_assets.storage.parquet import PROVENANCE_KEY
from tests.conftest import DAY, PROJECT_ROOT, make_frame, write_day

PAGE = (PROJECT_ROOT / "docs" / "upgrading.md").read_text()
OLDER = Path(__file__).parent / "made_by_version_1" / f"payments_50_{DAY}.parquet"


@pytest.fixture(scope="module")
def provenance() -> Provenance:
    return Provenance.parse(pq.read_metadata(OLDER).metadata[PROVENANCE_KEY], OLDER.name)


def test_only_the_currencies_differ_between_the_versions(provenance):
    older, newer = pl.read_parquet(OLDER), make_frame(provenance.schema, provenance.plan)
    assert older.columns == newer.columns
    text = pl.all().cast(pl.String)
    differing = [name for name in newer.columns if not older.select(text)[name].equals(newer.select(text)[name])]
    assert differing == ["currency_code"]
    assert set(older["currency_code"]) & NOT_IN_ISO_4217
    assert not set(newer["currency_code"]) & NOT_IN_ISO_4217
    *codes, last = sorted(NOT_IN_ISO_4217)
    assert f"{', '.join(codes)} and {last}" in " ".join(PAGE.split())


def test_the_bytes_differ_even_with_the_encodings_of_version_1(provenance, tmp_path):
    made = write_day(tmp_path, provenance.schema, provenance.plan)
    older, newer = pq.ParquetFile(OLDER), pq.ParquetFile(made)
    assert provenance.plan.encodings == "compact"
    assert encodings(older) == encodings(newer)
    assert "encodings" not in json.loads(older.metadata.metadata[PROVENANCE_KEY])["plan"]
    assert has_marks(older)
    assert not has_marks(newer)


def test_days_of_both_versions_are_read_together_but_not_by_polars(provenance, tmp_path):
    plan = provenance.plan.model_copy(update={"day": DAY + dt.timedelta(days=1)})
    write_day(tmp_path, provenance.schema, plan)
    shutil.copy(OLDER, tmp_path)
    days = str(tmp_path / "*.parquet")
    assert duckdb.sql(f"SELECT count(*) FROM '{days}'").fetchall() == [(2 * plan.rows,)]
    assert pd.read_parquet(tmp_path).shape[0] == ds.dataset(tmp_path).count_rows() == 2 * plan.rows
    with pytest.raises(pl.exceptions.SchemaError, match="card_scheme"):
        pl.scan_parquet(days).collect()


def encodings(file: pq.ParquetFile) -> list[set[str]]:
    group = file.metadata.row_group(0)
    return [set(group.column(number).encodings) for number in range(group.num_columns)]


def has_marks(file: pq.ParquetFile) -> bool:
    """Whether Polars finds the values of enums in the metadata of the columns."""
    return any(b"_PL_ENUM_VALUES2" in (column.metadata or {}) for column in file.schema_arrow)
