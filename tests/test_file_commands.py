"""What can be done with a file alone."""

import json
import re
import subprocess
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from synth_assets.cli import main
from synth_assets.generator.audit import CLAIMS
from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage import parquet
from tests.conftest import BIN, DAY, SCHEMA_FILE, day_table, make_plan, write_day

COMMAND = BIN / "synth-assets"
SCHEMA = TransactionSchema.parse(SCHEMA_FILE.read_text())


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


def test_show_prints_the_provenance_the_columns_the_rates_and_the_verdict(path, schema, capsys):
    assert main(["show", str(path)]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0] == str(path)
    for said in (
        rf"^day +{DAY}$",
        r"^rows +3,000$",
        r"^row groups +3 of up to 1,000 rows$",
        rf"^bytes +{path.stat().st_size:,}, .* a row, snappy$",
        rf"^contract +1\.0\.0, digest {schema.digest}$",
        r"^seed +9$",
        r"^fraud_rate +0\.1$",
        r"^mcc_code +enum +yes +yes +yes +[\d,]+ +\d+\.\d%$",
        r"^card_pan_hash +string +no +no +no +[\d,]+ +\d+\.\d%$",
        r"^null +device_id +0\.080000 +0\.0\d+ ",
        r"^fraud +day +0\.100000 +0\.\d+ ",
    ):
        assert re.search(said, text, re.MULTILINE), said
    assert re.findall(r"^holds  (\w+)", text, re.MULTILINE) == list(CLAIMS)


def test_show_json_holds_the_same_for_scripts(path, schema, capsys):
    assert main(["show", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["success"], document["path"], document["error"]) == (True, str(path), None)
    assert (document["day"], document["rows"], document["bytes"]) == (str(DAY), 3_000, path.stat().st_size)
    assert document["plan"] == make_plan(rows=3_000, chunk_size=1_000, seed=9, fraud_rate=0.1).model_dump(mode="json")
    assert document["schema"]["digest"] == schema.digest
    assert [column["name"] for column in document["columns"]] == list(schema.names)
    footer = pq.read_metadata(path)
    sizes = [footer.row_group(group).column(3).total_compressed_size for group in range(3)]
    assert document["columns"][3] == {
        "name": "amount", "dtype": "float", "nullable": False, "dictionary": False, "statistics": True,
        "bytes": sum(sizes),
    }  # fmt: skip
    nulls = pl.read_parquet(path)["mcc_code"].null_count()
    assert document["rates"]["null_proportions_within_bounds"]["mcc_code"]["count"] == nulls
    assert set(document["checks"]) == set(CLAIMS)


def test_show_of_a_broken_file_fails_and_names_the_claim_in_one_line(schema, tmp_path, capsys):
    plan = make_plan(rows=3_000)
    path = write_day(tmp_path, schema, plan, day_table(schema, plan).take([1, 0, *range(2, 3_000)]))
    assert main(["show", str(path)]) == 1
    told = capsys.readouterr()
    assert "BROKEN event_times_in_window_and_order" in told.out
    (error,) = told.err.splitlines()
    assert error.startswith(f"error: 1 of {len(CLAIMS)} claims about {path} do not hold: event_times_in_window")
    assert main(["show", str(path), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["success"], document["error"]) == (False, error.removeprefix("error: "))
    assert not document["checks"]["event_times_in_window_and_order"]["passed"]


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
    whole = write_day(path.parent, SCHEMA, make_plan(rows=5))
    path.write_bytes(whole.read_bytes()[:-100])


def of_another_program(path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(path)


def of_another_version(path: Path) -> None:
    whole = write_day(path.parent, SCHEMA, make_plan(rows=5))
    table = pq.read_table(whole)
    provenance = json.loads(table.schema.metadata[parquet.PROVENANCE_KEY]) | {"generator_version": "0"}
    pq.write_table(table.replace_schema_metadata({parquet.PROVENANCE_KEY: json.dumps(provenance)}), path)


@pytest.mark.parametrize("command", ["show", "verify", "reproduce"])
@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        (f"payments_5_{DAY}.parquet", no_file, "Cannot read .*: No such file or directory. Name a day's file"),
        (f"payments_5_{DAY}.parquet", directory, "Cannot read .*: Is a directory. Name a day's file"),
        ("notes.txt", text, "is not named payments_ROWS_YYYY-MM-DD.parquet. Give it back its name"),
        ("payments_5_2026-02-30.parquet", text, "is not named"),
        (f"payments_5_{DAY}.parquet", text, "is not a readable Parquet file: .*Materialize its partition again"),
        (f"payments_5_{DAY}.parquet", truncated, "is not a readable Parquet file: "),
        (f"payments_5_{DAY}.parquet", of_another_program, "holds no usable plan: .*Make the day again"),
        (f"payments_5_{DAY}.parquet", of_another_version, "made by generator version 0; this is .*CHANGELOG.md"),
    ],
)
def test_what_is_no_days_file_gives_one_clear_error(tmp_path, capsys, command, name, make, says):
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


def test_a_reader_that_has_gone_ends_a_command_without_a_word(path):
    with subprocess.Popen([COMMAND, "show", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141
