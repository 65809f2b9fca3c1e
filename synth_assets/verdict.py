"""A day's file, written, read and judged: where storage meets the generator."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from synth_assets.generator.audit import Claim, Evidence, judge, plan_from, provenance_of
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profiles import repeating
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.generator.survey import spread, tally
from synth_assets.storage import parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import current_file
from synth_assets.storage.s3 import LocalFile


def write_file(path: Path, simulator: TransactionSimulator, counts: Counter[str] | None = None) -> Iterator[int]:
    """Write the simulator's day with its provenance; yield the rows of each chunk.

    Each chunk's tally and spread are summed into `counts`.

    Raises:
        OSError: the disk is full, or the path cannot be written to.
    """
    schema, plan = simulator.schema, simulator.plan
    return parquet.write(
        path,
        schema.arrow_schema,
        _counted(simulator, counts if counts is not None else Counter()),
        repeating(schema, plan.profile),
        plan.compression,
        provenance_of(schema, plan),
    )


def _counted(tables: Iterable[pa.Table], counts: Counter[str]) -> Iterator[pa.Table]:
    for table in tables:
        counts.update(tally(table))
        counts.update(spread(table))
        yield table


def plan_of(path: Path, day: dt.date) -> GenerationPlan:
    """The plan that the day's file was made from, as its footer says.

    Raises:
        StorageError: the file is no Parquet file, or its footer has no usable plan.
    """
    with parquet.opened(path, day) as file:
        plan = plan_from(file.provenance)
    if plan is None:
        raise _unexplained(path)
    return plan


def _unexplained(path: Path) -> StorageError:
    return StorageError(
        f"The footer of {path} does not say what made it. Materialize payments_parquet for this partition again."
    )


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
    return _judge_once(schema, day, path, *_identity(path))


@lru_cache(maxsize=1)
def _judge_once(schema: TransactionSchema, day: dt.date, path: Path, *identity: int) -> list[Claim]:
    """The checks and the upload of one run ask the same; what was judged is judged again only once it changed."""
    with parquet.opened(path, day) as file:
        evidence = Evidence(
            file.schema, file.rows, file.named_rows, file.provenance, file.batches, parquet.UNREADABLE, file.sealed
        )
        return judge(schema, day, evidence)


def _identity(path: Path) -> tuple[int, ...]:
    """Changes with every write to the file: not even setting its times back keeps ctime."""
    try:
        found = path.stat()
    except OSError as error:
        raise StorageError(f"Cannot read {path}: {error.strerror}. Materialize its partition again.") from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def measure_file(day: dt.date, path: Path) -> LocalFile:
    """The day's file as its object must be: its bytes' size and checksum, and what its footer says of it.

    Raises:
        StorageError: the file is no Parquet file, or its footer does not say what made it.
    """
    return _measure_once(day, path, *_identity(path))


@lru_cache(maxsize=1)
def _measure_once(day: dt.date, path: Path, *identity: int) -> LocalFile:
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
        raise _unexplained(path) from error
    return LocalFile.measure(path, metadata)
