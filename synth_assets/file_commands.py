"""`show`, `verify`, `report`, `reproduce` and `upload`: what can be done with a file alone, by what its footer says."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack

from synth_assets.day import metadata_of, read_provenance
from synth_assets.documents import Answer, describe_checks, print_document
from synth_assets.file_description import FileDescription, render_verdict
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import Claim
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.provenance import Provenance
from synth_assets.judging import THREADS, count_day, judge_day
from synth_assets.making import make_day
from synth_assets.storage.aws import AwsConnection
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.comparison import same_bytes
from synth_assets.storage.errors import StorageError
from synth_assets.storage.place import Day
from synth_assets.storage.places import is_same, open_day, open_place
from synth_assets.storage.replaced import Replaced


def run(options: argparse.Namespace) -> int:
    """Carry out the command, and print its text or, with `--json`, one document.

    Args:
        options: `command`, `file`, `json`, `out` of report and reproduce, and `bucket` and `bucket_parameter` of
            upload, as `command_options.build_file_parser` gives them.

    Returns:
        0, or 1 where a claim does not hold, the file differs from what its footer gives, or it cannot be read or
        uploaded.
    """
    path: str = options.file
    try:
        answer = _answer(path, options)
    except (GeneratorError, StorageError) as error:
        answer = Answer(error=str(error))
    if options.json:
        about = {"success": answer.error is None, "path": path}
        print_document(about | answer.document | {"error": answer.error})
    elif answer.text:
        print(answer.text)
    if answer.error:
        sys.stdout.flush()
        print(f"error: {answer.error}", file=sys.stderr)
    return int(answer.error is not None)


def _connect(name: str) -> Bucket:
    """A bucket as the environment alone leads to it. Dagster's resources take longer to import than a command runs."""
    return Bucket(AwsConnection(), name)


def _answer(path: str, options: argparse.Namespace) -> Answer:
    file = open_day(path, _connect)
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


def show(file: Day, provenance: Provenance) -> Answer:
    """Describe the file: what made it, its columns, its proportions and the verdict on it."""
    claims = judge_day(provenance.schema, file)
    with file.open() as opened:
        description = FileDescription(file, provenance, opened.footer, claims)
        return Answer(description.document(), description.text(), _broken_claims(file.location, claims))


def verify(file: Day, provenance: Provenance) -> Answer:
    """Judge every claim about the file, under the contract in its footer."""
    claims = judge_day(provenance.schema, file)
    return Answer({"checks": describe_checks(claims)}, render_verdict(claims), _broken_claims(file.location, claims))


def report(file: Day, provenance: Provenance, out: str | None) -> Answer:
    """Write the file's report and the page of its month, in the place `out` or beside the file."""
    # Polars and the templates: the other commands do without.
    from synth_assets.day_report import write_report

    claims = judge_day(provenance.schema, file)
    counts = count_day(provenance.schema, file)
    written = write_report(file, claims, counts, open_place(out, _connect) if out else None)
    document = {"report": written.page, "index": written.index}
    return Answer(document, f"{written.page}\n{written.index}", _broken_claims(file.location, claims))


def _broken_claims(path: str, claims: Sequence[Claim]) -> str | None:
    """One line that names the claims that do not hold, or None if all of them hold."""
    if not any(claim.broken for claim in claims):
        return None
    failed = [claim.name for claim in claims if claim.failed]
    return f"{path} fails {len(failed)} of {len(claims)} checks: {', '.join(failed)}. Make the day again."


def reproduce(file: Day, provenance: Provenance, out: str | None) -> Answer:
    """Make the file again, in the place `out` or in a temporary folder, and compare the two files byte for byte.

    Raises:
        StorageError: another version of the generator made the file, or `out` is its own folder or cannot be written
            to.
    """
    path = file.location
    if not provenance.is_current:
        raise StorageError(
            f"{path} was made by generator version {provenance.generator_version}; this is {GENERATOR_VERSION}. "
            f"Use the release that CHANGELOG.md names for it."
        )
    with ExitStack() as stack:
        place = open_place(out or stack.enter_context(tempfile.TemporaryDirectory()), _connect)
        made = place.location(file.name)
        if place.exists(file.name) and is_same(made, path):
            raise StorageError(f"{made} is the original file. Give --out another folder.")
        with place.replace_day(file.name, provenance.plan.day, metadata_of(provenance), _report) as staged:
            make_day(staged, provenance.schema, provenance.plan, THREADS)
        same = same_bytes(file, open_day(made, _connect))
    document = {"made": made if out else None}
    if same:
        return Answer(document, f"{path} was reproduced from its footer, byte for byte")
    differing = f"{path} differs from what its footer gives with these library versions"
    plan = provenance.plan
    if (by_calendar := plan.on(plan.day).rows) != plan.rows:
        differing += f", by whose holidays the day has {by_calendar:,} rows, and not {plan.rows:,}"
    return Answer(document, error=f"{differing}. Compare them with constraints.txt.")


def _report(replaced: Replaced) -> None:
    print(f"removed {replaced}", file=sys.stderr)
