"""What a materialization and a check show of themselves, as Dagster metadata.

Dagster keeps two copies of it for each day of an asset, so it is short.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import dagster as dg
import polars as pl

from synth_assets import pictures
from synth_assets.contract import read_contract
from synth_assets.engines import Engine, describe_engine
from synth_assets.generator.claims import Claim
from synth_assets.generator.counts import Counts
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage.errors import StorageError
from synth_assets.storage.place import Day
from synth_assets.storage.replaced import Replaced
from synth_assets.storage.s3 import UploadedDay

PREVIEW_ROWS = 5
PREVIEW_WIDTH = 36
"""Characters of a text in a preview: as many as a UUID or a moment has."""


def claim_result(claim: Claim) -> dg.AssetCheckResult:
    """A claim as the result of a check: all that is known of one that does not hold, and the outcome of one that does.

    Dagster keeps three copies of a result, and SQLite gives a whole page to one of more than some 1,900 bytes: so of a
    claim that holds, bounds that leave no room, details, and the half-sentences after the first are left out.
    """
    says, numbers = claim.summary, claim.numbers
    if claim.passed:
        says = re.split(r"; | \(|, (?=[\d,]+ in )", says)[0]
        shown = ["observed", "breaches"] + (["lowest", "highest"] if numbers["lowest"] < numbers["highest"] else [])
        numbers = {name: numbers[name] for name in shown}
    details = {} if claim.passed or not claim.details else {"details": table(claim.details)}
    return dg.AssetCheckResult(
        check_name=claim.name,
        passed=claim.passed,
        severity=dg.AssetCheckSeverity.ERROR if claim.blocking else dg.AssetCheckSeverity.WARN,
        description=says,
        metadata={**numbers, **details},
    )


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


@cache
def columns_of_definitions() -> dg.TableSchema | None:
    """The columns of the contract that is there when the code location is loaded, which its assets show of themselves.

    None where there is no good contract. Then each materialization says its own, or why it failed.
    """
    try:
        return column_schema(read_contract())
    except (GeneratorError, StorageError):
        return None


def columns(schema: TransactionSchema) -> dict[str, dg.TableSchema]:
    """The contract's columns, where the asset's definition does not show the same."""
    own = column_schema(schema)
    return {} if own == columns_of_definitions() else {"dagster/column_schema": own}


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
        (first,) = pl.DataFrame(file.head(1)).to_dicts()
    size = day.size
    return {
        **_drawn({"hours": pictures.glance(counts), "pictures": pictures.full(schema, plan, counts)}),
        "dagster/row_count": plan.rows,
        "bytes": size,
        "bytes_per_row": round(size / plan.rows, 2),
        **observed_rates(plan, counts),
        **columns(schema),
        "first_payment": dg.MetadataValue.json({name: _shortened(value) for name, value in first.items()}),
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


def observed_rates(plan: GenerationPlan, counts: Counts) -> dict[str, float]:
    """What the day turned out to have of each rate of its plan."""
    nulls = {"null_mcc_rate": "mcc_code", "null_device_rate": "device_id", "null_geo_rate": "latitude"}
    counted = {"fraud_rate": counts.flags.get("label_fraud")}
    counted |= {rate: counts.nulls.get(column) for rate, column in nulls.items()}
    return {f"{rate}_observed": count / plan.rows for rate, count in counted.items() if count is not None}


def report_link(written: bool, page: str) -> dict[str, dg.PathMetadataValue]:
    """Where the checks write the day's report; nothing where they write none."""
    return {"report": dg.MetadataValue.path(page)} if written else {}


def replaced(earlier: Sequence[Replaced]) -> dict[str, dg.JsonMetadataValue]:
    """What a new file or object has taken the place of: its location, rows and bytes; nothing where it is the first."""
    return {"replaced": dg.MetadataValue.json([each.document() for each in earlier])} if earlier else {}


def upload_speed(uploaded: UploadedDay, size: int) -> dict[str, float | int]:
    """How fast the object's bytes were sent and verified; nothing where it was there before."""
    seconds = uploaded.seconds
    return {"upload_seconds": round(seconds, 3), "bytes_per_second": round(size / seconds)} if uploaded.sent else {}


def _shortened(value: object) -> object:
    """A value of a preview as JSON has it, and short."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= PREVIEW_WIDTH else f"{text[: PREVIEW_WIDTH - 1]}…"


def table(rows: Sequence[Mapping[str, str | int | float]]) -> dg.TableMetadataValue | dg.TextMetadataValue:
    """The rows as a table, or the words "no rows": Dagster has no table without any."""
    if not rows:
        return dg.MetadataValue.text("no rows")
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in rows])
