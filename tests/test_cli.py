"""The command line, as a person and as a script meet it."""

from __future__ import annotations

import datetime as dt
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import dagster as dg
import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml

from synth_assets import cli, file_commands
from synth_assets.generator.audit import CLAIMS
from synth_assets.partitions import DAILY
from synth_assets.resources import PROJECT_ROOT
from synth_assets.storage.loopback import BUCKET, LoopbackAws
from synth_assets.storage.parquet import opened
from tests.conftest import DAY, SCHEMA_FILE, digest, make_plan, object_keys, write_day

COMMAND = [str(Path(sys.executable).parent / "synth-assets")]
MODULE = [sys.executable, "-m", "synth_assets.cli"]
SMALL = ("--rows", "1000", "--date", str(DAY))
FILE = f"payments_1000_{DAY}.parquet"
OBJECT = f"payments/year=2026/month=01/{FILE}"


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def somewhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working directory: no project, so no history, and nothing is written into the checkout."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def synth_assets(capfd: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> Outcome:
        try:
            code = cli.main(list(arguments))
        except SystemExit as exit_:
            code = exit_.code
        return Outcome(code, *capfd.readouterr())

    return run


def files(folder: Path) -> list[str]:
    """Every file below a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def plan_in(path: Path) -> dict[str, Any]:
    with opened(path, DAY) as file:
        return file.provenance["plan"]


# --- what it makes --------------------------------------------------------------------------------------------


def test_without_a_date_the_last_complete_day_is_made(synth_assets):
    before = DAILY.get_last_partition_key()
    outcome = synth_assets("--rows", "1000")
    after = DAILY.get_last_partition_key()
    assert outcome.code == 0
    assert re.fullmatch(r".*/outputs/payments_1000_(.*)\.parquet\n", outcome.out)[1] in {before, after}


def test_rows_may_be_written_with_underscores_and_stdout_is_the_path_alone(synth_assets, somewhere_else):
    outcome = synth_assets("--rows", "1_000", "--date", str(DAY))
    assert outcome[:2] == (0, f"{somewhere_else}/outputs/{FILE}\n")
    assert pl.read_parquet(f"outputs/{FILE}").height == 1_000


@pytest.mark.parametrize("option", ["--out", "--output-dir"])
def test_the_folder_is_made_where_it_is_named_and_the_path_is_absolute(option, synth_assets, somewhere_else):
    outcome = synth_assets(*SMALL, option, "a/b")
    assert outcome[:2] == (0, f"{somewhere_else}/a/b/{FILE}\n")
    assert files(somewhere_else) == [f"a/b/{FILE}"]


def test_chunk_size_changes_the_row_groups_and_no_value(synth_assets):
    for size in ("1000", "300"):
        assert synth_assets(*SMALL, "--chunk-size", size, "--out", size).code == 0
    assert [pq.read_metadata(f"{size}/{FILE}").num_row_groups for size in ("1000", "300")] == [1, 4]
    assert digest(pl.read_parquet(f"1000/{FILE}")) == digest(pl.read_parquet(f"300/{FILE}"))


def test_another_contract_gives_its_own_columns_in_its_own_order(synth_assets):
    contract = yaml.safe_load(SCHEMA_FILE.read_text())
    contract["fields"] = [field for field in reversed(contract["fields"]) if field["name"] != "amount"]
    Path("other.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))
    assert synth_assets(*SMALL, "--out", "own").code == 0
    assert synth_assets(*SMALL, "--out", "other", "--schema", "other.yaml").code == 0
    other, own = pl.read_parquet(f"other/{FILE}"), pl.read_parquet(f"own/{FILE}")
    assert other.columns == [field["name"] for field in contract["fields"]]
    assert own.columns[0] == "transaction_id"
    assert other.equals(own.select(other.columns))


def test_every_setting_ends_up_in_the_file(synth_assets):
    settings = {
        "rows": 1_000, "chunk_size": 400, "fraud_rate": 0.25, "null_mcc_rate": 0.5, "null_device_rate": 1.0,
        "null_geo_rate": 0.0, "timezone_offset": 840, "lookback_days": 3, "seed": 7, "compression": "zstd",
        "profile": "uniform",
    }  # fmt: skip
    options = [text for name, value in settings.items() for text in (cli.option(name), str(value))]
    assert synth_assets("--date", str(DAY), "--out", "out", *options).code == 0
    path = Path("out", FILE)
    assert plan_in(path) == {"day": str(DAY), **settings}
    assert pq.read_metadata(path).row_group(0).column(0).compression == "ZSTD"
    frame = pl.read_parquet(path)
    assert frame["device_id"].null_count() == 1_000
    assert frame["local_time_offset"].unique().to_list() == [840]
    assert frame["event_time"].min().date() == DAY - dt.timedelta(days=2)
    assert synth_assets(*SMALL, "--out", "other-seed", "--seed", "8").code == 0
    assert not set(pl.read_parquet(f"other-seed/{FILE}")["transaction_id"]) & set(frame["transaction_id"])


def test_a_realistic_day_has_its_world_and_its_labels_beside_it(synth_assets, somewhere_else):
    realistic = ("--profile", "realistic", "--customers", "1_000", "--difficulty", "hard", "--fraud-rate", "0.1")
    outcome = synth_assets(*SMALL, "--out", "out", *realistic)
    beside = {
        "cards": f"world_42_1000/cards_{DAY.year}.parquet",
        "customers": "world_42_1000/customers.parquet",
        "merchants": "world_42_1000/merchants.parquet",
        "label_events": f"label_events_{DAY}.parquet",
    }
    assert outcome.code == 0
    assert outcome.out.splitlines() == [f"{somewhere_else}/out/{name}" for name in (FILE, *beside.values())]
    plan = plan_in(Path("out", FILE))
    assert (plan["difficulty"], plan["customers"]) == ("hard", 1_000)
    again = synth_assets(*SMALL, "--out", "out", *realistic, "--json")
    assert json.loads(again.out)["beside"] == {asset: f"{somewhere_else}/out/{name}" for asset, name in beside.items()}


def test_a_setting_of_another_profile_is_a_usage_error(synth_assets):
    outcome = synth_assets(*SMALL, "--difficulty", "hard")
    assert outcome.code == 2
    assert "difficulty means nothing in the uniform profile" in outcome.err


# --- landing in S3 --------------------------------------------------------------------------------------------


def test_with_s3_yes_the_uri_follows_the_path_and_the_object_is_the_file(synth_assets, aws, somewhere_else):
    outcome = synth_assets(*SMALL, "--s3", "yes", "--out", "out")
    assert outcome[:2] == (0, f"{somewhere_else}/out/{FILE}\ns3://{BUCKET}/{OBJECT}\n")
    body = boto3.client("s3").get_object(Bucket=BUCKET, Key=OBJECT)["Body"].read()
    assert body == Path("out", FILE).read_bytes()


def test_the_same_day_again_sends_nothing_and_prints_the_same(synth_assets, aws):
    first, again = (synth_assets(*SMALL, "--s3", "yes") for _ in range(2))
    assert first[:2] == again[:2]
    assert f"s3://{BUCKET}/{OBJECT}: sent\n" in first.err
    assert f"s3://{BUCKET}/{OBJECT}: was there already, nothing sent\n" in again.err


@pytest.mark.parametrize("choice", [(), ("--s3", "no")])
def test_without_s3_yes_nothing_is_sent(choice, synth_assets, aws):
    outcome = synth_assets(*SMALL, *choice)
    assert (outcome.code, len(outcome.out.splitlines()), object_keys()) == (0, 1, [])


def test_the_bucket_may_be_named_by_another_parameter(synth_assets, aws):
    boto3.client("ssm").put_parameter(Name="/elsewhere", Value=BUCKET, Type="SecureString", Overwrite=True)
    boto3.client("ssm").delete_parameter(Name="/fraud/raw_bucket_name")
    try:
        assert synth_assets(*SMALL, "--s3", "yes", "--bucket-parameter", "/elsewhere").code == 0
    finally:
        boto3.client("ssm").put_parameter(Name="/fraud/raw_bucket_name", Value=BUCKET, Type="String")
    assert object_keys() == [OBJECT]


# --- what it shows --------------------------------------------------------------------------------------------


def test_a_script_reads_plain_lines_on_stderr_and_no_word_of_dagster(somewhere_else):
    done = subprocess.run([*COMMAND, *SMALL, "--chunk-size", "600"], capture_output=True, text=True)
    path = f"{somewhere_else}/outputs/{FILE}"
    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    rate = r"[\d,]+ rows/s, \d+\.\d s elapsed"
    lines = [
        rf"chunk 1 of 2: 600 rows, 400 left, {rate}",
        rf"chunk 2 of 2: 400 rows, 0 left, {rate}",
        rf"{re.escape(path)}: 1,000 rows, [\d,]+ bytes in \d+\.\d s",
    ]
    assert re.fullmatch("\n".join([*lines, ""]), done.stderr)


def read_to_end(terminal: int) -> str:
    """All that is written to a pseudo-terminal until its other side is closed (Linux says that by EIO)."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:
            part = b""
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def test_a_person_at_a_terminal_sees_a_bar_with_the_rate_in_place_of_the_lines(somewhere_else):
    terminal, stderr = pty.openpty()
    termios.tcsetwinsize(stderr, (24, 100))
    arguments = ("--rows", "900000", "--chunk-size", "20000", "--date", str(DAY))
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=stderr) as process:
        os.close(stderr)
        shown = read_to_end(terminal)
        os.close(terminal)
        assert process.stdout.read().decode() == f"{somewhere_else}/outputs/payments_900000_{DAY}.parquet\n"
    assert process.returncode == 0
    assert re.search(r"writing +[1-9]\d%\|█.*\| \d+k of 900k rows, \S+k? rows/s, 00:\d\d left", shown)  # it moves
    assert re.search(r"checking +100%\|█+\| 900k of 900k rows, 00:\d\d so far", shown)
    assert re.search(r"done +100%\|█+\| 900k of 900k rows in 00:\d\d", shown)
    assert "chunk" not in shown


def test_in_a_project_the_run_is_kept_in_its_history_and_shows_no_more_for_it(somewhere_else):
    shutil.copy(PROJECT_ROOT / "dagster.yaml", "dagster.yaml")
    done = subprocess.run([*MODULE, *SMALL], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"{somewhere_else}/outputs/{FILE}\n")
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["chunk", f"{somewhere_else}/outputs/{FILE}:"]
    with dg.DagsterInstance.from_config(str(somewhere_else)) as instance:
        assert [kept.status for kept in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
        assert instance.get_materialized_partitions(dg.AssetKey("payments_parquet")) == {str(DAY)}


# --- one document for scripts ---------------------------------------------------------------------------------


def test_with_json_stdout_is_one_document_about_the_run(synth_assets, aws, somewhere_else):
    outcome = synth_assets(*SMALL, "--s3", "yes", "--json")
    document = json.loads(outcome.out)
    path = somewhere_else / "outputs" / FILE
    checks = document.pop("checks")
    assert set(checks) == {*CLAIMS, "dtypes_recognised", "object_is_local_file"}
    assert all(check["passed"] for check in checks.values())
    assert checks["row_count_matches_plan"] == {
        "passed": True, "severity": "ERROR", "summary": "1,000 rows; plan 1,000, name 1,000",
    }  # fmt: skip
    frauds = pl.read_parquet(path)["label_fraud"].mean()
    assert document.pop("rates")["fraud_proportion_within_bounds"]["day"]["observed"] == frauds
    assert document.pop("seconds") > 0
    assert document.pop("rows_per_second") > 0
    with opened(path, DAY) as file:
        digest_in_footer = file.provenance["digest"]
    assert (outcome.code, document) == (
        0,
        {
            "success": True, "day": str(DAY), "path": str(path), "uri": f"s3://{BUCKET}/{OBJECT}", "beside": {},
            "rows": 1_000,
            "bytes": path.stat().st_size, "data_version": digest_in_footer, "error": None,
        },
    )  # fmt: skip


def test_with_json_a_failed_upload_tells_the_error_beside_the_file_that_was_made(synth_assets, aws, somewhere_else):
    outcome = synth_assets(*SMALL, "--s3", "yes", "--json", "--bucket-parameter", "/absent")
    document = json.loads(outcome.out)
    assert (outcome.code, document["success"], document["uri"]) == (1, False, None)
    assert document["path"] == str(somewhere_else / "outputs" / FILE)
    assert set(document["checks"]) == {*CLAIMS, "dtypes_recognised"}
    assert "Cannot read the SSM parameter /absent" in document["error"]
    assert f"error: {document['error']}\n" in outcome.err


def test_with_json_a_run_that_makes_nothing_tells_the_error_alone(synth_assets):
    outcome = synth_assets(*SMALL, "--json", "--schema", "absent.yaml")
    document = json.loads(outcome.out)
    assert (outcome.code, document["success"], document["path"], document["rates"]) == (1, False, None, {})
    assert "absent.yaml" in document["error"]


def test_with_json_a_warning_is_a_check_that_did_not_pass_of_a_run_that_did(synth_assets):
    other_dtype("amount")
    outcome = synth_assets(*SMALL, "--json", "--schema", "schema.yaml")
    document = json.loads(outcome.out)
    assert (outcome.code, document["success"]) == (0, True)
    check = document["checks"]["dtypes_recognised"]
    assert (check["passed"], check["severity"]) == (False, "WARN")


def test_with_json_a_usage_error_prints_no_document(synth_assets):
    assert synth_assets("--json", "--rows", "0")[:2] == (2, "")


# --- usage errors ---------------------------------------------------------------------------------------------

USAGE_ERRORS = {
    "a mistyped option": (["--rwos", "1000"], "--rwos"),
    "an abbreviated option": (["--row", "1000"], "--row"),
    "a stray argument": (["1000"], "1000"),
    **{
        f"{rate} {value}": ([rate, value], rate)
        for rate in ("--fraud-rate", "--null-mcc-rate", "--null-device-rate", "--null-geo-rate")
        for value in ("1.01", "-0.01", "nan", "inf", "much")
    },
    "no rows": (["--rows", "0"], "--rows"),
    "half a row": (["--rows", "1.5"], "--rows"),
    "too many rows": (["--rows", "10_000_000_001"], "--rows"),
    "no chunk": (["--chunk-size", "0"], "--chunk-size"),
    "an offset that is no zone's": (["--timezone-offset", "841"], "--timezone-offset"),
    "an offset that is no zone's, to the west": (["--timezone-offset", "-721"], "--timezone-offset"),
    "no day in the window": (["--lookback-days", "0"], "--lookback-days"),
    "a negative seed": (["--seed", "-1"], "--seed"),
    "an unknown compression": (["--compression", "gzip"], "--compression"),
    "an unknown profile": (["--profile", "lifelike"], "--profile"),
    "an unknown answer": (["--s3", "maybe"], "--s3"),
    "a day before the first": (["--date", "2019-12-31"], "--date"),
    "a day that is not over": (["--date", dt.datetime.now(dt.UTC).date().isoformat()], "--date"),
    "a day that no calendar has": (["--date", "2026-02-30"], "--date"),
    "a day in words": (["--date", "yesterday"], "--date"),
    "an option without its value": (["--rows"], "--rows"),
}


@pytest.mark.parametrize(("arguments", "named"), USAGE_ERRORS.values(), ids=USAGE_ERRORS.keys())
def test_a_usage_error_is_one_line_that_names_the_option_after_the_usage(
    arguments, named, synth_assets, somewhere_else
):
    outcome = synth_assets(*arguments)
    assert outcome[:2] == (2, "")
    *usage, error = outcome.err.splitlines()
    assert re.match(rf"synth-assets: error: .*{named}(?![\w-])", error)
    assert usage[0].startswith("usage: synth-assets ")
    assert "error" not in "".join(usage)
    assert files(somewhere_else) == []


@pytest.mark.parametrize("command", [COMMAND, MODULE], ids=["script", "module"])
def test_a_usage_error_gives_the_shell_exit_code_2(command):
    done = subprocess.run([*command, "--rows", "0"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("synth-assets: error: --rows")


def test_every_wrong_setting_is_named_at_once(synth_assets):
    error = synth_assets("--rows", "0", "--fraud-rate", "2").err.splitlines()[-1]
    assert "--rows" in error
    assert "--fraud-rate" in error


def test_the_help_gives_every_setting_with_its_default(synth_assets):
    outcome = synth_assets("--help")
    assert (outcome.code, outcome.err) == (0, "")
    text = " ".join(outcome.out.split())
    for name, value in make_plan(rows=1_000_000).model_dump(exclude={"day"}).items():
        assert re.search(rf"{cli.option(name)} .*\(default: {re.escape(str(value))}\)", text)


def test_the_help_names_the_commands_of_a_file_and_its_examples_are_right(synth_assets):
    text = synth_assets("--help").out
    for command, says in cli.COMMANDS.items():
        assert re.search(rf"^  {command} +{re.escape(says)}$", text, re.MULTILINE)
    examples = re.findall(r"^  synth-assets(.*)", text, re.MULTILINE)
    assert len(examples) >= 5
    for example in examples:
        words = shlex.split(example.split("|")[0], comments=True)
        parser = file_commands.build_parser() if words and words[0] in cli.COMMANDS else cli.build_parser()
        parser.parse_args(words)


@pytest.mark.parametrize("columns", ["80", "300"])
def test_the_help_fits_the_terminal_and_is_never_too_wide_to_read(columns, synth_assets, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert max(map(len, synth_assets("--help").out.splitlines())) <= min(int(columns), 118)


# --- run errors -----------------------------------------------------------------------------------------------


def one_error(outcome: Outcome) -> str:
    """The only error line of a failed run, without its label."""
    assert outcome[:2] == (1, "")
    assert "Traceback" not in outcome.err
    (error,) = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert outcome.err.endswith(f"{error}\n")
    return error.removeprefix("error: ")


BROKEN_SCHEMAS = {
    "missing": (None, "Cannot read {path}: No such file or directory. Put the file there"),
    "not YAML": ("fields: [", "{path} is not YAML: "),
    "without fields": ("version: 1", "{path} has no `fields`: give it a list"),
    "not text": (b"\xff\xfe", "{path} is not UTF-8 text (byte 0). Save it as UTF-8."),
}


@pytest.mark.parametrize(("content", "says"), BROKEN_SCHEMAS.values(), ids=BROKEN_SCHEMAS.keys())
def test_a_broken_schema_file_is_named_and_the_previous_file_stays(content, says, synth_assets, somewhere_else, schema):
    previous = write_day(somewhere_else, schema, make_plan(rows=500))
    before = (previous.read_bytes(), previous.stat().st_mtime_ns)
    broken = somewhere_else.parent / "broken.yaml"
    if content is not None:
        broken.write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = synth_assets(*SMALL, "--out", ".", "--schema", str(broken))
    assert says.format(path=broken) in one_error(outcome)
    assert files(somewhere_else) == [previous.name]
    assert (previous.read_bytes(), previous.stat().st_mtime_ns) == before


def test_a_folder_below_a_file_is_named_and_the_file_stays(synth_assets, somewhere_else):
    Path("taken").write_text("mine")
    error = one_error(synth_assets(*SMALL, "--out", "taken/out"))
    assert error.startswith(f"Cannot write to {somewhere_else}/taken/out: Not a directory. ")
    assert "choose an output folder that can be written to" in error
    assert files(somewhere_else) == ["taken"]
    assert Path("taken").read_text() == "mine"


NOWHERE = "http://127.0.0.1:9"
AWS_ERRORS = {
    "no bucket parameter": (
        {}, ["--bucket-parameter", "/absent"], ["Cannot read the SSM parameter /absent", "ParameterNotFound", "Create"],
    ),
    "no bucket": ({}, ["--bucket-parameter", "/no-bucket"], [f"s3://not-there/{OBJECT}", "Create the bucket"]),
    "an unknown access key": (
        {"AWS_ACCESS_KEY_ID": "stranger"}, [], [f"s3://{BUCKET}/{OBJECT}", "(403)", "credentials"],
    ),
    "a wrong secret key": (
        {"AWS_SECRET_ACCESS_KEY": "wrong"}, [], [f"s3://{BUCKET}/{OBJECT}", "(403)", "credentials"],
    ),
    "no credentials": (
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, [],
        ["/fraud/raw_bucket_name", "Unable to locate credentials", "Set AWS_ACCESS_KEY_ID"],
    ),
    "no region": ({"AWS_DEFAULT_REGION": None}, [], ["You must specify a region", "Set AWS_DEFAULT_REGION"]),
    "SSM down": ({"AWS_ENDPOINT_URL_SSM": NOWHERE}, [], ["/fraud/raw_bucket_name", NOWHERE, "Check AWS_ENDPOINT_URL"]),
    "S3 down": ({"AWS_ENDPOINT_URL_S3": NOWHERE}, [], [f"s3://{BUCKET}/{OBJECT}", NOWHERE, "Check AWS_ENDPOINT_URL"]),
    "half of the credentials": ({"AWS_SECRET_ACCESS_KEY": None}, [], ["Partial credentials", "Set both AWS_ACCESS_"]),
    "an endpoint that is no URL": ({"AWS_ENDPOINT_URL_S3": "nonsense"}, [], ["nonsense", "Mend AWS_ENDPOINT_URL"]),
    "an unknown profile": ({"AWS_PROFILE": "nobody"}, [], ["nobody", "Check the AWS settings"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "options", "says"),
    AWS_ERRORS.values(),
    ids=AWS_ERRORS,
)
def test_an_aws_error_is_one_line_and_neither_the_file_nor_the_previous_object_is_touched(
    changed, options, says, synth_assets, aws: LoopbackAws, monkeypatch, somewhere_else
):
    s3 = boto3.client("s3")
    previous = OBJECT.replace("_1000_", "_500_")
    s3.put_object(Bucket=BUCKET, Key=previous, Body=b"the previous object")
    boto3.client("ssm").put_parameter(Name="/no-bucket", Value="not-there", Type="String", Overwrite=True)
    for name, value in changed.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    error = one_error(synth_assets(*SMALL, "--s3", "yes", "--out", "out", *options))
    assert all(words in error for words in says), error
    assert files(somewhere_else) == [f"out/{FILE}"]
    assert pl.read_parquet(f"out/{FILE}").height == 1_000
    assert object_keys(s3) == [previous]
    assert s3.get_object(Bucket=BUCKET, Key=previous)["Body"].read() == b"the previous object"


def test_an_interrupted_run_leaves_the_previous_file_and_no_half(somewhere_else, schema):
    previous = write_day(somewhere_else, schema, make_plan(rows=500))
    arguments = ("--rows", "1_000_000_000", "--chunk-size", "50000", "--date", str(DAY), "--out", ".")
    # Ctrl-C must reach it even where this suite runs in the background of a shell, which ignores it.
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stderr.readline().startswith("chunk 1 of ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.splitlines()[-1]) == (130, "", "error: interrupted")
    assert "Traceback" not in err
    assert files(somewhere_else) == [previous.name]


def test_a_reader_of_stdout_that_has_gone_ends_it_without_a_traceback(somewhere_else):
    with subprocess.Popen([*COMMAND, *SMALL], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 141
    assert err.splitlines()[-1].startswith(f"{somewhere_else}/outputs/{FILE}: 1,000 rows")


def test_a_dagster_home_that_is_not_there_is_one_line(tmp_path):
    gone = str(tmp_path / "gone")
    done = subprocess.run([*COMMAND, *SMALL], env={**os.environ, "DAGSTER_HOME": gone}, capture_output=True, text=True)
    assert gone in one_error(Outcome(done.returncode, done.stdout, done.stderr))


# --- warnings -------------------------------------------------------------------------------------------------


def other_dtype(column: str) -> None:
    """Write schema.yaml: the contract with one column's dtype misspelt."""
    contract = yaml.safe_load(SCHEMA_FILE.read_text())
    (field,) = [field for field in contract["fields"] if field["name"] == column]
    field["dtype"] = "misspelt"
    Path("schema.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))


@pytest.fixture
def warned(synth_assets) -> Outcome:
    other_dtype("amount")
    return synth_assets(*SMALL, "--schema", "schema.yaml")


def test_an_unrecognised_dtype_is_told_and_fails_no_run(warned):
    assert warned.code == 0
    assert "field amount: dtype 'misspelt' is not one of the contract's" in warned.err
    assert pl.read_parquet(f"outputs/{FILE}")["amount"].dtype == pl.String


def test_a_warning_of_a_check_names_what_it_warns_of(warned):
    (warning,) = [line for line in warned.err.splitlines() if line.startswith("WARN: ")]
    assert "amount" in warning
    assert "None" not in warning


@pytest.mark.parametrize("column", ["is_recurring", "label_fraud"])
def test_a_flag_with_an_unrecognised_dtype_becomes_a_string_too(column, synth_assets):
    other_dtype(column)
    assert synth_assets(*SMALL, "--schema", "schema.yaml").code == 0
