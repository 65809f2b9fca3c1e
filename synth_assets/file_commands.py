"""`synth-assets show`, `verify` and `reproduce`: what can be done with a file alone, by its footer."""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from tabulate import tabulate

from synth_assets.cli import COMMANDS
from synth_assets.documents import checks_of, print_document, rates_of
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.audit import Claim, plan_from
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.storage import parquet
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import replacing
from synth_assets.storage.layout import day_in_name
from synth_assets.verdict import judge_file, write_file


@dataclass(frozen=True)
class Origin:
    """What a file was made from, as its footer says."""

    schema: TransactionSchema
    plan: GenerationPlan
    digest: str


@dataclass(frozen=True)
class Answer:
    """What a command found: for scripts, for a person, and in one line where it is not as it should be."""

    document: dict[str, Any]
    text: str = ""
    error: str | None = None


def run(arguments: list[str]) -> int:
    """Carry out a command. Returns 0, or 1 where a claim is broken, a file differs or cannot be read."""
    options = build_parser().parse_args(arguments)
    path: Path = options.file
    try:
        made_from = origin(path)
        if options.command == "show":
            answer = _show(path, made_from)
        elif options.command == "verify":
            answer = _verify(path, made_from)
        else:
            answer = _reproduce(path, made_from, options.out)
    except (GeneratorError, StorageError) as error:
        answer = Answer({}, error=str(error))
    if options.json:
        about = {"success": answer.error is None, "path": str(path)}
        print_document(about | answer.document | {"error": answer.error})
    elif answer.text:
        print(answer.text)
    if answer.error:
        sys.stdout.flush()
        print(f"error: {answer.error}", file=sys.stderr)
    return int(answer.error is not None)


def origin(path: Path) -> Origin:
    """The contract and the plan that a file was made from, as its footer says.

    Raises:
        StorageError: the file cannot be read, is not named as a day's file, is no Parquet file, its footer has no
            usable plan, or another version of the generator made it.
        SchemaError: the contract in its footer breaks its form.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise StorageError(f"Cannot read {path}: {error.strerror}. Name a day's file that can be read.") from error
    day = day_in_name(path.name)
    if day is None:
        raise StorageError(f"{path} is not named payments_ROWS_YYYY-MM-DD.parquet. Give it back its name.")
    with parquet.opened(path, day) as file:
        provenance = file.provenance or {}
    made_by = provenance.get("generator_version", GENERATOR_VERSION)
    if made_by != GENERATOR_VERSION:
        # Before the plan: another version's may have other settings.
        raise StorageError(
            f"{path} was made by generator version {made_by}; this is {GENERATOR_VERSION}. "
            f"Use the release that CHANGELOG.md names for it."
        )
    plan, schema = plan_from(provenance), provenance.get("schema")
    if plan is None or not isinstance(schema, dict):
        raise StorageError(
            f"The footer of {path} holds no usable plan: it was not made by this project, or is damaged. "
            f"Make the day again."
        )
    contract = TransactionSchema.from_canonical({k: v for k, v in schema.items() if k != "digest"}, str(path))
    return Origin(contract, plan, provenance["digest"])


def _judged(path: Path, made_from: Origin) -> tuple[list[Claim], str | None]:
    """Every claim about the file, and in one line which of them do not hold."""
    claims = judge_file(made_from.schema, day_in_name(path.name) or made_from.plan.day, path)
    broken = [claim.name for claim in claims if not claim.passed]
    error = f"{len(broken)} of {len(claims)} claims about {path} do not hold: {', '.join(broken)}. Make the day again."
    return claims, error if broken else None


def _verify(path: Path, made_from: Origin) -> Answer:
    claims, error = _judged(path, made_from)
    return Answer({"checks": checks_of(claims)}, _verdict(claims), error)


def _verdict(claims: list[Claim]) -> str:
    return "\n".join(f"{'holds ' if claim.passed else 'BROKEN'} {claim.name}: {claim.summary}" for claim in claims)


def _show(path: Path, made_from: Origin) -> Answer:
    schema, plan = made_from.schema, made_from.plan
    claims, error = _judged(path, made_from)
    with parquet.opened(path, plan.day) as file:
        footer = file.parquet.metadata
        columns = _columns(schema, footer)
    size = path.stat().st_size
    rates = rates_of(claims)
    document = {
        "day": str(plan.day),
        "rows": footer.num_rows,
        "bytes": size,
        "row_groups": footer.num_row_groups,
        "codec": plan.compression,
        "written_by": footer.created_by,
        "generator_version": GENERATOR_VERSION,
        "data_version": made_from.digest,
        "plan": plan.model_dump(mode="json"),
        "schema": schema.canonical | {"digest": schema.digest},
        "columns": columns,
        "rates": rates,
        "checks": checks_of(claims),
    }
    facts = {
        "day": plan.day,
        "rows": f"{footer.num_rows:,}",
        "row groups": f"{footer.num_row_groups:,} of up to {plan.chunk_size:,} rows",
        "bytes": f"{size:,}, {size / max(footer.num_rows, 1):.1f} a row, {plan.compression}",
        "generator version": GENERATOR_VERSION,
        "written by": footer.created_by,
        "contract": f"{schema.version}, digest {schema.digest}",
        "data version": made_from.digest,
    }
    settings = plan.model_dump(mode="json", exclude={"day", "rows", "compression"})
    proportions = [
        (claim.removesuffix("_proportions_within_bounds").removesuffix("_proportion_within_bounds"), of, *row.values())
        for claim, each in rates.items()
        for of, row in each.items()
        if row["expected"] and not of.startswith("tenth ")
    ]
    parts = {
        str(path): tabulate(facts.items(), tablefmt="plain", disable_numparse=True),
        "plan": tabulate(settings.items(), tablefmt="plain", disable_numparse=True, colalign=("left", "right")),
        "columns": tabulate(
            [(*map(_word, each.values()), f"{each['bytes'] / size:.1%}") for each in columns],
            headers=("name", "dtype", "null?", "dictionary", "statistics", "bytes", "of the file"),
            tablefmt="simple",
            intfmt=",",
            disable_numparse=[0, 1, 2, 3, 4, 6],
            colalign=("left", "left", "left", "left", "left", "right", "right"),
        ),
        "proportions": tabulate(
            proportions,
            headers=("", "of", "expected", "observed", "rows", "lowest", "highest"),
            tablefmt="simple",
            intfmt=",",
            floatfmt=".6f",
        ),
        "verdict": _verdict(claims),
    }
    return Answer(document, "\n\n".join(f"{title}\n{text}" for title, text in parts.items()), error)


def _word(value: object) -> object:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _columns(schema: TransactionSchema, footer: pq.FileMetaData) -> list[dict[str, Any]]:
    """Of each column in the file, what the contract calls it, how it is encoded, and its bytes in all row groups."""
    dtypes = {field.name: field.dtype for field in schema.fields}
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = []
    for place, name in enumerate(footer.schema.names):
        chunks = [group.column(place) for group in groups]
        columns.append(
            {
                "name": name,
                "dtype": dtypes.get(name),
                "nullable": footer.schema.column(place).max_definition_level > 0,
                "dictionary": any(chunk.has_dictionary_page for chunk in chunks),
                "statistics": all(chunk.is_stats_set for chunk in chunks),
                "bytes": sum(chunk.total_compressed_size for chunk in chunks),
            }
        )
    return columns


def _reproduce(path: Path, made_from: Origin, out: Path | None) -> Answer:
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = folder / path.name
        if made.exists() and made.samefile(path):
            raise StorageError(f"{made} is the file itself. Give --out another folder.")
        with replacing(made, made_from.plan.day) as partial:
            for _ in write_file(partial, TransactionSimulator(made_from.schema, made_from.plan)):
                pass
        same = filecmp.cmp(path, made, shallow=False)
    document = {"made": str(made) if out else None}
    if same:
        return Answer(document, f"{path} is what its footer makes, byte for byte")
    return Answer(
        document,
        error=f"{path} is not what its footer makes with these library versions. Compare them with constraints.txt.",
    )


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="synth-assets", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, says in COMMANDS.items():
        command = commands.add_parser(name, help=says, description=says, allow_abbrev=False)
        command.add_argument("file", type=Path, metavar="FILE", help="A day's file.")
        command.add_argument("--json", action="store_true", help="Print one JSON document in place of text.")
        if name == "reproduce":
            command.add_argument("--out", type=Path, metavar="FOLDER", help="Keep what was made in this folder.")
    return parser
