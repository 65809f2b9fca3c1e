"""The parts that every document of `--json` has, whether it is about a run or about a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from synth_assets.generator.claims import Claim, Detail

PROPORTION = ("expected", "observed", "count", "lowest", "highest")
"""The keys of a proportion that was judged: two shares, and three numbers of rows."""


@dataclass(frozen=True)
class Answer:
    """What a command found: a document for scripts, a text for a person, and one line where something is wrong."""

    document: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    error: str | None = None


def print_document(document: Mapping[str, Any], indent: int | None = 2) -> None:
    """Print it as JSON: on one line where `indent` is None."""
    # Where stdout cannot take every character, JSON's own escapes can.
    print(json.dumps(document, indent=indent, ensure_ascii=sys.stdout.encoding.lower() != "utf-8"), flush=True)


def describe_checks(claims: Iterable[Claim]) -> dict[str, dict[str, Any]]:
    """By claim: whether it holds, its severity (ERROR if it stops the upload, or WARN), its summary and its numbers."""
    return {
        claim.name: {
            "passed": claim.passed,
            "severity": "ERROR" if claim.blocking else "WARN",
            "summary": claim.summary,
            "numbers": claim.numbers,
        }
        for claim in claims
    }


def describe_rates(claims: Iterable[Claim]) -> dict[str, dict[str, Detail]]:
    """The proportions that were judged: by claim, and by what the proportion is of."""
    rates = {
        claim.name: {
            str(row["of"]): {name: row[name] for name in PROPORTION}
            for row in claim.details
            if row.keys() >= set(PROPORTION)
        }
        for claim in claims
    }
    return {name: proportions for name, proportions in rates.items() if proportions}
