"""`show`, `verify`, `report`, `reproduce` and `upload`: what can be done with a file alone, by what its footer says."""

from __future__ import annotations

import argparse
import filecmp
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from synth_assets.day import judge_day, read_provenance, write_day
from synth_assets.documents import Answer, describe_checks, print_document
from synth_assets.file_description import FileDescription, render_verdict
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import Claim
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import replace_day_file
from synth_assets.storage.replaced import Replaced


def run(options: argparse.Namespace) -> int:
    """Carry out the command, and print its text or, with `--json`, one document.

    Args:
        options: `command`, `file`, `json`, `out` of report and reproduce, and `bucket` and `bucket_parameter` of
            upload, as `cli.build_file_parser` gives them.

    Returns:
        0, or 1 where a claim does not hold, the file differs from what its footer gives, or it cannot be read or
        uploaded.
    """
    path: Path = options.file
    try:
        answer = _answer(path, options)
    except (GeneratorError, StorageError) as error:
        answer = Answer(error=str(error))
    if options.json:
        about = {"success": answer.error is None, "path": str(path)}
        print_document(about | answer.document | {"error": answer.error})
    elif answer.text:
        print(answer.text)
    if answer.error:
        sys.stdout.flush()
        print(f"error: {answer.error}", file=sys.stderr)
    return int(answer.error is not None)


def _answer(path: Path, options: argparse.Namespace) -> Answer:
    file = DayFile.at(path)
    provenance = read_provenance(file)
    if options.command == "show":
        return show(file, provenance)
    if options.command == "verify":
        return verify(file, provenance)
    if options.command == "report":
        return report(file, provenance, options.out)
    if options.command == "upload":
        # It needs Dagster's resources, which take longer to import than the other commands to run.
        from synth_assets.upload_command import upload

        return upload(file, provenance, options.bucket, options.bucket_parameter)
    return reproduce(file, provenance, options.out)


def show(file: DayFile, provenance: Provenance) -> Answer:
    """Describe the file: what made it, its columns, its proportions and the verdict on it."""
    claims = judge_day(provenance.schema, file)
    with file.open() as opened:
        description = FileDescription(file, provenance, opened.footer, claims)
        return Answer(description.document(), description.text(), _broken_claims(file.path, claims))


def verify(file: DayFile, provenance: Provenance) -> Answer:
    """Judge every claim about the file, under the contract in its footer."""
    claims = judge_day(provenance.schema, file)
    return Answer({"checks": describe_checks(claims)}, render_verdict(claims), _broken_claims(file.path, claims))


def report(file: DayFile, provenance: Provenance, out: Path | None) -> Answer:
    """Write the file's report and the page of its month, in the folder `out` or beside the file."""
    # Polars and the templates: the other commands do without.
    from synth_assets.day_report import write_report

    claims = judge_day(provenance.schema, file)
    written = write_report(file, claims, out)
    document = {"report": str(written.page), "index": str(written.index)}
    return Answer(document, f"{written.page}\n{written.index}", _broken_claims(file.path, claims))


def _broken_claims(path: Path, claims: Sequence[Claim]) -> str | None:
    """One line that names the claims that do not hold, or None if all of them hold."""
    if not any(claim.broken for claim in claims):
        return None
    failed = [claim.name for claim in claims if claim.failed]
    return f"{path} fails {len(failed)} of {len(claims)} checks: {', '.join(failed)}. Make the day again."


def reproduce(file: DayFile, provenance: Provenance, out: Path | None) -> Answer:
    """Make the file again, in the folder `out` or in a temporary one, and compare the two files byte for byte.

    Raises:
        StorageError: another version of the generator made the file, or `out` is its own folder or cannot be written
            to.
    """
    path = file.path
    if not provenance.is_current:
        raise StorageError(
            f"{path} was made by generator version {provenance.generator_version}; this is {GENERATOR_VERSION}. "
            f"Use the release that CHANGELOG.md names for it."
        )
    with ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = folder / path.name
        if made.exists() and made.samefile(path):
            raise StorageError(f"{made} is the original file. Give --out another folder.")
        with replace_day_file(made, provenance.plan.day, _report) as partial:
            for _ in write_day(partial, TransactionSimulator(provenance.schema, provenance.plan)):
                pass
        same = filecmp.cmp(path, made, shallow=False)
    document = {"made": str(made) if out else None}
    if same:
        return Answer(document, f"{path} was reproduced from its footer, byte for byte")
    return Answer(
        document,
        error=f"{path} differs from what its footer gives with these library versions. "
        f"Compare them with constraints.txt.",
    )


def _report(replaced: Replaced) -> None:
    print(f"removed {replaced}", file=sys.stderr)
