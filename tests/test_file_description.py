"""What `synth-assets show` says of a file, as text and as a document."""

import json
import re

import polars as pl
import pyarrow.parquet as pq
import pytest

from synth_assets.cli import main
from synth_assets.generator.claims import CLAIMS
from tests.conftest import DAY, day_table, make_plan, write_day

PLAN = make_plan(rows=3_000, chunk_size=1_000, seed=9, fraud_rate=0.1)


@pytest.fixture(scope="module")
def path(schema, tmp_path_factory):
    return write_day(tmp_path_factory.mktemp("day"), schema, PLAN)


def test_show_prints_the_provenance_the_columns_the_rates_and_the_verdict(path, schema, capsys):
    assert main(["show", str(path)]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0] == str(path)
    for said in (
        rf"^day +{DAY}$",
        r"^rows +3,000$",
        r"^row groups +3 of up to 1,000 rows$",
        rf"^bytes +{path.stat().st_size:,}, .* per row, snappy$",
        rf"^contract +1\.0\.0, digest {schema.digest}$",
        r"^seed +9$",
        r"^fraud_rate +0\.1$",
        r"^mcc_code +enum +yes +yes +yes +[\d,]+ +\d+\.\d%$",
        r"^card_pan_hash +string +no +no +no +[\d,]+ +\d+\.\d%$",
        r"^null +device_id +0\.080000 +0\.0\d+ ",
        r"^fraud +day +0\.100000 +0\.\d+ ",
    ):
        assert re.search(said, text, re.MULTILINE), said
    assert re.findall(r"^passed  (\w+)", text, re.MULTILINE) == list(CLAIMS)


def test_show_json_holds_the_same_for_scripts(path, schema, capsys):
    assert main(["show", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["success"], document["path"], document["error"]) == (True, str(path), None)
    assert (document["day"], document["rows"], document["bytes"]) == (str(DAY), 3_000, path.stat().st_size)
    assert document["plan"] == PLAN.model_dump(mode="json")
    assert document["schema"]["digest"] == schema.digest
    assert [column["name"] for column in document["columns"]] == list(schema.names)
    footer = pq.read_metadata(path)
    sizes = [footer.row_group(group).column(3).total_compressed_size for group in range(3)]
    assert document["columns"][3] == {
        "name": "amount", "dtype": "float", "nullable": False, "dictionary": False, "statistics": True,
        "bytes": sum(sizes),
    }  # fmt: skip
    nulls = pl.read_parquet(path)["mcc_code"].null_count()
    assert document["rates"]["null_proportions_within_bounds"]["mcc_code"]["count"] == nulls
    assert set(document["checks"]) == set(CLAIMS)


def test_show_of_a_broken_file_fails_and_names_the_claim_in_one_line(schema, tmp_path, capsys):
    plan = make_plan(rows=3_000)
    path = write_day(tmp_path, schema, plan, day_table(schema, plan).take([1, 0, *range(2, 3_000)]))
    assert main(["show", str(path)]) == 1
    told = capsys.readouterr()
    assert "FAILED  event_times_in_window_and_order" in told.out
    (error,) = told.err.splitlines()
    assert error.startswith(f"error: {path} fails 1 of {len(CLAIMS)} checks: event_times_in_window")
    assert main(["show", str(path), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["success"], document["error"]) == (False, error.removeprefix("error: "))
    assert not document["checks"]["event_times_in_window_and_order"]["passed"]
