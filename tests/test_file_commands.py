"""What can be done with a file alone."""

import pytest

from synth_assets.cli import main
from synth_assets.generator.audit import CLAIMS
from synth_assets.generator.schema import TransactionSchema
from tests.conftest import DAY, day_table, make_plan, write_day


@pytest.fixture
def path(schema, tmp_path):
    return write_day(tmp_path, schema, make_plan(rows=3_000, chunk_size=1_000, seed=9, fraud_rate=0.1))


def test_verify_says_of_every_claim_that_it_holds(path, capsys):
    assert main(["verify", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"holds  {claim}" for claim in CLAIMS]


def test_verify_names_the_broken_claim_and_fails(schema, tmp_path, capsys):
    plan = make_plan(rows=3_000)
    table = day_table(schema, plan)
    path = write_day(tmp_path, schema, plan, table.take([1, 0, *range(2, 3_000)]))
    assert main(["verify", str(path)]) == 1
    broken = [line for line in capsys.readouterr().out.splitlines() if line.startswith("BROKEN")]
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


def test_reproduce_without_a_folder_leaves_nothing_behind(path, tmp_path):
    assert main(["reproduce", str(path)]) == 0
    assert list(tmp_path.iterdir()) == [path]


def test_reproduce_tells_a_file_that_its_footer_does_not_make(schema, tmp_path, capsys):
    plan = make_plan(rows=3_000)
    path = write_day(tmp_path, schema, plan, day_table(schema, make_plan(rows=3_000, seed=43)))
    assert main(["reproduce", str(path)]) == 1
    assert "is not what its footer makes" in capsys.readouterr().err


def test_reproduce_never_writes_over_the_file_itself(path, capsys):
    before = path.read_bytes()
    assert main(["reproduce", str(path), "--out", str(path.parent)]) == 1
    assert "is the file itself" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["verify", "reproduce"])
@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("notes.txt", b"", "is not named"),
        ("payments_5_2026-02-30.parquet", b"", "is not named"),
        (f"payments_5_{DAY}.parquet", b"", "not a readable Parquet file"),
    ],
)
def test_what_is_no_days_file_gives_one_clear_error(tmp_path, capsys, command, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    assert main([command, str(path)]) == 1
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("error: ")
    assert says in error


@pytest.mark.parametrize("command", ["verify", "reproduce"])
def test_a_missing_file_gives_one_clear_error(tmp_path, capsys, command):
    assert main([command, str(tmp_path / f"payments_5_{DAY}.parquet")]) == 1
    assert "not a readable Parquet file" in capsys.readouterr().err
