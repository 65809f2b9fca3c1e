"""What `--json` prints: one document, whose parts are the same for a run and for a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from synth_assets.generator.audit import Claim, Detail

PROPORTION = ("expected", "observed", "count", "lowest", "highest")


def print_document(document: Mapping[str, Any]) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))


def checks_of(claims: Iterable[Claim], severities: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The verdict by claim. A claim that is not named in `severities` stops the upload: its severity is ERROR."""
    return {
        claim.name: {
            "passed": claim.passed,
            "severity": (severities or {}).get(claim.name, "ERROR"),
            "summary": claim.summary,
        }
        for claim in claims
    }


def rates_of(claims: Iterable[Claim]) -> dict[str, dict[str, Detail]]:
    """The proportions that were judged: by claim, and by what the proportion is of."""
    found = {
        claim.name: {
            str(row["of"]): {name: row[name] for name in PROPORTION}
            for row in claim.details
            if row.keys() >= set(PROPORTION)
        }
        for claim in claims
    }
    return {name: proportions for name, proportions in found.items() if proportions}
