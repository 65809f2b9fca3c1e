"""The profiles: how a day's values are drawn, column by column and block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from synth_assets.generator.columns import RECURRING_RATE, UNIFORM, UNIQUE_COLUMN, Block, Column
from synth_assets.generator.plan import GenerationPlan, PlanError, Profile
from synth_assets.generator.realistic import REALISTIC, realistic_blocks, recurring_share
from synth_assets.generator.schema import SchemaError, TransactionSchema
from synth_assets.generator.streams import day_streams


class Blocks(Protocol):
    """Makes a day's blocks from the `first` on, in order."""

    def __call__(self, schema: TransactionSchema, plan: GenerationPlan, first: int = 0) -> Iterator[Block]: ...


@dataclass(frozen=True)
class Drawing:
    """How a profile draws: its columns, the blocks that their builders read, and the share of recurring payments."""

    columns: Mapping[str, Column]
    blocks: Blocks
    recurring_share: Callable[[GenerationPlan], float]


def uniform_blocks(schema: TransactionSchema, plan: GenerationPlan, first: int = 0) -> Iterator[Block]:
    for streams in day_streams(plan.seed, plan.day, plan.rows, first):
        yield Block(plan, schema, streams)


PROFILES: dict[Profile, Drawing] = {
    "uniform": Drawing(UNIFORM, uniform_blocks, lambda plan: RECURRING_RATE),
    "realistic": Drawing(REALISTIC, realistic_blocks, recurring_share),
}


def check_schema(schema: TransactionSchema, profile: Profile) -> None:
    """Refuse a contract that the profile cannot make.

    Raises:
        SchemaError: a column without a builder, a dtype that its builder does not give, an enum value that
            cannot be built, or a column (or enum value) removed that another column is made from.
    """
    columns = PROFILES[profile].columns
    if schema.primary_key != UNIQUE_COLUMN:
        raise SchemaError(
            f"{schema.source}: `primary_key` is {schema.primary_key}, whose values repeat. Make it {UNIQUE_COLUMN}."
        )
    for column in schema.fields:
        where = f"{schema.source}, field {column.name}"
        if column.name not in columns:
            raise SchemaError(
                f"{where}: the {profile} profile has no builder for it. Drop the field, or use one of: "
                f"{', '.join(name for name in columns if name not in schema) or 'none is left'}."
            )
        made = columns[column.name]
        if column.recognised and column.dtype not in made.dtypes:
            raise SchemaError(f"{where}: dtype {column.dtype} cannot be built. Make it {' or '.join(made.dtypes)}.")
        if made.dtypes == ("enum",) and not column.enum:
            raise SchemaError(f"{where}: it is drawn from its `enum` values, and has none. List them under `enum:`.")
        absent = [value for value in made.values if column.enum and value not in column.enum]
        if absent:
            raise SchemaError(
                f"{where}: the {profile} profile gives it {absent[0]}, which is not in its enum. "
                f"Put {absent[0]} back, or use another profile."
            )
        unknown = [value for value in column.enum if made.known and value not in made.known]
        if unknown:
            raise SchemaError(f"{where}: {unknown[0]!r} cannot be built. Use some of {', '.join(made.known)}.")
        for needed, values in made.needs.items():
            if needed not in schema:
                raise SchemaError(
                    f"{where}: it is made from {needed}, which is not among the fields. "
                    f"Put {needed} back, or drop {column.name} too."
                )
            missing = [value for value in values if value not in schema[needed].enum]
            if missing:
                raise SchemaError(
                    f"{where}: it needs the value {missing[0]} of {needed}, which is not in its enum. "
                    f"Put {missing[0]} back, or drop {column.name}."
                )


def repeating(schema: TransactionSchema, profile: Profile) -> list[str]:
    """The columns whose values repeat so much that a Parquet dictionary pays."""
    columns = PROFILES[profile].columns
    return [field.name for field in schema.fields if field.dtype == "enum" or columns[field.name].repeats]


def null_shares(schema: TransactionSchema, plan: GenerationPlan) -> dict[str, float | None]:
    """The probability of a null in a row, by column; None where other columns decide it.

    Raises:
        PlanError: a column that the contract makes REQUIRED would have nulls.
    """
    shares = {name: PROFILES[plan.profile].columns[name].null_share(plan, schema) for name in schema.names}
    for name, share in shares.items():
        if share != 0 and schema[name].required:
            raise PlanError(
                f"{schema.source}, field {name}: `nullable` is false, but the plan makes "
                f"{'some' if share is None else f'{share:.4g}'} of its values null. "
                f"Make it `nullable: true`, or set its null rate to 0."
            )
    return shares
