"""The payment contract: YAML text in, a validated `TransactionSchema` out."""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast, get_args

import polars as pl
import pyarrow as pa
import yaml

from synth_assets.generator.errors import GeneratorError

TimeUnit = Literal["ns", "us", "ms"]
DEFAULT_UNIT: TimeUnit = "ns"

DTYPES: dict[str, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "bool": pl.Boolean(),
    "datetime": pl.Datetime(DEFAULT_UNIT, "UTC"),
}
"""The dtypes of the contract with their Polars types; `enum` is the sixth, built from the field's values."""

TOP_LEVEL_KEYS = {"version", "description", "primary_key", "event_time", "fields"}
FIELD_KEYS = {"name", "dtype", "description", "nullable", "example", "enum", "unit"}


_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}")
_VERSION = re.compile("[A-Za-z0-9._-]{1,50}")


class SchemaError(GeneratorError):
    """The schema file breaks its form."""


@dataclass(frozen=True)
class Field:
    """One column of the contract."""

    name: str
    dtype: str
    nullable: bool
    description: str = field(default="", compare=False)
    enum: tuple[str, ...] = ()
    unit: TimeUnit = DEFAULT_UNIT
    """In what a datetime counts; without a meaning for the other dtypes."""

    @property
    def recognised(self) -> bool:
        return self.dtype == "enum" or self.dtype in DTYPES

    @property
    def required(self) -> bool:
        """Whether Parquet marks the column REQUIRED. An unrecognised dtype is a nullable string."""
        return self.recognised and not self.nullable

    @property
    def polars_type(self) -> pl.DataType:
        if self.dtype == "enum":
            return pl.Enum(self.enum)
        if self.dtype == "datetime":
            return pl.Datetime(self.unit, "UTC")
        return DTYPES.get(self.dtype, pl.String())


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
                an enum without values. The message names `source`, the field and the mend.
        """
        try:
            document = yaml.load(text, _Loader)
        except Exception as error:  # PyYAML's constructors raise what they meet: KeyError, AttributeError, …
            raise SchemaError(f"{source} is not YAML: {_one_line(error)}. Mend the line it names.") from error
        return cls._from_document(document, source)

    @classmethod
    def from_canonical(cls, canonical: dict[str, Any], source: str) -> TransactionSchema:
        """Rebuild a schema from what `canonical` returned, as read from a file's footer."""
        return cls._from_document(canonical, source)

    @classmethod
    def _from_document(cls, document: Any, source: str) -> TransactionSchema:
        document = _mapping(document, source, TOP_LEVEL_KEYS)
        entries = document.get("fields")
        if not isinstance(entries, list) or not entries:
            raise SchemaError(f"{source} has no `fields`: give it a list with at least one column under `fields:`.")
        fields = tuple(_parse_field(entry, f"{source}, field {i}") for i, entry in enumerate(entries, start=1))
        repeated = [name for name, count in Counter(f.name for f in fields).items() if count > 1]
        if repeated:
            raise SchemaError(f"{source}, field {repeated[0]}: the name appears more than once. Keep one of them.")
        named = {}
        for key in ("primary_key", "event_time"):
            named[key] = _text(document, key, source)
            if named[key] not in {f.name for f in fields}:
                raise SchemaError(
                    f"{source}: `{key}` names {_shown(named[key])}, which is not among the fields. "
                    f"Put the field back, or name another one."
                )
        event_time = next(f for f in fields if f.name == named["event_time"])
        if event_time.dtype != "datetime":
            raise SchemaError(
                f"{source}, field {event_time.name}: it is the event time. Make its dtype `datetime`, "
                f"not {_shown(event_time.dtype)}."
            )
        version = document.get("version")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            raise SchemaError(
                f"{source}: `version` must be up to 50 letters, digits, dots or dashes in quotes, such as "
                f"version: '1.0.0', not {_shown(version)}."
            )
        return cls(
            version=version,
            fields=fields,
            description=_text(document, "description", source, default=""),
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
    entry = _mapping(entry, where, FIELD_KEYS)
    name = _text(entry, "name", where)
    if not _NAME.fullmatch(name):
        raise SchemaError(f"{where}: the name {_shown(name)} must be up to 100 letters, digits or underscores.")
    where = f"{where.rsplit(',', 1)[0]}, field {name}"
    dtype = _text(entry, "dtype", where)
    if not dtype.isprintable():
        raise SchemaError(f"{where}: the dtype {_shown(dtype)} is not printable text. Use one of the README's.")
    nullable = entry.get("nullable")
    if not isinstance(nullable, bool):
        raise SchemaError(f"{where}: `nullable` must be true or false, not {_shown(nullable)}.")
    values = entry.get("enum")
    if dtype in DTYPES:
        if values is not None:
            raise SchemaError(
                f"{where}: `enum` values under dtype {_shown(dtype)}. Make the dtype `enum`, or drop them."
            )
    elif dtype == "enum" or values is not None:
        if not isinstance(values, list) or not values:
            raise SchemaError(f"{where}: an enum without values. List them under `enum:`.")
        odd = [value for value in values if not isinstance(value, str) or not value or not value.isprintable()]
        if odd:
            raise SchemaError(f"{where}: the enum value {_shown(odd[0])} is not printable text. Put it in quotes.")
        repeated = [value for value, count in Counter(values).items() if count > 1]
        if repeated:
            raise SchemaError(
                f"{where}: the enum value {_shown(repeated[0])} appears more than once. Keep one of them."
            )
    unit = entry.get("unit", DEFAULT_UNIT)
    if "unit" in entry and dtype != "datetime":
        raise SchemaError(f"{where}: a `unit` under dtype {_shown(dtype)}. Make the dtype `datetime`, or drop it.")
    if not isinstance(unit, str) or unit not in get_args(TimeUnit):
        raise SchemaError(f"{where}: `unit` must be ns, us or ms, not {_shown(unit)}.")
    description = _text(entry, "description", where, default="")
    return Field(name, dtype, nullable, description, tuple(values or ()), cast(TimeUnit, unit))


def _mapping(value: Any, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SchemaError(f"{where}: expected a mapping with the keys {', '.join(sorted(known))}.")
    unknown = [key for key in value if key not in known]
    if unknown:
        raise SchemaError(f"{where}: unknown key {_shown(unknown[0])}. The keys are {', '.join(sorted(known))}.")
    return value


def _text(mapping: dict[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = mapping.get(key, default)
    if not isinstance(value, str) or (not value and default is None) or not _encodable(value):
        raise SchemaError(f"{where}: `{key}` must be text, not {_shown(value)}.")
    return value


def _encodable(text: str) -> bool:
    """Half a surrogate pair, which YAML can spell, is no text that can be written down."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(value: object) -> str:
    """A value from the file as a message may show it: on one line, and short however large or deep it is."""
    try:
        return (ascii(value) if isinstance(value, str) and len(value) <= 60 else reprlib.repr(value))[:200]
    except (ValueError, RecursionError):  # a number of thousands of digits has no repr
        return f"this {type(value).__name__}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).encode("ascii", "backslashreplace").decode().split())[:500]


class _Loader(yaml.SafeLoader):
    """YAML's safe loader without merge keys: nested, they multiply until memory ends."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.constructor.ConstructorError(None, None, "merge keys (<<) are not supported", node.start_mark)
