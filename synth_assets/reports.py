"""What a materialization shows of itself, as Dagster metadata."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from synth_assets import pictures
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import DEFAULT_UNIT, TransactionSchema
from synth_assets.storage.parquet import opened
from synth_assets.storage.s3 import Landed

PREVIEW_ROWS = 5


def column_schema(schema: TransactionSchema) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=field.dtype if field.unit == DEFAULT_UNIT else f"{field.dtype} ({field.unit})",
                description=field.description,
                constraints=dg.TableColumnConstraints(nullable=not field.required),
            )
            for field in schema.fields
        ]
    )


def file_facts(
    schema: TransactionSchema, plan: GenerationPlan, path: Path, counts: Counter[str], seconds: float
) -> dict[str, Any]:
    """What is to be said of a file written in `seconds`; `counts` are the generator's own, summed over the day."""
    with opened(path, plan.day) as file:
        # Polars's dicts: PyArrow's would import pandas for nanoseconds, where it is installed.
        head = pl.DataFrame(next(file.batches()).slice(0, PREVIEW_ROWS)).to_dicts()
        row_groups = file.row_groups
    size = path.stat().st_size
    rates = observed_rates(plan, counts)
    return {
        **_drawn({"hours": pictures.glance(schema, counts), "pictures": pictures.full(schema, plan, counts)}),
        "dagster/row_count": plan.rows,
        "bytes": size,
        "bytes_per_row": round(size / plan.rows, 2),
        "row_groups": row_groups,
        "seconds": round(seconds, 3),
        "rows_per_second": round(plan.rows / seconds),
        **{f"{row['rate']}_observed": row["observed"] for row in rates},
        "dagster/column_schema": column_schema(schema),
        "preview": table([{name: _shortened(value) for name, value in row.items()} for row in head]),
        "observed_rates": table(rates),
        "plan": dg.MetadataValue.json(plan.model_dump(mode="json")),
    }


def _drawn(named: Mapping[str, str]) -> dict[str, dg.MarkdownMetadataValue]:
    return {name: dg.MetadataValue.md(markdown) for name, markdown in named.items() if markdown}


def observed_rates(plan: GenerationPlan, counts: Counter[str]) -> list[dict[str, str | float]]:
    """The configured rates beside what the day turned out to have."""
    pairs = {
        "fraud_rate": (plan.fraud_rate, "label_fraud is true"),
        "null_mcc_rate": (plan.null_mcc_rate, "mcc_code is null"),
        "null_device_rate": (plan.null_device_rate, "device_id is null"),
        "null_geo_rate": (plan.null_geo_rate, "latitude is null"),
    }
    return [
        {"rate": name, "configured": configured, "observed": counts[counted] / plan.rows}
        for name, (configured, counted) in pairs.items()
        if counted in counts
    ]


def upload_speed(landed: Landed, size: int, seconds: float) -> dict[str, float | int]:
    """How fast the object's bytes were sent and verified; nothing where it was there before."""
    return {"upload_seconds": round(seconds, 3), "bytes_per_second": round(size / seconds)} if landed.sent else {}


def _shortened(value: object) -> str:
    """A cell of the preview: a wide one would push the columns after it out of sight."""
    text = str(value)
    return text if len(text) <= 24 else f"{text[:20]}…"


def table(rows: Sequence[Mapping[str, str | int | float]]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows])


def content_version(provenance: Mapping[str, Any]) -> dg.DataVersion:
    """The file's data version. Its bytes are a function of its provenance, so equal provenance is equal content."""
    return dg.DataVersion(str(provenance["digest"]))
