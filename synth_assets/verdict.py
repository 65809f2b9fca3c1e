"""A day's file, read and judged: where storage's reading meets the generator's verdict."""

import datetime as dt
from pathlib import Path

from synth_assets.generator.audit import Claim, Evidence, judge
from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage import parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import current_file
from synth_assets.storage.s3 import LocalFile


def day_file(folder: Path, day: dt.date) -> Path:
    """The day's current file.

    Raises:
        StorageError: there is none.
    """
    path = current_file(folder, day)
    if path is None:
        raise StorageError(f"There is no file of {day} in {folder}. Materialize payments_parquet for this partition.")
    return path


def judge_file(schema: TransactionSchema, day: dt.date, path: Path) -> list[Claim]:
    """Read the day's file to its end and judge every claim about it.

    Raises:
        StorageError: the file is no Parquet file.
    """
    with parquet.opened(path, day) as file:
        evidence = Evidence(file.schema, file.rows, file.named_rows, file.provenance, file.batches, parquet.UNREADABLE)
        return judge(schema, day, evidence)


def measure_file(day: dt.date, path: Path) -> LocalFile:
    """The day's file as its object must be: its bytes' size and checksum, and what its footer says of it.

    Raises:
        StorageError: the file is no Parquet file, or its footer does not say what made it.
    """
    with parquet.opened(path, day) as file:
        provenance = file.provenance or {}
    try:
        metadata = {
            "rows": str(provenance["plan"]["rows"]),
            "seed": str(provenance["plan"]["seed"]),
            "schema-version": str(provenance["schema"]["version"]),
            "schema-digest": str(provenance["schema"]["digest"]),
            "generator-version": str(provenance["generator_version"]),
        }
    except (KeyError, TypeError) as error:
        raise StorageError(
            f"The footer of {path} does not say what made it. Materialize payments_parquet for this partition again."
        ) from error
    return LocalFile.measure(path, metadata)
