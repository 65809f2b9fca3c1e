"""Any day, made anywhere, in any order, is the same day."""

import datetime as dt
import hashlib
import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from synth_assets.generator.schema import TransactionSchema
from tests.conftest import DAY, SCHEMA_FILE, make_plan, write_day

DAYS = [DAY + dt.timedelta(days=number) for number in range(30)]


def file_digest(folder: str, day: dt.date) -> str:
    schema = TransactionSchema.parse(SCHEMA_FILE.read_text())
    path = write_day(Path(folder), schema, make_plan(day=day, rows=1_500, chunk_size=400))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def forward(tmp_path_factory) -> dict[dt.date, str]:
    folder = str(tmp_path_factory.mktemp("forward"))
    return {day: file_digest(folder, day) for day in DAYS}


def test_thirty_days_are_thirty_files(forward):
    assert len(set(forward.values())) == 30


@pytest.mark.parametrize("order", [DAYS[::-1], random.Random(1).sample(DAYS, 30)], ids=["backward", "shuffled"])
def test_the_order_in_which_days_are_made_changes_no_byte(tmp_path, forward, order):
    assert {day: file_digest(str(tmp_path), day) for day in order} == forward


def test_four_processes_make_the_same_bytes(tmp_path, forward):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        digests = processes.map(file_digest, [str(tmp_path)] * 30, DAYS)
        assert dict(zip(DAYS, digests, strict=True)) == forward
