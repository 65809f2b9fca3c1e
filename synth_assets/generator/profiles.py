"""The registry of profiles, and what is asked of the one that a plan names."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from synth_assets.generator.columns import UNIQUE_COLUMN, Column
from synth_assets.generator.errors import SchemaError
from synth_assets.generator.plan import GenerationPlan, PlanError, ProfileName
from synth_assets.generator.profile import Profile
from synth_assets.generator.realistic.history import day_before
from synth_assets.generator.realistic.profile import REALISTIC
from synth_assets.generator.rules import Rules, common_rules
from synth_assets.generator.schema import Field, TransactionSchema
from synth_assets.generator.schema_document import listed
from synth_assets.generator.uniform import UNIFORM

PROFILES: dict[ProfileName, Profile] = {"uniform": UNIFORM, "realistic": REALISTIC}


def plan_before(plan: GenerationPlan) -> GenerationPlan | None:
    """The plan of the day whose blocks come before the plan's own in its card history; None where none do."""
    return day_before(plan) if PROFILES[plan.profile].card_history else None


def value_rules(plan: GenerationPlan) -> Rules:
    """The rules on the values of a row. A null breaks none; the null proportions are a claim of their own."""
    return common_rules() | PROFILES[plan.profile].rules(plan)


def dictionary_columns(schema: TransactionSchema, profile: ProfileName) -> list[str]:
    """The columns whose values repeat so much that a Parquet dictionary pays."""
    columns = PROFILES[profile].columns
    return [field.name for field in schema.fields if field.dtype == "enum" or columns[field.name].repeats]


def incompressible_columns(schema: TransactionSchema, profile: ProfileName) -> list[str]:
    """The columns of texts that compression by repetition cannot shrink."""
    columns = PROFILES[profile].columns
    return [field.name for field in schema.fields if columns[field.name].incompressible]


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


def check_schema(schema: TransactionSchema, profile: ProfileName) -> None:
    """Refuse a contract that the profile cannot make.

    Raises:
        SchemaError: a column without a builder, a dtype that its builder does not give, enum values that cannot be
            built, that a rule refuses, or that the profile gives and the enum lacks, or a column (or enum value)
            removed that another column is made from. The message names all wrong values of the field.
    """
    columns = PROFILES[profile].columns
    if schema.primary_key != UNIQUE_COLUMN:
        raise SchemaError(
            f"{schema.source}: `primary_key` is {schema.primary_key}, whose values repeat. Make it {UNIQUE_COLUMN}."
        )
    for field in schema.fields:
        where = f"{schema.source}, field {field.name}"
        if field.name not in columns:
            raise SchemaError(
                f"{where}: the {profile} profile has no builder for it. Drop the field, or use one of: "
                f"{', '.join(name for name in columns if name not in schema) or 'none is left'}."
            )
        _check_dtype(field, columns[field.name], where)
        _check_values(field, columns[field.name], where, profile)
        _check_needs(field, columns[field.name], where, schema)


def _check_dtype(field: Field, column: Column, where: str) -> None:
    if field.recognised and field.dtype not in column.dtypes:
        raise SchemaError(f"{where}: dtype {field.dtype} cannot be built. Make it {' or '.join(column.dtypes)}.")
    if field.dtype == "decimal" and field.scale < column.decimals:
        raise SchemaError(
            f"{where}: a decimal of scale {field.scale} cannot hold its {column.decimals} decimals. "
            f"Make `scale` at least {column.decimals}."
        )
    if column.dtypes == ("enum",) and not field.enum:
        raise SchemaError(f"{where}: it is drawn from its `enum` values, and has none. List them under `enum:`.")


def _check_values(field: Field, column: Column, where: str, profile: ProfileName) -> None:
    absent = [value for value in column.values if field.enum and value not in field.enum]
    unknown = [value for value in field.enum if column.known and value not in column.known]
    faults = []
    if absent:
        faults.append(
            f"its enum lacks {', '.join(absent)}, which the {profile} profile gives it. "
            f"Put back what it lacks, or use another profile."
        )
    if unknown:
        faults.append(f"{listed(unknown)} cannot be built. Use some of {', '.join(column.known)}.")
    if "enum" in column.dtypes:
        faults += _broken_rules(field)
    if faults:
        raise SchemaError(f"{where}: {' '.join(faults)}")


def _broken_rules(field: Field) -> Iterator[str]:
    """What a file with the field's enum values would be refused for: the same rules judge both."""
    values = pl.DataFrame({field.name: field.enum}, schema={field.name: pl.String})
    for says, rule in common_rules().items():
        if rule.columns == (field.name,):
            odd = values.filter(~rule.holds)[field.name].to_list()
            if odd:
                yield f'{listed(odd)} in its enum would break the rule "{says}". Remove what breaks it.'


def _check_needs(field: Field, column: Column, where: str, schema: TransactionSchema) -> None:
    for needed, values in column.needs.items():
        if needed not in schema:
            raise SchemaError(
                f"{where}: it is made from {needed}, which is not among the fields. "
                f"Put {needed} back, or drop {field.name} too."
            )
        missing = [value for value in values if value not in schema[needed].enum]
        if missing:
            raise SchemaError(
                f"{where}: it needs {', '.join(missing)} among the enum values of {needed}. "
                f"Put back what is missing, or drop {field.name}."
            )
