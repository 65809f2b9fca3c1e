"""What every test may use: the contract, small plans, files, a real S3 and SSM, and a Dagster instance."""

from __future__ import annotations

import datetime as dt
import gc
import hashlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import boto3
import dagster as dg
import hypothesis
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_assets.day import layout_of
from synth_assets.engines import LOCAL_CLUSTER, Ray
from synth_assets.generator.claims import Claim
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.judging import judge_day
from synth_assets.storage import parquet
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.layout import file_name
from synth_assets.storage.loopback import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, LoopbackAws, loopback_aws
from synth_assets.storage.parquet import Layout

PROJECT_ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
SCHEMA_FILE = PROJECT_ROOT / "schema" / "transaction_schema.yaml"
DAY = dt.date(2026, 1, 15)

pytest_plugins = ["tests.command_line", "tests.deployments"]
HANG_SECONDS = 900
"""The bound of every wait. Each wait ends on an event, on a slow and busy machine too: only a hang takes as long."""


LONGEST = [
    "trust/test_kill.py",
    "test_docs_commands.py",
    "test_browser.py",
    "test_backfill.py",
    "test_instance.py",
    "test_sharded_days.py",
    "test_days_command.py",
]
"""These files are begun first: begun last, one of them would keep a worker busy while the others have nothing left."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    begun = {PROJECT_ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: begun.get(item.path, len(begun)))


hypothesis.settings.register_profile(
    "whatever the hour",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("whatever the hour")


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees this machine's AWS settings, Dagster home, deployment settings or proxies."""
    ours = ("AWS_", "DAGSTER_", "SYNTH_ASSETS_")
    outside = [name for name in os.environ if name.startswith(ours) or name.lower().endswith("_proxy")]
    for name in outside:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-aws-credentials"))


@pytest.fixture(scope="session")
def schema() -> TransactionSchema:
    return TransactionSchema.parse(SCHEMA_FILE.read_text(), source="transaction_schema.yaml")


@pytest.fixture(scope="session")
def ray_engine() -> Iterator[Ray]:
    """A Ray cluster of this machine with three workers."""
    ray = pytest.importorskip("ray") if "REQUIRE_REAL_PARTS" not in os.environ else __import__("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(**LOCAL_CLUSTER, num_cpus=3, log_to_driver=False, logging_level=logging.ERROR)
    yield Ray(3)
    ray.shutdown()


def in_unit(schema: TransactionSchema, unit: str) -> TransactionSchema:
    """The contract with its datetimes in another unit."""
    fields = [field | ({"unit": unit} if field["dtype"] == "datetime" else {}) for field in schema.canonical["fields"]]
    return TransactionSchema.from_canonical({**schema.canonical, "fields": fields}, "test")


def make_plan(**settings: Any) -> GenerationPlan:
    return GenerationPlan.of(**{"day": DAY, "rows": 1_000, **settings})


def make_frame(schema: TransactionSchema, plan: GenerationPlan) -> pl.DataFrame:
    return frame_of(pa.concat_tables(TransactionSimulator(schema, plan)))


def frame_of(table: pa.Table) -> pl.DataFrame:
    """A chunk as Polars sees it, enums included."""
    return pl.DataFrame(table)


def read_frame(path: Path, schema: TransactionSchema) -> pl.DataFrame:
    """A file's rows with the contract's types: Polars reads enums as categories."""
    return pl.read_parquet(path).cast(schema.polars_schema)


def digest(frame: pl.DataFrame) -> str:
    """SHA-256 of a frame's names, types and values, whatever its chunks."""
    text = frame.rechunk().with_columns(pl.all().cast(pl.String)).write_csv(null_value="\0")
    return hashlib.sha256(f"{list(frame.schema.items())}{text}".encode()).hexdigest()


def write_day(folder: Path, schema: TransactionSchema, plan: GenerationPlan, table: pa.Table | None = None) -> Path:
    """Write the plan's day as the assets do; with `table`, write that under the plan's name and footer."""
    path = folder / file_name(plan.rows, plan.day)
    tables = iter([table]) if table is not None else iter(TransactionSimulator(schema, plan))
    arrow_schema = table.schema if table is not None else schema.arrow_schema
    provenance = Provenance.of(schema, plan).document
    for _ in parquet.write(path, arrow_schema, tables, layout_of(schema, plan), provenance):
        pass
    return path


PLAIN_LAYOUT = Layout("snappy", (), {}, ())


def change_provenance(path: Path, **changed: Any) -> None:
    """Write the file again with other values in its provenance, under a right digest of them."""
    found = pq.ParquetFile(path)
    origin = json.loads(found.metadata.metadata[parquet.PROVENANCE_KEY]) | changed
    del origin["digest"]
    origin["digest"] = hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()
    table = found.read()
    for _ in parquet.write(path, table.schema.remove_metadata(), [table], PLAIN_LAYOUT, origin):
        pass


def judge_file(schema: TransactionSchema, path: Path) -> list[Claim]:
    """Every claim about the file at a path."""
    return judge_day(schema, DayFile.at(path))


def day_table(schema: TransactionSchema, plan: GenerationPlan) -> pa.Table:
    return pa.concat_tables(TransactionSimulator(schema, plan)).combine_chunks()


@pytest.fixture(scope="session")
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackAws]:
    """One S3 server and one SSM for the whole suite."""
    with loopback_aws(tmp_path_factory.mktemp("loopback")) as aws:
        yield aws


@pytest.fixture
def aws(loopback: LoopbackAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackAws]:
    """The servers, with an empty bucket, reached by the environment."""
    for name, value in loopback.environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    yield loopback
    for key in object_keys(client):
        client.delete_object(Bucket=BUCKET, Key=key)


def object_keys(client: Any = None) -> list[str]:
    """The keys in the bucket, in order."""
    client = client or boto3.client("s3")
    return sorted(each["Key"] for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", []))


@contextmanager
def empty_bucket(aws: LoopbackAws) -> Iterator[Any]:
    """The servers' bucket, emptied afterwards, by a client that needs no environment."""
    client = boto3.client(
        "s3",
        endpoint_url=aws.s3_endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    try:
        yield client
    finally:
        for key in object_keys(client):
            client.delete_object(Bucket=BUCKET, Key=key)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster instance in memory: on disk, a run waits for its history four times as long as for its work."""
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def dagster_home(folder: Path) -> Path:
    """The project's dagster.yaml with its history in `folder`, so that no test writes into the checkout."""
    settings = (PROJECT_ROOT / "dagster.yaml").read_text()
    folder.mkdir()
    (folder / "dagster.yaml").write_text(settings.replace("base_dir: .dagster", f"base_dir: {folder}/.dagster"))
    return folder


def environment_for(home: Path, **more: str) -> dict[str, str]:
    """This environment without AWS or Dagster settings of its own, as the Makefile makes it."""
    # Nor make's, by which a make below `make test` would announce its folder.
    ours = ("AWS_", "DAGSTER_", "SYNTH_ASSETS_", "MAKE", "MFLAGS")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return outside | {"PYTHONWARNINGS": "ignore::FutureWarning", "DAGSTER_HOME": str(home)} | more


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ask(url: str, text: str, **variables: Any) -> Any:
    """What a GraphQL query gives."""
    body = json.dumps({"query": text, "variables": variables}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=HANG_SECONDS) as answer:
        found = json.load(answer)
    assert "errors" not in found, found
    return found["data"]


@dataclass(frozen=True)
class Server:
    """A server that was started, and the file that its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path


@dataclass(frozen=True)
class DagsterUi(Server):
    """A server of Dagster's UI that was started; it answers some seconds later."""

    url: str

    def query(self, text: str, **variables: Any) -> Any:
        """Ask by GraphQL.

        Raises:
            OSError: it is not up yet.
        """
        return ask(f"{self.url}/graphql", text, **variables)


@contextmanager
def running(command: list[Any], environment: dict[str, str], log: Path) -> Iterator[Server]:
    """A server in the project's root, killed after the body with all that it has started.

    It is not asked to end: `dagster dev` takes seconds for that, and its own servers ignore its SIGINT where a shell
    has put the tests into the background.
    """
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield Server(server, log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_for(what: str, found: Callable[[], Any], server: Server | None = None) -> Any:
    """What `found` gives, once that is true.

    An OSError of `found` means "not yet": a server that is starting refuses connections. The test fails after
    `HANG_SECONDS`, or as soon as the `server` that is waited for has ended.
    """
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline and (server is None or server.process.poll() is None):
        with suppress(OSError):
            if answer := found():
                return answer
        time.sleep(0.1)
    said = f" The end of {server.log}:\n{server.log.read_text()[-3_000:]}" if server else ""
    pytest.fail(f"Waited in vain for {what}.{said}")


_WAITED_FOR: set[str] = set()


def _note_wait(record: logging.LogRecord) -> bool:
    if record.levelno == logging.DEBUG and "not acquired" in record.msg and isinstance(record.args, tuple):
        _WAITED_FOR.add(str(record.args[1]))
    return record.levelno > logging.DEBUG


logging.getLogger("filelock").addFilter(_note_wait)
logging.getLogger("filelock").setLevel(logging.DEBUG)


def is_waited_for(lock: Path) -> bool:
    """Whether a thread of this process has found the lock held by another, by what filelock logs of it."""
    return str(lock) in _WAITED_FOR


@contextmanager
def dagster_ui(
    folder: Path, environment: dict[str, str], command: tuple[str, ...] = ("dagster", "dev")
) -> Iterator[DagsterUi]:
    """The project's `dagster dev`, or another command that serves the UI, on a free port, with its log in `folder`."""
    port = free_port()
    program, *arguments = command
    address = ["--host", "127.0.0.1", "--port", str(port)]
    with running([BIN / program, *arguments, *address], environment, folder / "ui.log") as server:
        yield DagsterUi(server.process, server.log, f"http://127.0.0.1:{port}")


def missing_part(reason: str) -> NoReturn:
    """Skip what needs a part that this machine lacks; fail where REQUIRE_REAL_PARTS=1 says that it must be there."""
    if os.environ.get("REQUIRE_REAL_PARTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_unconfigure() -> None:
    """Give the collector back what the definitions keep from it: DuckDB, imported before, complains at the end."""
    gc.unfreeze()
