"""The commands that take a file: what they answer, and their errors."""

import json
import re
import tempfile
from pathlib import Path

import polars as pl
import pytest

from synth_assets.cli import main
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import CLAIMS
from synth_assets.generator.schema import TransactionSchema
from tests.conftest import DAY, SCHEMA_FILE, day_table, make_plan, write_day

SCHEMA = TransactionSchema.parse(SCHEMA_FILE.read_text())


@pytest.fixture(scope="module")
def path(schema, tmp_path_factory):
    """A day's file, alone in its folder. No command changes it."""
    return write_day(tmp_path_factory.mktemp("day"), schema, make_plan(rows=3_000, chunk_size=1_000))


def test_verify_says_of_every_claim_that_it_holds(path, capsys):
    assert main(["verify", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"passed  {claim}" for claim in CLAIMS]


def test_verify_names_the_broken_claim_and_fails(schema, tmp_path, capsys):
    plan = make_plan(rows=3_000)
    table = day_table(schema, plan)
    path = write_day(tmp_path, schema, plan, table.take([1, 0, *range(2, 3_000)]))
    assert main(["verify", str(path)]) == 1
    broken = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")]
    assert len(broken) == 1
    assert "event_times_in_window_and_order" in broken[0]


def test_a_file_made_under_another_contract_is_verified_and_reproduced_under_its_own(schema, tmp_path, capsys):
    fields = [field for field in reversed(schema.canonical["fields"]) if field["name"] != "is_recurring"]
    other = TransactionSchema.from_canonical({**schema.canonical, "version": "7", "fields": fields}, "other")
    path = write_day(tmp_path, other, make_plan(rows=3_000))
    assert main(["verify", str(path)]) == 0
    assert main(["reproduce", str(path)]) == 0


def test_reproduce_makes_the_same_bytes(path, tmp_path, capsys):
    assert main(["reproduce", str(path), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    assert "byte for byte" in capsys.readouterr().out


def test_reproduce_without_a_folder_leaves_nothing_behind(path, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(["reproduce", str(path)]) == 0
    assert list(tmp_path.iterdir()) == []
    assert list(path.parent.iterdir()) == [path]


def test_reproduce_tells_a_file_that_its_footer_does_not_make(schema, tmp_path, capsys):
    plan = make_plan(rows=3_000)
    path = write_day(tmp_path, schema, plan, day_table(schema, make_plan(rows=3_000, seed=43)))
    assert main(["reproduce", str(path)]) == 1
    assert "differs from what its footer gives" in capsys.readouterr().err


def test_reproduce_never_writes_over_the_file_itself(path, capsys):
    before = path.read_bytes()
    assert main(["reproduce", str(path), "--out", str(path.parent)]) == 1
    assert "is the original file" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_verify_and_reproduce_have_documents_too(path, tmp_path, capsys):
    assert main(["verify", str(path), "--json"]) == 0
    verified = json.loads(capsys.readouterr().out)
    assert (verified["success"], set(verified["checks"])) == (True, set(CLAIMS))
    assert main(["reproduce", str(path), "--json", "--out", str(tmp_path / "again")]) == 0
    reproduced = json.loads(capsys.readouterr().out)
    assert reproduced == {
        "success": True, "path": str(path), "made": str(tmp_path / "again" / path.name), "error": None,
    }  # fmt: skip


def no_file(path: Path) -> None:
    pass


def directory(path: Path) -> None:
    path.mkdir()


def text(path: Path) -> None:
    path.write_text("not Parquet")


def truncated(path: Path) -> None:
    complete = write_day(path.parent, SCHEMA, make_plan(rows=5))
    path.write_bytes(complete.read_bytes()[:-100])


def of_another_program(path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(path)


@pytest.mark.parametrize("command", ["show", "verify", "reproduce", "upload"])
@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        (f"payments_5_{DAY}.parquet", no_file, "Cannot read .*: No such file or directory. Name a day's file"),
        (f"payments_5_{DAY}.parquet", directory, "Cannot read .*: Is a directory. Name a day's file"),
        ("notes.txt", text, "is not named payments_ROWS_YYYY-MM-DD.parquet. Give the file its original name"),
        ("payments_5_2026-02-30.parquet", text, "is not named"),
        (
            f"payments_5_{DAY}.parquet",
            text,
            "is not a readable Parquet file: .*Delete it, and materialize its",
        ),
        (f"payments_5_{DAY}.parquet", truncated, "is not a readable Parquet file: "),
        (f"payments_5_{DAY}.parquet", of_another_program, "does not say what made it: .*for this partition again"),
    ],
)
def test_what_is_not_the_file_of_a_day_gives_one_clear_error(tmp_path, capsys, command, name, make, says):
    path = tmp_path / name
    make(path)
    assert main([command, str(path)]) == 1
    told = capsys.readouterr()
    (error,) = told.err.splitlines()
    assert told.out == ""
    assert error.startswith("error: ")
    assert str(path) in error
    assert re.search(says, error)
    assert main([command, str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "success": False, "path": str(path), "error": error.removeprefix("error: "),
    }  # fmt: skip


@pytest.fixture
def older() -> Path:
    """A file that version 1 of the generator made, with currencies that ISO 4217 does not have."""
    return Path(__file__).parent / "made_by_version_1" / f"payments_50_{DAY}.parquet"


def test_a_file_of_an_older_version_is_shown_as_one(older, capsys):
    assert main(["show", str(older)]) == 0
    shown = capsys.readouterr().out
    assert re.search(rf"generator version +1 \(this is {GENERATOR_VERSION}\)\n", shown)
    assert re.search(r"encodings +compact\n", shown)
    assert f"values_follow_rules: not judged: made by generator version 1, and this is {GENERATOR_VERSION}" in shown


def test_a_file_of_an_older_version_is_verified_and_never_called_broken(older, capsys):
    assert main(["verify", str(older)]) == 0
    assert "FAILED" not in capsys.readouterr().out
    assert main(["verify", str(older), "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert {name for name, check in checks.items() if not check["passed"]} == {
        name for name, check in checks.items() if check["severity"] == "WARN"
    } == {
        "null_proportions_within_bounds", "fraud_proportion_within_bounds", "recurring_proportion_within_bounds",
        "values_follow_rules",
    }  # fmt: skip


def test_a_file_of_an_older_version_is_not_reproduced_but_the_error_says_why(older, capsys):
    assert main(["reproduce", str(older)]) == 1
    says = f"was made by generator version 1; this is {GENERATOR_VERSION}. Use the release that CHANGELOG.md"
    assert says in capsys.readouterr().err
