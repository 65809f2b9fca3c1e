"""Where the payment contract is: in the working directory, or else with the package."""

from functools import lru_cache
from pathlib import Path

from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage.folder import read_text

IN_PROJECT = Path("schema", "transaction_schema.yaml")
"""The contract's place in a project, whose root is the working directory."""


def find_contract() -> Path:
    """The working directory's contract, or the one that was installed with the package where there is none."""
    if IN_PROJECT.exists():
        return IN_PROJECT
    package = Path(__file__).resolve().parent
    installed = package / IN_PROJECT.name
    # A checkout has no copy: there, the contract stands beside the package.
    return installed if installed.exists() else package.parent / IN_PROJECT


def read_contract(path: str | Path | None = None) -> TransactionSchema:
    """The contract at a path, or the one that is found without it. A relative path starts at the working directory.

    Raises:
        StorageError: the file cannot be read.
        SchemaError: it is no contract.
    """
    found = find_contract() if path is None else Path(path)
    return _parsed(read_text(found), str(found))


@lru_cache(maxsize=4)
def _parsed(text: str, source: str) -> TransactionSchema:
    """Parsed once: a run reads the contract in each of its steps, and it is the same as long as its text is."""
    return TransactionSchema.parse(text, source)
