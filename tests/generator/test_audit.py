"""The verdict: right files pass, and each kind of wrong file is named."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import CLAIMS, Claim, numbers_of
from synth_assets.generator.schema import TransactionSchema
from tests.conftest import DAY, change_provenance, day_table, judge_file, make_plan, write_day

PLAN = make_plan(rows=20_000, chunk_size=8_000)


@pytest.fixture(scope="module")
def table(schema) -> pa.Table:
    return day_table(schema, PLAN)


def broken_claims(claims: list[Claim]) -> set[str]:
    assert [claim.name for claim in claims] == list(CLAIMS)
    return {claim.name for claim in claims if not claim.passed}


def judge_table(folder: Path, schema: TransactionSchema, table: pa.Table, plan=PLAN) -> set[str]:
    return broken_claims(judge_file(schema, write_day(folder, schema, plan, table)))


def test_a_hundred_clean_days_pass_every_claim(schema, tmp_path):
    rng = np.random.default_rng(7)
    for number in range(100):
        rates = dict(
            zip(("fraud_rate", "null_mcc_rate", "null_device_rate", "null_geo_rate"), rng.random(4), strict=True)
        )
        plan = make_plan(
            day=DAY + dt.timedelta(days=number),
            rows=int(rng.integers(1, 3_000)),
            chunk_size=1_000,
            seed=number,
            **rates,
        )
        claims = judge_file(schema, write_day(tmp_path, schema, plan))
        assert not broken_claims(claims), [claim for claim in claims if not claim.passed]


def test_a_clean_table_written_by_the_test_passes(schema, tmp_path, table):
    assert judge_table(tmp_path, schema, table) == set()


def put(table: pa.Table, name: str, values: list) -> pa.Table:
    """The table with other values in a column of the same type."""
    field = table.schema.field(name)
    if pa.types.is_dictionary(field.type):
        column = pa.array(values, field.type.value_type).dictionary_encode().cast(field.type)
    else:
        column = pa.array(values, field.type)
    return table.set_column(table.schema.get_field_index(name), field, column)


def change(table: pa.Table, name: str, row: int, value: object) -> pa.Table:
    values = table[name].to_pylist()
    values[row] = value
    return put(table, name, values)


def retyped(table: pa.Table, name: str, kind: pa.DataType) -> pa.Table:
    index = table.schema.get_field_index(name)
    return table.set_column(index, table.schema.field(name).with_type(kind), table[name].cast(kind))


def nullable(table: pa.Table, name: str) -> pa.Table:
    index = table.schema.get_field_index(name)
    return table.set_column(index, table.schema.field(name).with_nullable(True), table[name])


def swapped(table: pa.Table) -> pa.Table:
    names = table.schema.names
    names[3], names[4] = names[4], names[3]
    return table.select(names)


def frauds(rows: list[int]) -> list[bool]:
    chosen = set(rows)
    return [row in chosen for row in range(PLAN.rows)]


def online_row(table: pa.Table, online: bool) -> int:
    return next(i for i, c in enumerate(table["channel"].to_pylist()) if (c == "ONLINE") == online)


def moved(table: pa.Table, row: int, by: dt.timedelta) -> pa.Table:
    values = table["event_time"].cast(pa.int64()).to_pylist()
    values[row] += int(by.total_seconds() * 1e9)
    return put(table, "event_time", values)


FROM_THE_FOOTER = ("columns_match_contract", "provenance_matches_partition", "row_count_matches_plan")
NULLS = "null_proportions_within_bounds"
RULES = "values_follow_rules"
DEFECTS = {
    "two columns swapped": (swapped, "columns_match_contract"),
    "a column missing": (lambda t: t.drop_columns(["amount"]), "columns_match_contract"),
    "a column too many": (lambda t: t.append_column("tip", t["amount"]), "columns_match_contract"),
    "a type changed": (lambda t: retyped(t, "customer_id", pa.int32()), "columns_match_contract"),
    "an enum turned to text": (lambda t: retyped(t, "channel", pa.large_string()), "columns_match_contract"),
    "milliseconds": (lambda t: retyped(t, "event_time", pa.timestamp("ms", "UTC")), "columns_match_contract"),
    "nullability lost": (lambda t: nullable(t, "amount"), "columns_match_contract"),
    "a row missing": (lambda t: t.slice(1), "row_count_matches_plan"),
    "mcc nulls a quarter more": (lambda t: put(t, "mcc_code", nulled(t, "mcc_code", 0.0625)), NULLS),
    "device nulls a fifth fewer": (lambda t: put(t, "device_id", nulled(t, "device_id", 0.064)), NULLS),
    "a null where none may be": (lambda t: change(t, "device_type", 3, None), NULLS),
    "frauds half as many again": (lambda t: put(t, "label_fraud", frauds(range(0, PLAN.rows, 100))), "fraud"),
    "no fraud at all": (lambda t: put(t, "label_fraud", frauds([])), "fraud"),
    "all fraud at the start": (lambda t: put(t, "label_fraud", frauds(range(60))), "fraud"),
    "all payments recurring": (lambda t: put(t, "is_recurring", [True] * PLAN.rows), "recurring"),
    "an event the day after": (lambda t: moved(t, -1, dt.timedelta(days=1)), "event_times"),
    "an event the day before": (lambda t: moved(t, 0, dt.timedelta(days=-1)), "event_times"),
    "an event out of order": (lambda t: moved(t, 9_000, dt.timedelta(hours=-1)), "event_times"),
    "row groups out of order": (lambda t: pa.concat_tables([t.slice(8_000), t.slice(0, 8_000)]), "event_times"),
    "an id twice": (lambda t: change(t, "transaction_id", 9, t["transaction_id"][15_000].as_py()), "ids_unique"),
    "a value outside an enum": (lambda t: change(t, "channel", 5, "PHONE"), "enum_values_in_sets"),
    "half a coordinate": (lambda t: change(t, "latitude", first_present(t, "latitude"), None), RULES),
    "an address off line": (lambda t: change(t, "ip_address", online_row(t, False), "93.184.216.34"), RULES),
    "a browser off line": (lambda t: change(t, "user_agent", online_row(t, False), "Mozilla/5.0"), RULES),
    "a private address": (lambda t: change(t, "ip_address", online_row(t, True), "192.168.0.1"), RULES),
    "no address": (lambda t: change(t, "ip_address", online_row(t, True), "localhost"), RULES),
    "a hash in capitals": (lambda t: change(t, "card_pan_hash", 3, "AB" * 32), RULES),
    "a PAN for a hash": (lambda t: change(t, "card_pan_hash", 3, "4111111111111111"), RULES),
    "an amount of nought": (lambda t: change(t, "amount", 3, 0.0), RULES),
    "a third of a cent": (lambda t: change(t, "amount", 3, 12.333), RULES),
    "an expired card": (lambda t: change(t, "card_exp_year", 3, 2025), RULES),
    "a thirteenth month": (lambda t: change(t, "card_exp_month", 3, 13), RULES),
    "a customer too low": (lambda t: change(t, "customer_id", 3, 9_999), RULES),
    "a merchant too high": (lambda t: change(t, "merchant_id", 3, 10_000), RULES),
    "a country that is none": (lambda t: change(t, "merchant_country", 3, "XX"), RULES),
    "no currency": (lambda t: change(t, "currency_code", 3, "XXX"), RULES),
    "a currency that only Faker has": (lambda t: change(t, "currency_code", 3, "NIS"), RULES),
    "a currency that is history": (lambda t: change(t, "currency_code", 3, "BGN"), RULES),
    "a program for a browser": (lambda t: change(t, "user_agent", online_row(t, True), "curl/8.5.0"), RULES),
    "another offset": (lambda t: change(t, "local_time_offset", 3, 0), RULES),
    "an id that is no UUIDv4": (lambda t: change(t, "transaction_id", 3, "0" * 36), RULES),
    "a longitude too far": (lambda t: change(t, "longitude", first_present(t, "longitude"), 180.5), RULES),
}


def nulled(table: pa.Table, name: str, share: float) -> list:
    """The column's values with nulls in exactly this share of the rows."""
    values = table[name].to_pylist()
    some = next(value for value in values if value is not None)
    every = round(1 / share)
    return [None if row % every == 0 else value or some for row, value in enumerate(values)]


def first_present(table: pa.Table, name: str) -> int:
    return next(row for row, value in enumerate(table[name].to_pylist()) if value is not None)


@pytest.mark.parametrize(("defect", "claim"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_breaks_the_claim_that_names_it(schema, tmp_path, table, defect, claim):
    found = judge_table(tmp_path, schema, defect(table))
    assert any(name.startswith(claim) or claim in name for name in found), found


def test_the_file_of_another_day_is_refused(schema, tmp_path, table):
    path = write_day(tmp_path, schema, PLAN, table)
    tomorrow = DAY + dt.timedelta(days=1)
    renamed = path.rename(tmp_path / f"payments_{PLAN.rows}_{tomorrow}.parquet")
    assert "provenance_matches_partition" in broken_claims(judge_file(schema, renamed))


def test_the_file_of_another_contract_is_refused(schema, tmp_path, table):
    other = TransactionSchema.from_canonical({**schema.canonical, "version": "2.0.0"}, "other")
    path = write_day(tmp_path, other, PLAN, table)
    assert broken_claims(judge_file(schema, path)) == {"provenance_matches_partition"}


def test_a_name_that_lies_about_the_rows_is_refused(schema, tmp_path, table):
    path = write_day(tmp_path, schema, PLAN, table)
    lying = path.rename(tmp_path / f"payments_20001_{DAY}.parquet")
    assert broken_claims(judge_file(schema, lying)) == {"row_count_matches_plan"}


def test_a_file_with_other_columns_is_judged_by_its_footer_alone(schema, tmp_path, table):
    claims = {claim.name: claim for claim in judge_file(schema, write_day(tmp_path, schema, PLAN, swapped(table)))}
    assert {name for name, claim in claims.items() if claim.failed} == {"columns_match_contract"}
    assert claims["row_count_matches_plan"].passed
    unjudged = {claim.summary for claim in claims.values() if not claim.judged}
    assert unjudged == {"not judged: see columns_match_contract"}


def test_a_claim_has_the_numbers_that_it_was_judged_by(schema, tmp_path, table):
    missing = put(table, "mcc_code", nulled(table, "mcc_code", 0.0625))
    damaged = change(change(missing, "amount", 3, 0.0), "card_exp_month", 3, 13)
    claims = {claim.name: claim.numbers for claim in judge_file(schema, write_day(tmp_path, schema, PLAN, damaged))}
    assert all({"observed", "lowest", "highest", "breaches"} <= numbers.keys() for numbers in claims.values())
    assert claims["row_count_matches_plan"] == numbers_of(20_000, 20_000, 20_000, 0)
    assert claims["values_follow_rules"] == numbers_of(2, 0, 0, 2)
    nulls = claims[NULLS]
    assert (nulls["breaches"], nulls["mcc_code_share"]) == (1, 0.0625)
    assert nulls["observed"] == sum(column.null_count for column in damaged.columns)
    fraud = claims["fraud_proportion_within_bounds"]
    assert fraud["lowest"] < fraud["observed"] < fraud["highest"]
    assert fraud["share"] == fraud["observed"] / 20_000


def test_a_flipped_byte_in_a_page_is_found(schema, tmp_path, table):
    path = write_day(tmp_path, schema, PLAN, table)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    whole, *others = judge_file(schema, path)
    assert whole.summary.startswith("0 of 20,000 rows read; the file cannot be read to its end: ")
    assert whole.summary.endswith("; the checksum in the footer is missing or wrong")
    assert (whole.passed, whole.judged, whole.numbers["breaches"]) == (False, True, 2)
    assert [claim.name for claim in others if claim.judged] == [*FROM_THE_FOOTER]
    assert {claim.summary for claim in others if not claim.judged} == {"not judged: see file_is_whole"}


def test_a_file_without_provenance_is_refused_by_every_claim_that_needs_it(schema, tmp_path, table):
    import pyarrow.parquet as pq

    path = tmp_path / f"payments_{PLAN.rows}_{DAY}.parquet"
    pq.write_table(table, path)
    claims = {claim.name: claim for claim in judge_file(schema, path)}
    assert broken_claims([*claims.values()]) == set(CLAIMS) - {"columns_match_contract"}
    assert "does not say what made it" in claims["provenance_matches_partition"].summary
    assert claims["file_is_whole"].summary.endswith("the checksum in the footer is missing or wrong")
    unjudged = {claim.summary for claim in claims.values() if not claim.judged}
    assert unjudged == {"not judged: see provenance_matches_partition"}


def test_a_file_of_another_generator_version_is_said_to_be_one_and_is_not_broken(schema, tmp_path, table):
    path = write_day(tmp_path, schema, PLAN, change(table, "currency_code", 3, "XXX"))
    change_provenance(path, generator_version="0.9")
    claims = {claim.name: claim for claim in judge_file(schema, path)}
    assert not any(claim.broken for claim in claims.values())
    assert claims["provenance_matches_partition"].passed
    assert f"by generator version 0.9 (this is {GENERATOR_VERSION})" in claims["provenance_matches_partition"].summary
    unjudged = {name for name, claim in claims.items() if not claim.passed}
    assert unjudged == {NULLS, "fraud_proportion_within_bounds", "recurring_proportion_within_bounds", RULES}
    reason = f"made by generator version 0.9, and this is {GENERATOR_VERSION}"
    assert all(reason in claims[name].summary for name in unjudged)


def test_what_does_not_depend_on_the_generator_is_judged_in_a_file_of_another_version(schema, tmp_path, table):
    path = write_day(tmp_path, schema, PLAN, change(table, "transaction_id", 9, table["transaction_id"][15].as_py()))
    change_provenance(path, generator_version="0.9")
    assert {claim.name for claim in judge_file(schema, path) if claim.broken} == {"transaction_ids_unique"}


def test_a_footer_that_only_another_version_can_read_says_which(schema, tmp_path, table):
    path = write_day(tmp_path, schema, PLAN, table)
    change_provenance(path, generator_version="7", plan={"day": str(DAY), "rows": PLAN.rows, "colour": "blue"})
    claims = judge_file(schema, path)
    assert f"made by generator version 7; this is {GENERATOR_VERSION}" in claims[2].summary
    assert "Use the release that made it" in claims[2].summary
