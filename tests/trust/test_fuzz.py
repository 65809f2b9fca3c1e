"""Whatever the plan or the schema file, there is a right file or one clear error."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import EARLIEST_DAY, LATEST_DAY, GenerationPlan
from synth_assets.generator.schema import DTYPES, TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.partitions import DAILY
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder import read_text
from tests.conftest import (
    HANG_SECONDS,
    PROJECT_ROOT,
    SCHEMA_FILE,
    judge_file,
    make_frame,
    make_plan,
    read_frame,
    write_day,
)

TEXT = SCHEMA_FILE.read_text()
KEYS = ["name", "dtype", "nullable", "example", "enum", "unit"]
NAMES = [field["name"] for field in yaml.safe_load(TEXT)["fields"]]


def fuzz(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        # Without shrinking: a failure would take minutes, and the found example says enough.
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def judged(schema: TransactionSchema, plan: GenerationPlan) -> pl.DataFrame:
    """The plan's day, written, read back, and found right."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_day(Path(folder), schema, plan)
        broken = [claim for claim in judge_file(schema, path) if not claim.passed]
        assert not broken, broken
        return read_frame(path, schema)


# --- plans ----------------------------------------------------------------------------------------------------

rates = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
days = st.sampled_from(
    [
        dt.date(2024, 2, 29),
        dt.date(2025, 12, 31),
        dt.date(2026, 1, 1),
        dt.date.fromisoformat(DAILY.get_first_partition_key()),
        EARLIEST_DAY,
        LATEST_DAY,
    ]
) | st.dates(EARLIEST_DAY, LATEST_DAY)
plans = st.fixed_dictionaries(
    {
        "day": days,
        "rows": st.just(1) | st.integers(1, 2_000),
        "chunk_size": st.integers(1, 3_000) | st.just(10_000_000_000),
        "fraud_rate": rates,
        "null_mcc_rate": rates,
        "null_device_rate": rates,
        "null_geo_rate": rates,
        "timezone_offset": st.sampled_from([-720, 840]) | st.integers(-720, 840),
        "lookback_days": st.sampled_from([1, 2, 366]) | st.integers(1, 366),
        "seed": st.sampled_from([0, 2**63 - 1]) | st.integers(0, 2**63 - 1),
        "compression": st.sampled_from(["snappy", "zstd", "lz4", "none"]),
        "encodings": st.sampled_from(["portable", "compact"]),
    }
)


@given(plans)
@fuzz(70)
def test_any_plan_gives_a_file_that_is_judged_right_and_holds_what_the_simulator_gives(schema, options):
    plan = GenerationPlan.of(**{**options, "chunk_size": max(options["chunk_size"], options["rows"] // 20)})
    assert judged(schema, plan).equals(make_frame(schema, plan))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.floats() | st.integers() | st.text() | st.none()
            for name in [
                "day",
                "rows",
                "chunk_size",
                "fraud_rate",
                "timezone_offset",
                "lookback_days",
                "seed",
                "compression",
                "encodings",
                "colour",
            ]
        },
    )
)
@fuzz(150)
def test_any_settings_give_a_plan_or_one_clear_error(options):
    try:
        GenerationPlan.of(**options)
    except GeneratorError as error:
        assert_one_clear_line(error)


# --- schema files ---------------------------------------------------------------------------------------------


def assert_one_clear_line(error: Exception) -> None:
    message = str(error)
    assert len(message.splitlines()) == 1
    assert len(message) < 5_000
    message.encode()


def right_or_refused(content: bytes | str) -> bool:
    """Whether a day of this schema file can be made; then it is judged right. Otherwise the error is clear."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content if isinstance(content, bytes) else content.encode())
        plan = make_plan(rows=60)
        try:
            schema = TransactionSchema.parse(read_text(Path(file.name)), source="contract.yaml")
            TransactionSimulator(schema, plan)
        except (GeneratorError, StorageError) as error:
            assert_one_clear_line(error)
            return False
    judged(schema, plan)
    return True


def dumped(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def test_the_projects_own_schema_is_right():
    assert right_or_refused(TEXT)
    assert right_or_refused(dumped(yaml.safe_load(TEXT)))


codes = st.sampled_from(["EUR", "USD", "PT", "FR", "AAA", "12", "é", "ONLINE", "ATM", "VISA", "AMEX", "no", " x "])
changes = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from([*DTYPES, "enum", "decimal", "Enum", "date"]),
        "nullable": st.booleans(),
        "enum": st.lists(codes, min_size=1, max_size=4, unique=True),
        "example": st.none() | st.integers(),
        "unit": st.sampled_from(["ns", "us", "ms", "s"]),
    },
)


@given(
    order=st.permutations(NAMES),
    kept=st.integers(2, len(NAMES)),
    changed=st.dictionaries(st.sampled_from(NAMES), changes, max_size=3),
    key=st.sampled_from(["transaction_id", "transaction_id", "transaction_id", *NAMES]),
)
@fuzz(150)
def test_any_choice_order_and_change_of_the_fields_gives_a_right_day_or_one_clear_error(order, kept, changed, key):
    document = yaml.safe_load(TEXT)
    fields = {field["name"]: {**field, **changed.get(field["name"], {})} for field in document["fields"]}
    chosen = list(dict.fromkeys([*order[:kept], "transaction_id", "event_time"]))
    right_or_refused(dumped({**document, "primary_key": key, "fields": [fields[name] for name in chosen]}))


@given(order=st.permutations(NAMES))
@fuzz(20)
def test_any_order_of_all_the_fields_gives_a_right_day(order):
    document = yaml.safe_load(TEXT)
    document["fields"].sort(key=lambda field: order.index(field["name"]))
    assert right_or_refused(dumped(document))


@pytest.mark.parametrize("count", [1, 255, 256, 257, 65_536, 65_537])
def test_an_enum_of_any_size_gives_a_right_day(count):
    document = yaml.safe_load(TEXT)
    entry_mode = next(field for field in document["fields"] if field["name"] == "pos_entry_mode")
    entry_mode["enum"] = [f"{number:05}" for number in range(count)]
    assert right_or_refused(yaml.dump(document, sort_keys=False, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.datetimes()
)
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
)


@given(junk)
@fuzz(100)
def test_any_yaml_gives_one_clear_error(document):
    assert not right_or_refused(yaml.safe_dump(document))


@given(
    st.sampled_from(["version", "description", "primary_key", "event_time", "fields", "other"])
    | st.tuples(st.just("fields"), st.integers(0, 23))
    | st.tuples(st.just("fields"), st.integers(0, 23), st.sampled_from(KEYS))
    | st.tuples(st.just("fields"), st.sampled_from([6, 12, 13, 14, 16]), st.just("enum"), st.just(0)),
    junk,
)
@fuzz(200)
def test_a_wrong_value_at_any_place_gives_a_right_day_or_one_clear_error(place, value):
    document = yaml.safe_load(TEXT)
    *path, last = place if isinstance(place, tuple) else (place,)
    inner = document
    for key in path:
        inner = inner[key]
    inner[last] = value
    right_or_refused(yaml.safe_dump(document, sort_keys=False))


@given(
    st.integers(0, TEXT.count(": ") - 1),
    st.sampled_from(
        [
            "!!bool",
            "!!int",
            "!!float",
            "!!timestamp",
            "!!binary",
            "!!null",
            "!!set",
            "!!omap",
            "!!pairs",
            "!!str",
            "!!seq",
            "!!map",
            "!!python/name:os.system",
            "!x",
            "&a",
            "*a",
            "<<:",
            "|",
            ">",
            "-",
            "?",
            "[",
            "{",
        ]
    )
    | st.just(""),
    st.sampled_from(
        ["", *["x", "_", "0x", "0b", "1:2", "2020-01-99", "[a]", "{a:b}", "*a", '"\\ud800"', '"a\\nb"', "~"]]
    ),
)
@fuzz(200)
def test_tags_and_marks_anywhere_give_a_right_day_or_one_clear_error(place, tag, value):
    parts = TEXT.split(": ")
    right_or_refused(": ".join(parts[: place + 1]) + f": {tag} {value} # " + ": ".join(parts[place + 1 :]))


@given(st.binary(max_size=300) | st.text(max_size=300))
@fuzz(150)
def test_any_bytes_give_one_clear_error(content):
    assert not right_or_refused(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 40), st.text(max_size=10))
@fuzz(150)
def test_an_edit_anywhere_in_the_text_gives_a_right_day_or_one_clear_error(start, length, inserted):
    edited = TEXT[:start] + inserted + TEXT[start + length :]
    right_or_refused(edited.encode("utf-8", "surrogatepass"))


def first_field(value: str) -> str:
    """The project's schema with another value for the first field's `nullable`."""
    return TEXT.replace("nullable: false", f"nullable: {value}", 1)


def layers(count: int, width: int) -> str:
    """A YAML list, `count` deep and `width` ** `count` wide, by way of aliases."""
    lines = ["- &l0 [x]", *(f"- &l{i} [{', '.join([f'*l{i - 1}'] * width)}]" for i in range(1, count))]
    return "".join(f"\n      {line}" for line in lines)


def merges(count: int, width: int) -> str:
    lines = ["- &l0 {a: b}", *(f"- &l{i} {{<<: [{', '.join([f'*l{i - 1}'] * width)}]}}" for i in range(1, count))]
    return "\n".join(lines)


REFUSED = {
    "a tag of a word that is no bool": "!!bool foo",
    "a tag of a word that is no time": "!!timestamp foo",
    "a tag of an empty number": '!!int ""',
    "a number of five thousand digits": first_field("0x" + "F" * 5_000),
    "a version of five thousand digits": TEXT.replace("'1.0.0'", "0x" + "F" * 5_000),
    "a version that breaks the line": TEXT.replace("'1.0.0'", '"1\\r\\nx-amz-acl: public-read"'),
    "a version that is half a character": TEXT.replace("'1.0.0'", '"\\ud800"'),
    "a value that is half a character": TEXT.replace("'IOS'", '"\\ud800"'),
    "a name that breaks the line": TEXT.replace("name: currency_code", 'name: "a\\nb"'),
    "a name that breaks the line, twice": TEXT.replace("name: currency_code", 'name: "a\\nb"').replace(
        "name: amount", 'name: "a\\nb"'
    ),
    "a name of half a million letters": TEXT.replace("name: amount", f"name: {'a' * 500_000}"),
    "an unknown key of half a million letters": f"{'a' * 500_000}:\n" + TEXT,
    "brackets without an end": "[" * 100_000,
    "maps in maps": "{a: " * 3_000,
    "deep by indentation": "\n".join(" " * depth + "a:" for depth in range(1_200)),
    "deep by aliases": first_field(layers(5_000, 1)),
    "wide by aliases": first_field(layers(8, 9)),
    "a list in itself": "&a [*a]",
    "a field that is the list of fields": "fields: &a\n- *a",
    "an alias to nothing": "fields: *a",
    "two documents": TEXT + "\n---\n" + TEXT,
    "more than a megabyte": TEXT + "#" * 1_000_000,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_a_schema_file_made_to_break_things_gives_one_clear_error(text):
    assert not right_or_refused(text)


SMALL_MEMORY = """
import resource, sys
from synth_assets.generator.errors import SchemaError
from synth_assets.generator.schema import TransactionSchema
from tests.trust.test_fuzz import merges
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 300_000_000, -1))
try:
    TransactionSchema.parse(merges(10, 9))
except SchemaError:
    print("refused")
"""


def test_merges_of_merges_are_refused_before_they_fill_the_memory():
    command = [sys.executable, "-c", SMALL_MEMORY]
    ended = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=HANG_SECONDS)
    assert ended.stdout == "refused\n", ended.stderr[-300:]
