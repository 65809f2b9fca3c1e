"""The schema file as a document: YAML text, its mappings and texts, and what is said where they are wrong."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any

import yaml

from synth_assets.generator.errors import SchemaError


def read_yaml(text: str, source: str) -> Any:
    """The document that YAML text holds.

    Raises:
        SchemaError: it is not YAML. The message names `source` and the line.
    """
    try:
        return yaml.load(text, _Loader)
    except Exception as error:  # PyYAML's constructors raise what they meet: KeyError, AttributeError, …
        raise SchemaError(f"{source} is not YAML: {_one_line(error)}. Fix the line it names.") from error


def mapping_of(value: Any, where: str, known: set[str]) -> dict[str, Any]:
    """The value, where it is a mapping with none but `known` keys; a SchemaError otherwise."""
    if not isinstance(value, dict):
        raise SchemaError(f"{where}: expected a mapping with the keys {', '.join(sorted(known))}.")
    unknown = [key for key in value if key not in known]
    if unknown:
        raise SchemaError(f"{where}: unknown key {shown(unknown[0])}. The keys are {', '.join(sorted(known))}.")
    return value


def text_of(mapping: dict[str, Any], key: str, where: str, default: str | None = None) -> str:
    """The text under a key, or the default; a SchemaError where it is no text, or is empty and has no default."""
    value = mapping.get(key, default)
    if not isinstance(value, str) or (not value and default is None) or not _is_encodable(value):
        raise SchemaError(f"{where}: `{key}` must be text, not {shown(value)}.")
    return value


def _is_encodable(text: str) -> bool:
    """Half a surrogate pair, which YAML can spell, is no text that can be written down."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def shown(value: object) -> str:
    """A value from the file as a message may show it: on one line, and short however large or deep it is."""
    try:
        return (ascii(value) if isinstance(value, str) and len(value) <= 60 else reprlib.repr(value))[:200]
    except (ValueError, RecursionError):  # a number of thousands of digits has no repr
        return f"this {type(value).__name__}"


def listed(values: Sequence[object]) -> str:
    """All values from the file as a message may show them; the first of them, and how many more, where that is long."""
    text = ", ".join(shown(value) for value in values)
    if len(text) <= 3_000:
        return text
    return f"{', '.join(shown(value) for value in values[:15])} and {len(values) - 15:,} more"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).encode("ascii", "backslashreplace").decode().split())[:500]


class _Loader(yaml.SafeLoader):
    """YAML's safe loader without merge keys: nested, they multiply until memory ends."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.constructor.ConstructorError(None, None, "merge keys (<<) are not supported", node.start_mark)
