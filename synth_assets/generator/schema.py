"""The payment contract: YAML text in, a validated `TransactionSchema` out."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast, get_args

import polars as pl
import pyarrow as pa

from synth_assets.generator.dtypes import (
    DEFAULT_SCALE,
    DEFAULT_UNIT,
    DTYPES,
    MAX_SCALE,
    UNRECOGNISED,
    Dtype,
    TimeUnit,
)
from synth_assets.generator.errors import SchemaError
from synth_assets.generator.schema_document import listed, mapping_of, read_yaml, shown, text_of

TOP_LEVEL_KEYS = {"version", "description", "primary_key", "event_time", "fields"}
FIELD_KEYS = {"name", "dtype", "description", "nullable", "example", "enum", "unit", "scale"}


_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}")
_VERSION = re.compile("[A-Za-z0-9._-]{1,50}")
_OPTIONS = {"enum": "`enum` values", "unit": "a `unit`", "scale": "a `scale`"}
_DTYPE_OF = {dtype.option: name for name, dtype in DTYPES.items() if dtype.option}


@dataclass(frozen=True)
class Field:
    """One column of the contract."""

    name: str
    dtype: str
    nullable: bool
    description: str = field(default="", compare=False)
    enum: tuple[str, ...] = ()
    unit: TimeUnit = DEFAULT_UNIT
    """In what a datetime counts."""
    scale: int = DEFAULT_SCALE
    """Decimals of a decimal."""

    @property
    def recognised(self) -> bool:
        return self.dtype in DTYPES

    @property
    def meaning(self) -> Dtype:
        """The field's entry in the table of dtypes; a string's where the dtype is none of the contract's."""
        return DTYPES.get(self.dtype, UNRECOGNISED)

    @property
    def required(self) -> bool:
        """Whether Parquet marks the column REQUIRED. An unrecognised dtype is a nullable string."""
        return self.recognised and not self.nullable

    @cached_property
    def polars_type(self) -> pl.DataType:
        return self.meaning.polars(self)

    @property
    def label(self) -> str:
        """The type as screens name it."""
        return self.meaning.label(self) if self.meaning.label else self.dtype


@dataclass(frozen=True)
class TransactionSchema:
    """The columns of a payments file, in order. `source` names the file in messages."""

    version: str
    primary_key: str
    event_time: str
    fields: tuple[Field, ...]
    description: str = field(default="", compare=False)
    source: str = field(default="schema", compare=False)

    @classmethod
    def parse(cls, text: str, source: str = "schema") -> TransactionSchema:
        """Parse and validate YAML text.

        Raises:
            SchemaError: not YAML, an unknown or missing key, a value of the wrong type, a duplicate name,
                an enum without values. The message names `source`, the field and the fix.
        """
        return cls._from_document(read_yaml(text, source), source)

    @classmethod
    def from_canonical(cls, canonical: dict[str, Any], source: str) -> TransactionSchema:
        """Rebuild a schema from what `canonical` returned, as read from a file's footer."""
        return cls._from_document(canonical, source)

    @classmethod
    def _from_document(cls, document: Any, source: str) -> TransactionSchema:
        document = mapping_of(document, source, TOP_LEVEL_KEYS)
        entries = document.get("fields")
        if not isinstance(entries, list) or not entries:
            raise SchemaError(f"{source} has no `fields`: give it a list with at least one column under `fields:`.")
        fields = tuple(_parse_field(entry, f"{source}, field {i}") for i, entry in enumerate(entries, start=1))
        repeated = [name for name, count in Counter(f.name for f in fields).items() if count > 1]
        if repeated:
            raise SchemaError(f"{source}, field {repeated[0]}: the name appears more than once. Keep one of them.")
        named = {}
        for key in ("primary_key", "event_time"):
            named[key] = text_of(document, key, source)
            if named[key] not in {f.name for f in fields}:
                raise SchemaError(
                    f"{source}: `{key}` names {shown(named[key])}, which is not among the fields. "
                    f"Put the field back, or name another one."
                )
        event_time = next(f for f in fields if f.name == named["event_time"])
        if event_time.dtype != "datetime":
            raise SchemaError(
                f"{source}, field {event_time.name}: it is the event time. Make its dtype `datetime`, "
                f"not {shown(event_time.dtype)}."
            )
        version = document.get("version")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise SchemaError(
                f"{source}: `version` must be up to 50 letters, digits, dots or dashes in quotes, such as "
                f"version: '1.0.0', not {shown(version)}."
            )
        return cls(
            version=version,
            fields=fields,
            description=text_of(document, "description", source, default=""),
            source=source,
            **named,
        )

    @cached_property
    def canonical(self) -> dict[str, Any]:
        """Everything here that decides a file's content, as plain JSON values; prose and defaults are left out."""
        return {
            "version": self.version,
            "primary_key": self.primary_key,
            "event_time": self.event_time,
            "fields": [
                {"name": f.name, "dtype": f.dtype, "nullable": f.nullable}
                | ({"enum": list(f.enum)} if f.enum else {})
                | ({"unit": f.unit} if f.unit != DEFAULT_UNIT else {})
                | ({"scale": f.scale} if f.scale != DEFAULT_SCALE else {})
                for f in self.fields
            ],
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of `canonical`: changes with the data's contract, not with comments or prose."""
        return hashlib.sha256(json.dumps(self.canonical, separators=(",", ":")).encode()).hexdigest()

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    @cached_property
    def unrecognised(self) -> tuple[Field, ...]:
        """The fields whose dtype is not one of the contract's: they become nullable strings."""
        return tuple(f for f in self.fields if not f.recognised)

    @cached_property
    def polars_schema(self) -> pl.Schema:
        return pl.Schema({f.name: f.polars_type for f in self.fields})

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of a file: Polars's own mapping of the types, with REQUIRED where not nullable."""
        as_polars = pl.DataFrame(schema=self.polars_schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
        return pa.schema([as_polars.field(f.name).with_nullable(not f.required) for f in self.fields])

    def __getitem__(self, name: str) -> Field:
        return self.fields[self.names.index(name)]

    def __contains__(self, name: object) -> bool:
        return name in self.names


def _parse_field(entry: Any, where: str) -> Field:
    entry = mapping_of(entry, where, FIELD_KEYS)
    name = text_of(entry, "name", where)
    if not _NAME.fullmatch(name):
        raise SchemaError(f"{where}: the name {shown(name)} must be up to 100 letters, digits or underscores.")
    where = f"{where.rsplit(',', 1)[0]}, field {name}"
    dtype = text_of(entry, "dtype", where)
    if not dtype.isprintable():
        raise SchemaError(
            f"{where}: the dtype {shown(dtype)} is not printable text. Use one of docs/columns-and-settings.md."
        )
    nullable = entry.get("nullable")
    if not isinstance(nullable, bool):
        raise SchemaError(f"{where}: `nullable` must be true or false, not {shown(nullable)}.")
    option = DTYPES[dtype].option if dtype in DTYPES else "enum"
    for key, values in _OPTIONS.items():
        if key in entry and key != option and entry[key] is not None:
            raise SchemaError(
                f"{where}: {values} under dtype {shown(dtype)}. Make the dtype `{_DTYPE_OF[key]}`, or drop it."
            )
    return Field(
        name,
        dtype,
        nullable,
        text_of(entry, "description", where, default=""),
        _parse_enum(entry.get("enum"), where) if dtype == "enum" or entry.get("enum") is not None else (),
        _parse_unit(entry.get("unit", DEFAULT_UNIT), where),
        _parse_scale(entry.get("scale", DEFAULT_SCALE), where),
    )


def _parse_enum(values: Any, where: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not values:
        raise SchemaError(f"{where}: an enum without values. List them under `enum:`.")
    odd = [value for value in values if not isinstance(value, str) or not value or not value.isprintable()]
    if odd:
        raise SchemaError(f"{where}: enum values must be printable text in quotes, not {listed(odd)}.")
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        raise SchemaError(f"{where}: enum values appear more than once: {listed(repeated)}. Keep one of each.")
    return tuple(values)


def _parse_unit(unit: Any, where: str) -> TimeUnit:
    if not isinstance(unit, str) or unit not in get_args(TimeUnit):
        raise SchemaError(f"{where}: `unit` must be ns, us or ms, not {shown(unit)}.")
    return cast(TimeUnit, unit)


def _parse_scale(scale: Any, where: str) -> int:
    if not isinstance(scale, int) or isinstance(scale, bool) or not 0 <= scale <= MAX_SCALE:
        raise SchemaError(f"{where}: `scale` must be a whole number from 0 to {MAX_SCALE}, not {shown(scale)}.")
    return scale
