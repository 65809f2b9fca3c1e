"""`synth-assets verify FILE` and `synth-assets reproduce FILE`: what can be done with a file alone, by its footer."""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
from pathlib import Path

from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.audit import plan_from
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.storage import parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import replacing
from synth_assets.storage.layout import day_in_name
from synth_assets.verdict import judge_file, write_file


def run(arguments: list[str]) -> int:
    """Carry out `verify` or `reproduce`. Returns 0, or 1 where a claim is broken, a file differs or cannot be read."""
    options = _parser().parse_args(arguments)
    try:
        schema, plan = origin(options.file)
        if options.command == "verify":
            return _verify(options.file, schema, plan)
        if options.out:
            return _reproduce(options.file, schema, plan, options.out)
        with tempfile.TemporaryDirectory() as folder:
            return _reproduce(options.file, schema, plan, Path(folder))
    except (GeneratorError, StorageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def origin(path: Path) -> tuple[TransactionSchema, GenerationPlan]:
    """The contract and the plan that a file was made from, as its footer says.

    Raises:
        StorageError: the file is not named as a day's file, no Parquet file, or its footer has no usable plan.
        SchemaError: the contract in its footer breaks its form.
    """
    day = day_in_name(path.name)
    if day is None:
        raise StorageError(f"{path} is not named payments_ROWS_YYYY-MM-DD.parquet. Give it back its name.")
    with parquet.opened(path, day) as file:
        provenance = file.provenance or {}
    plan, schema = plan_from(provenance), provenance.get("schema")
    if plan is None or not isinstance(schema, dict):
        raise StorageError(f"The footer of {path} holds no usable plan: it was not made by this project, or damaged.")
    made_by = provenance.get("generator_version")
    if made_by != GENERATOR_VERSION:
        raise StorageError(
            f"{path} was made by generator version {made_by}; this is {GENERATOR_VERSION}. Install the other one."
        )
    return TransactionSchema.from_canonical({k: v for k, v in schema.items() if k != "digest"}, str(path)), plan


def _verify(path: Path, schema: TransactionSchema, plan: GenerationPlan) -> int:
    claims = judge_file(schema, day_in_name(path.name) or plan.day, path)
    for claim in claims:
        print(f"{'holds ' if claim.passed else 'BROKEN'} {claim.name}: {claim.summary}")
    return int(any(not claim.passed for claim in claims))


def _reproduce(path: Path, schema: TransactionSchema, plan: GenerationPlan, folder: Path) -> int:
    made = folder / path.name
    if made.exists() and made.samefile(path):
        raise StorageError(f"{made} is the file itself. Give --out another folder.")
    with replacing(made, plan.day) as partial:
        for _ in write_file(partial, TransactionSimulator(schema, plan)):
            pass
    if not filecmp.cmp(path, made, shallow=False):
        print(f"error: {path} is not what its footer makes with these library versions", file=sys.stderr)
        return 1
    print(f"{path} is what its footer makes, byte for byte")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="synth-assets", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="judge every claim about a file, under the contract in its footer")
    reproduce = commands.add_parser("reproduce", help="make a file again from its footer, and compare the bytes")
    reproduce.add_argument("--out", type=Path, metavar="FOLDER", help="keep what was made in this folder")
    for command in (verify, reproduce):
        command.add_argument("file", type=Path)
    return parser
