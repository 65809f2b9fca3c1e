"""A day that is made and judged in shards is the day of one thread, byte for byte and word for word."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_assets.day import metadata_of
from synth_assets.engines import Engine, Processes, Threads
from synth_assets.generator.counts import Counts
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.realistic.answer_key import incident_payments, incidents, with_ends
from synth_assets.generator.realistic.labels import label_events
from synth_assets.generator.schema import TransactionSchema
from synth_assets.judging import judge_day
from synth_assets.making import make_day
from synth_assets.shards import MOST_SHARDS, HistoryOrder, Site, carry_out, shard_rows, shards_of
from synth_assets.side_tables import make_on
from synth_assets.storage.aws import AwsConnection
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.folder_place import Folder
from synth_assets.storage.footer import SEAL_KEY
from synth_assets.storage.layout import file_name
from synth_assets.storage.loopback import BUCKET
from synth_assets.storage.places import open_place
from tests.conftest import DAY, PROJECT_ROOT, day_table, make_plan, object_keys, write_day
from tests.engine_work import Backwards, DeadlyStaged
from tests.test_engines import is_running, wait_until

AWS_SETTINGS = {
    "endpoint_url": "AWS_ENDPOINT_URL_S3",
    "region_name": "AWS_DEFAULT_REGION",
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
}
REALISTIC = {"profile": "realistic", "customers": 1_000}


@pytest.fixture
def cut_in(monkeypatch) -> Callable[[int], None]:
    """Let days be cut in so many shards, however small they are."""

    def cut(shards: int) -> None:
        def shards_of_any_size(plan: GenerationPlan, _: int) -> list[range]:
            edges = [plan.row_groups * number // shards for number in range(shards + 1)]
            return [range(start, end) for start, end in pairwise(edges)]

        monkeypatch.setattr("synth_assets.making.shards_of", shards_of_any_size)
        monkeypatch.setattr("synth_assets.surveying.MOST_ROWS", 1)

    return cut


def make(folder: Path, schema: TransactionSchema, plan: GenerationPlan, engine: Engine) -> tuple[str, list[Counts]]:
    """The SHA-256 of the day's file, and the counts of its row groups."""
    counts: list[Counts] = []
    place = Folder(folder)
    with place.replace_day(file_name(plan.rows, plan.day), plan.day, {}, lambda _: None) as staged:
        make_day(staged, schema, plan, engine, counts.append)
    assert [path.name for path in folder.iterdir()] == [file_name(plan.rows, plan.day)]
    return hashlib.sha256(place.find_day(plan.day).path.read_bytes()).hexdigest(), counts


@pytest.mark.parametrize("shards", [2, 7, 40])
@pytest.mark.parametrize("settings", [{}, {"encodings": "compact", "compression": "zstd"}, REALISTIC])
def test_shards_in_any_order_make_the_same_file(cut_in, schema, tmp_path, settings, shards):
    # Chunks that do not divide the block, and blocks that lie in several shards.
    plan = make_plan(rows=120_000, chunk_size=3_001, **settings)
    cut_in(shards)
    expected = make(tmp_path / "one", schema, plan, Threads(1))
    assert make(tmp_path / "many", schema, plan, Backwards()) == expected


@pytest.mark.parametrize(
    "settings", [{"lookback_days": 30}, {"day": "1679-01-01"}, {"difficulty": "hard", "seed": 7}], ids=str
)
def test_card_histories_in_pieces_are_those_of_the_whole(cut_in, schema, tmp_path, settings):
    plan = make_plan(**{"rows": 300_000, "chunk_size": 20_000, **REALISTIC, **settings})
    cut_in(5)
    assert make(tmp_path / "many", schema, plan, Backwards()) == make(tmp_path / "one", schema, plan, Threads(1))


def test_processes_make_a_day_of_another_size_than_the_one_before(cut_in, schema, tmp_path):
    plan = make_plan(day="2025-12-25", rows=100_000, chunk_size=9_000, volume="calendar", **REALISTIC)
    before = make_plan(day="2025-12-24", rows=100_000, volume="calendar", **REALISTIC)
    assert before.rows > 1.4 * plan.rows
    cut_in(3)
    assert make(tmp_path / "many", schema, plan, Processes(2)) == make(tmp_path / "one", schema, plan, Threads(1))
    assert all(claim.passed for claim in judge_day(schema, Folder(tmp_path / "many").find_day(plan.day), Processes(2)))


def test_a_contract_without_the_payment_before_needs_no_history(cut_in, schema, tmp_path):
    fields = [field for field in schema.canonical["fields"] if field["name"] != "previous_txn_id"]
    fewer = TransactionSchema.from_canonical({**schema.canonical, "fields": fields}, "test")
    plan = make_plan(rows=100_000, chunk_size=10_000, **REALISTIC)
    cut_in(3)
    assert make(tmp_path / "many", fewer, plan, Backwards()) == make(tmp_path / "one", fewer, plan, Threads(1))


@pytest.mark.parametrize("settings", [{}, REALISTIC], ids=["uniform", "realistic"])
def test_processes_and_ray_make_and_judge_the_same_day(cut_in, ray_engine, schema, tmp_path, settings):
    plan = make_plan(rows=100_000, chunk_size=7_000, **settings)
    cut_in(4)
    folders = {engine: tmp_path / engine.name for engine in (Threads(2), Processes(2), ray_engine)}
    expected, *others = [make(folder, schema, plan, engine) for engine, folder in folders.items()]
    assert others == [expected] * 2
    verdicts = [judge_day(schema, Folder(folder).find_day(DAY), engine) for engine, folder in folders.items()]
    assert all(claim.passed for claim in verdicts[0])
    assert verdicts[1:] == verdicts[:1] * 2


@pytest.mark.parametrize("name", ["processes", "ray"])
def test_a_worker_that_is_killed_in_mid_part_changes_no_byte(cut_in, request, schema, tmp_path, name):
    engine = Processes(2) if name == "processes" else request.getfixturevalue("ray_engine")
    plan = make_plan(rows=60_000, chunk_size=10_000)
    expected, _ = make(tmp_path / "one", schema, plan, Threads(1))
    cut_in(3)
    place = Folder(tmp_path / "many")
    with place.replace_day(file_name(plan.rows, DAY), DAY, {}, lambda _: None) as staged:
        make_day(DeadlyStaged(staged, tmp_path / "died"), schema, plan, engine)
    assert (tmp_path / "died").exists()
    assert hashlib.sha256(place.find_day(DAY).path.read_bytes()).hexdigest() == expected
    assert len(list(place.path.iterdir())) == 1


def test_a_day_in_a_bucket_is_made_by_ray_in_parts_and_judged_where_it_is(aws, ray_engine, schema, tmp_path):
    plan = make_plan(rows=800_000)
    assert len(shards_of(plan, ray_engine.workers)) == 2
    # Workers have an environment of their own: in a cluster, that of their machines.
    given = {setting: os.environ[name] for setting, name in AWS_SETTINGS.items()}
    place = open_place(f"s3://{BUCKET}/staging", lambda name: Bucket(AwsConnection(**given), name))
    metadata = metadata_of(Provenance.of(schema, plan))
    with place.replace_day(file_name(plan.rows, DAY), DAY, metadata, lambda _: None) as staged:
        make_day(staged, schema, plan, ray_engine)
    found = place.find_day(DAY)
    claims = judge_day(schema, found, ray_engine)
    assert all(claim.passed for claim in claims)
    expected = write_day(tmp_path, schema, plan)
    assert hashlib.sha256(found.content().read()).digest() == hashlib.sha256(expected.read_bytes()).digest()
    assert judge_day(schema, DayFile.at(expected), Threads(1)) == claims
    assert object_keys() == [f"staging/{found.name}"]


# --- the verdict ----------------------------------------------------------------------------------------------


def repeated_id(table: pa.Table) -> pa.Table:
    """The last row has the id of the first, far from it."""
    ids = table["transaction_id"].to_pylist()
    place = table.schema.get_field_index("transaction_id")
    return table.set_column(place, table.schema.field(place), pa.array([*ids[:-1], ids[0]], table.schema.types[place]))


def swapped_rows(table: pa.Table) -> pa.Table:
    middle = table.num_rows // 2
    return pa.concat_tables([table.slice(middle), table.slice(0, middle)])


def other_column(table: pa.Table) -> pa.Table:
    return table.drop_columns(["merchant_id"])


@pytest.mark.parametrize("spoil", [repeated_id, swapped_rows, other_column])
def test_what_is_wrong_with_a_day_is_said_in_the_same_words(cut_in, schema, tmp_path, spoil):
    plan = make_plan(rows=30_000)
    path = write_row_groups(tmp_path, schema, plan, spoil(day_table(schema, plan)))
    expected = judge_day(schema, DayFile.at(path), Threads(1))
    assert any(claim.broken for claim in expected)
    cut_in(1)
    assert judge_day(schema, DayFile.at(path), Backwards()) == expected


def write_row_groups(folder: Path, schema: TransactionSchema, plan: GenerationPlan, table: pa.Table) -> Path:
    """A file of ours, sealed, with several row groups of another table."""
    from synth_assets.day import layout_of
    from synth_assets.storage import parquet

    path = folder / file_name(plan.rows, plan.day)
    tables = [table.slice(start, 4_000) for start in range(0, table.num_rows, 4_000)]
    for _ in parquet.write(path, table.schema, tables, layout_of(schema, plan), Provenance.of(schema, plan).document):
        pass
    return path


@pytest.mark.parametrize("place", ["first page", "last page", "seal"])
def test_damage_is_found_and_said_in_the_same_words(cut_in, schema, tmp_path, place):
    plan = make_plan(rows=30_000, chunk_size=4_000)
    path = write_day(tmp_path, schema, plan)
    content = bytearray(path.read_bytes())
    footer = pq.read_metadata(path).serialized_size + 8
    seal = content.index(SEAL_KEY) + len(SEAL_KEY) + 2
    at = {"first page": 4_000, "last page": len(content) - footer - 400, "seal": seal}[place]
    content[at] ^= 1
    path.write_bytes(content)
    expected = {claim.name: claim for claim in judge_day(schema, DayFile.at(path), Threads(1))}
    assert expected["file_is_whole"].broken
    cut_in(1)
    found = {claim.name: claim for claim in judge_day(schema, DayFile.at(path), Backwards())}
    assert found == expected


# --- how a day is cut -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 699_999, 700_000, 10_000_000, 1_000_000_000, 10_000_000_000])
@pytest.mark.parametrize("chunk_size", [100_000, 400_000, 7_919_000])
@pytest.mark.parametrize("workers", [1, 2, 500])
def test_shards_are_whole_row_groups_large_enough_for_a_part_and_few_enough_for_an_upload(rows, chunk_size, workers):
    if rows > 32_767 * chunk_size:
        pytest.skip("a file has no more row groups")
    plan = make_plan(rows=rows, chunk_size=chunk_size)
    shards = shards_of(plan, workers)
    assert [number for shard in (shards[0], shards[-1]) for number in (shard.start, shard.stop)][::3] == [
        0,
        plan.row_groups,
    ]
    assert all(one.stop == next_.start for one, next_ in pairwise(shards))
    assert len(shards) <= MOST_SHARDS
    sizes = [min(shard.stop * chunk_size, rows) - shard.start * chunk_size for shard in shards]
    assert sum(sizes) == rows
    assert len(shards) == 1 or min(sizes) * 122 / 8 >= 5 * 2**20
    assert max(sizes) < 2 * shard_rows(plan, workers)


# --- other machines, and the end ------------------------------------------------------------------------------


def test_an_order_from_a_machine_with_other_libraries_is_refused_before_it_is_begun():
    here = Site.here()
    elsewhere = dataclasses.replace(here, host="driver-1", libraries={**here.libraries, "polars": "2.0.9"})
    order = HistoryOrder(make_plan(rows=10**10, chunk_size=10**6, **REALISTIC), range(300_000), elsewhere)
    with pytest.raises(GeneratorError) as error:
        list(carry_out(order))
    assert str(error.value) == (
        f"The worker on {here.host} has polars {here.libraries['polars']}, but driver-1 has 2.0.9. "
        f"Install the same release on all machines, with the pins of constraints.txt."
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_leaves_no_worker_and_no_day(tmp_path, schema, how):
    before = write_day(tmp_path, schema, make_plan(rows=500))
    arguments = ["--date", str(DAY), "--rows", "500_000_000", "--engine", "processes", "--out", str(tmp_path)]
    with subprocess.Popen(
        [Path(sys.executable).with_name("synth-assets"), *arguments],
        cwd=PROJECT_ROOT,
        env=os.environ | {"DAGSTER_HOME": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        while not process.stderr.readline().startswith("chunk 1 of "):
            pass
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(how)
        process.communicate()
    assert children
    wait_until(lambda: not any(is_running(int(child)) for child in children))
    assert [path.name for path in tmp_path.glob("payments_*")] == [before.name]
    write = Folder(tmp_path).replace_day(file_name(700, DAY), DAY, {}, lambda _: None)
    with write as staged:
        make_day(staged, schema, make_plan(rows=700), Threads(1))
    assert [path.name for path in tmp_path.iterdir() if path.name != "history"] == [file_name(700, DAY)]


def test_side_tables_of_blocks_apart_are_those_of_the_whole(monkeypatch):
    monkeypatch.setattr("synth_assets.side_tables.BLOCKS_OF_A_HISTORY", 1)
    plan = make_plan(rows=150_000, fraud_rate=0.02, **REALISTIC)
    assert with_ends(make_on(Backwards(), plan, incident_payments)).equals(incidents(plan))
    assert pl.concat(make_on(Processes(2), plan, label_events)).equals(pl.concat(label_events(plan)))
