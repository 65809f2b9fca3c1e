"""A folder and a prefix of a bucket as places of days: what both of them promise."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import boto3
import polars as pl
import pytest

from synth_assets.day import metadata_of
from synth_assets.generator.provenance import Provenance
from synth_assets.judging import THREADS, judge_day
from synth_assets.making import make_day
from synth_assets.storage.aws import AwsConnection
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.day_file import OpenDayFile
from synth_assets.storage.day_object import DayObject
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder_place import Folder
from synth_assets.storage.layout import MARK, file_name
from synth_assets.storage.loopback import BUCKET
from synth_assets.storage.place import Day, Part, Parts, Place
from synth_assets.storage.places import is_same, open_day, open_place, place_of
from tests.conftest import DAY, make_frame, make_plan, object_keys

PART = bytes(range(256)) * (5 * 2**20 // 256)
"""As small as a bucket takes parts."""
METADATA = {"seed": "42", MARK: "2"}
URI = f"s3://{BUCKET}/staging"


def connect(name: str) -> Bucket:
    return Bucket(AwsConnection(), name)


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path, aws) -> Iterator[Place]:
    yield open_place(str(tmp_path / "out") if request.param == "folder" else URI, connect)
    assert boto3.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    left = [*(path.name for path in tmp_path.rglob("*")), *object_keys()]
    assert [name for name in left if name.endswith(("lock", "lease", ".partial", ".part"))] == []


def no_report(_: object) -> None:
    pass


def contents(place: Place) -> dict[str, bytes]:
    """Every file or object of the place by its name."""
    if not place.location("").startswith("s3://"):
        folder = Path(place.location(""))
        return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}
    client = boto3.client("s3")
    return {
        key.removeprefix("staging/"): client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in object_keys()
    }


def write_part(parts: Parts, number: int, content: bytes) -> Part:
    with parts.write(number) as body:
        body.file.write(content[:100])
        body.file.write(content[100:])
    return body.part


def write_small(place: Place, rows: int, content: bytes) -> Day:
    with place.replace_day(file_name(rows, DAY), DAY, METADATA, no_report) as staged:
        staged.append(write_part(staged.direct, 1, content))
        staged.finish(b"tail")
    return place.find_day(DAY)


def write_real(place: Place, schema, plan) -> Day:
    metadata = metadata_of(Provenance.of(schema, plan))
    with place.replace_day(file_name(plan.rows, plan.day), plan.day, metadata, no_report) as staged:
        make_day(staged, schema, plan, THREADS)
    return place.find_day(plan.day)


def length_of(opened: OpenDayFile, number: int) -> int:
    """The bytes of a row group."""
    group = opened.footer.row_group(number)
    return sum(group.column(place).total_compressed_size for place in range(group.num_columns))


def test_a_day_is_made_of_parts_that_are_written_elsewhere_in_any_order(place):
    name = file_name(7, DAY)
    texts = {1: PART, 2: PART[1:] + b"?", 3: PART[2:] + b"??"}
    with place.replace_day(name, DAY, METADATA, no_report) as staged:
        elsewhere = pickle.loads(pickle.dumps(staged.parts))
        made = {number: write_part(elsewhere, number, texts[number]) for number in (3, 1, 2)}
        for number, text in texts.items():
            part = pickle.loads(pickle.dumps(made[number]))
            assert (part.number, part.length) == (number, len(text))
            assert part.crc32 == (0 if isinstance(place, Folder) else zlib.crc32(text))
            staged.append(part)
            assert not Path(part.receipt).exists()  # a side file takes no disk once it is in the day
        # Nobody sees it before it is finished.
        assert name not in contents(place)
        assert staged.finish(b"tail").size == 3 * len(PART) + 4
    assert contents(place) == {name: b"".join(texts.values()) + b"tail"}
    found = place.find_day(DAY)
    assert (found.name, found.day, found.named_rows, found.size) == (name, DAY, 7, 3 * len(PART) + 4)
    assert found.location == place.location(name)
    assert pickle.loads(pickle.dumps(found)) == found


def test_parts_that_are_not_appended_in_order_are_refused(place):
    with suppress(ZeroDivisionError), place.replace_day(file_name(7, DAY), DAY, METADATA, no_report) as staged:
        first, second = (write_part(staged.parts, number, PART) for number in (1, 2))
        with pytest.raises(ValueError, match="part 2 comes after part 0"):
            staged.append(second)
        staged.append(first)
        raise ZeroDivisionError
    assert contents(place) == {}


def test_a_direct_part_may_be_of_any_length(place, monkeypatch):
    monkeypatch.setattr("synth_assets.storage.spool.SPOOL_BYTES", 5 * 2**20)
    texts = [b"small", PART * 3 + b"large", b"small again"]
    with place.replace_day(file_name(7, DAY), DAY, METADATA, no_report) as staged:
        for number, text in enumerate(texts, 1):
            staged.append(write_part(staged.direct, number, text))
        staged.finish(b"tail")
    assert contents(place) == {file_name(7, DAY): b"".join([*texts, b"tail"])}


def test_an_object_says_from_its_first_moment_what_made_it_and_what_it_adds_up_to(aws):
    place = open_place(URI, connect)
    for rows, direct in ((5, True), (7, False)):
        with place.replace_day(file_name(rows, DAY), DAY, METADATA, no_report) as staged:
            staged.append(write_part(staged.direct if direct else staged.parts, 1, PART))
            staged.finish(b"tail")
        (key,) = object_keys()
        head = boto3.client("s3").head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert head["Metadata"] == METADATA
        assert head["ChecksumCRC32"] == place.find_day(DAY).checksums.crc32
        assert "-" not in head["ChecksumCRC32"]  # which would mark a checksum of the parts' checksums


@pytest.mark.parametrize("kind", ["parts", "direct"])
def test_where_the_body_fails_the_day_before_stays_and_nothing_else(place, schema, kind):
    write_real(place, schema, make_plan(rows=50))
    before = contents(place)
    with suppress(ZeroDivisionError), place.replace_day(file_name(7, DAY), DAY, METADATA, no_report) as staged:
        staged.append(write_part(getattr(staged, kind), 1, PART * 4))
        with getattr(staged, kind).write(2) as body:
            body.file.write(PART)
            raise ZeroDivisionError
    assert contents(place) == before


def test_the_new_day_replaces_the_other_and_says_so(place, schema):
    write_real(place, schema, make_plan(rows=50))
    (old,) = contents(place).items()
    with place.write(f"report_{DAY}.html") as path:
        path.write_text("of the day before")
    told: list = []
    plan = make_plan(rows=60)
    with place.replace_day(file_name(60, DAY), DAY, METADATA, told.append) as staged:
        make_day(staged, schema, plan, THREADS)
    assert contents(place).keys() == {file_name(60, DAY)}
    assert [(each.location, each.rows, each.size) for each in told] == [(place.location(old[0]), 50, len(old[1]))]


@pytest.mark.parametrize(("seed", "replaced"), [(42, 0), (7, 1)])
def test_a_day_of_the_same_name_is_replaced_only_where_other_inputs_made_it(place, schema, seed, replaced):
    write_real(place, schema, make_plan(rows=50))
    told: list = []
    with place.replace_day(file_name(50, DAY), DAY, METADATA, told.append) as staged:
        make_day(staged, schema, make_plan(rows=50, seed=seed), THREADS)
    assert len(told) == replaced


def test_what_is_not_ours_is_not_replaced(place):
    name = file_name(5, DAY)
    if place.location("").startswith("s3://"):
        boto3.client("s3").put_object(Bucket=BUCKET, Key=f"staging/{name}", Body=b"theirs")
    else:
        Path(place.location(name)).parent.mkdir()
        Path(place.location(name)).write_bytes(b"theirs")
    with pytest.raises(StorageError, match="Move it away"), place.replace_day(name, DAY, METADATA, no_report):
        pass
    assert contents(place) == {name: b"theirs"}


def test_a_day_that_is_not_there_is_one_clear_error(place):
    with pytest.raises(StorageError, match=f"There is no (file|object) of {DAY} in .*Materialize payments_parquet"):
        place.find_day(DAY)


def test_a_day_in_a_bucket_is_the_file_of_a_folder(aws, schema, tmp_path):
    plan = make_plan(rows=3_000, chunk_size=1_000)
    file, day = (write_real(open_place(where, connect), schema, plan) for where in (str(tmp_path), URI))
    assert day.content().read() == file.content().read()
    assert (day.checksums, day.tail()) == (file.checksums, file.tail())
    assert day.checksums.sealed
    assert [claim.failed for claim in judge_day(schema, day)] == [False] * 11
    with day.open() as opened:
        assert (
            pl.concat(map(pl.DataFrame, opened.batches())).cast(schema.polars_schema).equals(make_frame(schema, plan))
        )
        few = list(opened.batches(["amount", "is_recurring"], batch_rows=700))
    assert [batch.num_rows for batch in few] == 3 * [700, 300]
    assert pl.concat(map(pl.DataFrame, few)).equals(make_frame(schema, plan)["amount", "is_recurring"])


def test_a_range_of_a_day_is_read_once_and_summed(place, schema):
    plan = make_plan(rows=3_000, chunk_size=1_000)
    day = write_real(place, schema, plan)
    whole = day.content().read()
    with day.open() as opened:
        start = 4 + length_of(opened, 0)
        end = start + length_of(opened, 1)
    with day.open_range(start, end) as (opened, crc32):
        assert crc32 == zlib.crc32(whole[start:end])
        rows = pl.concat([pl.DataFrame(batch) for batch in opened.batches(row_groups=[1])])
    assert rows.cast(schema.polars_schema).equals(make_frame(schema, plan).slice(1_000, 1_000))


def test_a_day_that_is_replaced_while_it_is_read_is_one_clear_error(place, schema):
    day = write_real(place, schema, make_plan(rows=50))
    with day.open() as opened:
        end = 4 + length_of(opened, 0)
    write_real(place, schema, make_plan(rows=50, seed=7))
    with (
        pytest.raises(StorageError, match=r"was replaced while it was read\. Run this again\."),
        day.open_range(4, end),
    ):
        pass


@pytest.mark.parametrize("named", [True, False], ids=["by the server's checksum", "by its bytes"])
def test_a_damaged_object_is_not_sealed(aws, schema, named):
    place = open_place(URI, connect)
    day = write_real(place, schema, make_plan(rows=50))
    whole = bytearray(day.content().read())
    for at in (100, len(whole) - 100):
        damaged = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        boto3.client("s3").put_object(Bucket=BUCKET, Key=day.key, Body=damaged, Metadata=METADATA)
        found = replace(place.find_day(DAY), **({} if named else {"crc32": None}))
        assert (found.crc32 is not None) == named
        assert not found.checksums.sealed


def test_a_side_file_is_whole_or_absent_and_read_where_it_is(place):
    name = "world_1_2/cards.parquet"
    with suppress(ZeroDivisionError), place.write(name) as path:
        path.write_text("half")
        raise ZeroDivisionError
    assert not place.exists(name)
    with place.write(name) as path:
        path.write_text("whole")
    assert place.exists(name)
    with place.read(name) as path:
        assert path.read_text() == "whole"
    assert place.location(name) == f"{place.location('').rstrip('/')}/{name}"


def test_the_place_of_a_day_is_where_it_was_found(place, schema):
    day = write_real(place, schema, make_plan(rows=50))
    assert place_of(day).find_day(DAY) == day
    assert open_day(day.location, connect) == day
    assert is_same(day.location, day.location)


@pytest.mark.parametrize(
    "uri", ["s3://", "s3:/bucket/x", "S3://bucket", "s3a://bucket/x", "https://bucket/x", "s3://b//x"]
)
def test_a_uri_that_names_no_bucket_is_one_clear_error(uri):
    with pytest.raises(StorageError, match=r"is no bucket's s3:// URI\. Write it as s3://BUCKET/PREFIX or a folder"):
        open_place(uri, connect)
    with pytest.raises(StorageError, match="Write it as s3://BUCKET/KEY or a file"):
        open_day(uri, connect)


def test_a_bucket_itself_is_a_place_too(aws):
    place = open_place(f"s3://{BUCKET}", connect)
    write_small(place, 5, b"five")
    assert object_keys() == [file_name(5, DAY)]


@pytest.mark.parametrize(
    ("key", "says"),
    [("staging/other.parquet", "is not named payments_ROWS"), (f"staging/{file_name(5, DAY)}", "There is no object")],
)
def test_an_object_that_is_no_day_is_one_clear_error(aws, key, says):
    with pytest.raises(StorageError, match=says):
        DayObject.at(connect(BUCKET), key)
