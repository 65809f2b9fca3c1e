"""What a materialization shows of itself, as Dagster metadata."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from synth_assets import pictures
from synth_assets.engines import Engine, describe_engine
from synth_assets.generator.claims import Claim
from synth_assets.generator.counts import Counts
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage.place import Day
from synth_assets.storage.replaced import Replaced
from synth_assets.storage.s3 import UploadedDay

PREVIEW_ROWS = 5
PREVIEW_WIDTH = 36
"""Characters of a cell of the preview: as many as a UUID or a moment has."""


def claim_facts(claim: Claim) -> dict[str, Any]:
    """A check's metadata: the claim's numbers, which the UI plots, and its details if it has some."""
    return {**claim.numbers, **({"details": table(claim.details)} if claim.details else {})}


def column_schema(schema: TransactionSchema) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=field.name,
                type=field.label,
                # Not among the constraints: the UI cuts those after some 20 characters.
                description=f"{field.description} {_choices(field.enum)}".rstrip(),
                constraints=dg.TableColumnConstraints(
                    nullable=not field.required, unique=field.name == schema.primary_key
                ),
            )
            for field in schema.fields
        ]
    )


def _choices(values: Sequence[str]) -> str:
    return f"One of {', '.join(values)}." if values else ""


def frame_schema(frame: pl.LazyFrame) -> dg.TableSchema:
    """The columns of a table that no contract describes."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name, "Enum", _choices(dtype.categories.to_list()))
            if isinstance(dtype, pl.Enum)
            else dg.TableColumn(name, str(dtype))
            for name, dtype in frame.collect_schema().items()
        ]
    )


def file_facts(schema: TransactionSchema, plan: GenerationPlan, day: Day, counts: Counts) -> dict[str, Any]:
    """What is to be said of a day; `counts` are those of its rows."""
    with day.open() as file:
        # Polars's dicts: PyArrow's would import pandas for nanoseconds, where it is installed.
        head = pl.DataFrame(next(file.batches()).slice(0, PREVIEW_ROWS)).to_dicts()
        row_groups = file.footer.num_row_groups
    size = day.size
    rates = observed_rates(plan, counts)
    return {
        **_drawn({"hours": pictures.glance(counts), "pictures": pictures.full(schema, plan, counts)}),
        "dagster/row_count": plan.rows,
        "bytes": size,
        "bytes_per_row": round(size / plan.rows, 2),
        "row_groups": row_groups,
        **{f"{row['rate']}_observed": row["observed"] for row in rates},
        "dagster/column_schema": column_schema(schema),
        "preview": table([{name: _shortened(value) for name, value in row.items()} for row in head]),
        "observed_rates": table(rates),
        "plan": dg.MetadataValue.json(plan.model_dump(mode="json")),
    }


def speed(engine: Engine, rows: int, seconds: float) -> dict[str, str | float | int]:
    """Where a day was made, and how long it took from its first row to its last byte."""
    each = {} if engine.name == "threads" else {"rows_per_second_per_worker": round(rows / seconds / engine.workers)}
    return {
        "engine": describe_engine(engine),
        "seconds": round(seconds, 3),
        "rows_per_second": round(rows / seconds),
        **each,
    }


def _drawn(named: Mapping[str, str]) -> dict[str, dg.MarkdownMetadataValue]:
    return {name: dg.MetadataValue.md(markdown) for name, markdown in named.items() if markdown}


def observed_rates(plan: GenerationPlan, counts: Counts) -> list[dict[str, str | float]]:
    """The configured rates beside what the day turned out to have."""
    nulls = {"null_mcc_rate": "mcc_code", "null_device_rate": "device_id", "null_geo_rate": "latitude"}
    counted = {"fraud_rate": counts.flags.get("label_fraud")}
    counted |= {rate: counts.nulls.get(column) for rate, column in nulls.items()}
    return [
        {"rate": rate, "configured": getattr(plan, rate), "observed": count / plan.rows}
        for rate, count in counted.items()
        if count is not None
    ]


def report_link(written: bool, page: str) -> dict[str, dg.PathMetadataValue]:
    """Where the checks write the day's report; nothing where they write none."""
    return {"report": dg.MetadataValue.path(page)} if written else {}


def replaced(earlier: Sequence[Replaced]) -> dg.JsonMetadataValue:
    """What a new file or object has taken the place of: its location, rows and bytes."""
    return dg.MetadataValue.json([each.document() for each in earlier])


def upload_speed(uploaded: UploadedDay, size: int) -> dict[str, float | int]:
    """How fast the object's bytes were sent and verified; nothing where it was there before."""
    seconds = uploaded.seconds
    return {"upload_seconds": round(seconds, 3), "bytes_per_second": round(size / seconds)} if uploaded.sent else {}


def _shortened(value: object) -> str:
    """A cell of the preview: a wide one would push the columns after it out of sight."""
    text = str(value)
    return text if len(text) <= PREVIEW_WIDTH else f"{text[: PREVIEW_WIDTH - 1]}…"


def table(rows: Sequence[Mapping[str, str | int | float]]) -> dg.TableMetadataValue | dg.TextMetadataValue:
    """The rows as a table, or the words "no rows": Dagster has no table without any."""
    if not rows:
        return dg.MetadataValue.text("no rows")
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows])
