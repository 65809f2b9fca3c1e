"""What made a file: its footer's provenance, as a value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema

_BEFORE_VERSION_2 = {"encodings": "compact"}
"""What the plans of generator version 1 do not say: there was no other choice."""


class ProvenanceError(GeneratorError):
    """A footer does not say what made its file, or says it in a way that this version does not know."""


@dataclass(frozen=True)
class Provenance:
    """All that is needed to make a file again and to judge it.

    Args:
        generator_version: that of the generator that made the file.
        digest: SHA-256 (hex) of the version, the plan and the schema: the file's data version.
    """

    schema: TransactionSchema
    plan: GenerationPlan
    generator_version: str
    digest: str

    @classmethod
    def of(cls, schema: TransactionSchema, plan: GenerationPlan) -> Provenance:
        """The provenance of what this version makes from the schema and the plan."""
        return cls(schema, plan, GENERATOR_VERSION, _digest(_origin(schema, plan, GENERATOR_VERSION)))

    @classmethod
    def parse(cls, text: bytes | None, source: str) -> Provenance:
        """Read a footer's text. `source` names the file in messages.

        Raises:
            ProvenanceError: there is none, it is damaged, or its plan or contract cannot be read by this version.
        """
        origin = _document(text)
        digest = origin.pop("digest", None)
        if digest is None or digest != _digest(origin):
            raise ProvenanceError(
                f"The footer of {source} does not say what made it: it was not made by this project, or is damaged. "
                f"Materialize payments_parquet for this partition again."
            )
        version = str(origin.get("generator_version"))
        try:
            contract = {key: value for key, value in origin["schema"].items() if key != "digest"}
            schema = TransactionSchema.from_canonical(contract, source)
            return cls(schema, GenerationPlan.of(**_BEFORE_VERSION_2 | origin["plan"]), version, digest)
        except (KeyError, TypeError, AttributeError, GeneratorError) as error:
            if version == GENERATOR_VERSION:
                reason = "the plan or contract in its footer cannot be carried out. Materialize the day again."
            else:
                reason = f"this is {GENERATOR_VERSION}, which cannot read its footer. Use the release that made it."
            raise ProvenanceError(f"{source} was made by generator version {version}; {reason}") from error

    @property
    def document(self) -> dict[str, Any]:
        """The provenance as plain JSON values, as footers hold it."""
        return _origin(self.schema, self.plan, self.generator_version) | {"digest": self.digest}

    @property
    def is_current(self) -> bool:
        """Whether this version of the generator made the file."""
        return self.generator_version == GENERATOR_VERSION


def _origin(schema: TransactionSchema, plan: GenerationPlan, version: str) -> dict[str, Any]:
    return {
        "generator_version": version,
        "plan": plan.model_dump(mode="json"),
        "schema": schema.canonical | {"digest": schema.digest},
    }


def _digest(origin: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()


def _document(text: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(text or b"null")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
