import re
import textwrap

import polars as pl
import pyarrow as pa
import pytest
import yaml

from synth_assets.generator.errors import SchemaError
from synth_assets.generator.profiles import check_schema
from synth_assets.generator.schema import TransactionSchema
from tests.conftest import SCHEMA_FILE, make_frame, make_plan


def document() -> dict:
    return yaml.safe_load(SCHEMA_FILE.read_text())


def parse(doc: object) -> TransactionSchema:
    return TransactionSchema.parse(yaml.safe_dump(doc, sort_keys=False), source="contract.yaml")


def field(doc: dict, name: str) -> dict:
    return next(each for each in doc["fields"] if each["name"] == name)


def test_the_contract_has_its_24_columns_in_order(schema):
    assert schema.names == (
        "transaction_id", "event_time", "local_time_offset", "amount", "currency_code", "card_pan_hash", "card_scheme",
        "card_exp_year", "card_exp_month", "customer_id", "merchant_id", "merchant_country", "mcc_code", "channel",
        "pos_entry_mode", "device_id", "device_type", "ip_address", "user_agent", "latitude", "longitude",
        "is_recurring", "previous_txn_id", "label_fraud",
    )  # fmt: skip
    nullable = {f.name for f in schema.fields if f.nullable}
    assert nullable == {
        "mcc_code", "device_id", "device_type", "ip_address", "user_agent", "latitude", "longitude", "previous_txn_id",
    }  # fmt: skip


def test_mcc_codes_are_at_least_a_hundred_four_digit_codes(schema):
    codes = schema["mcc_code"].enum
    assert len(codes) >= 100
    assert all(re.fullmatch("[0-9]{4}", code) for code in codes)


def test_dtypes_become_polars_and_arrow_types(schema):
    types = schema.polars_schema
    assert types["card_exp_year"] == pl.Int64
    assert types["amount"] == pl.Float64
    assert types["is_recurring"] == pl.Boolean
    assert types["event_time"] == pl.Datetime("ns", "UTC")
    assert types["channel"] == pl.Enum(["ONLINE", "IN_STORE", "ATM"])
    arrow = schema.arrow_schema
    assert arrow.field("event_time").type == pa.timestamp("ns", "UTC")
    assert pa.types.is_dictionary(arrow.field("channel").type)
    assert {f.name for f in arrow if f.nullable} == {f.name for f in schema.fields if f.nullable}


def test_an_unrecognised_dtype_becomes_a_nullable_string():
    doc = document()
    field(doc, "amount")["dtype"] = "money"
    schema = parse(doc)
    assert schema.polars_schema["amount"] == pl.String
    assert schema.arrow_schema.field("amount").nullable
    assert [f.name for f in schema.unrecognised] == ["amount"]


def test_the_digest_follows_content_and_not_prose(schema):
    doc = document()
    doc["description"] = "Other words."
    field(doc, "amount")["description"] = "Other words."
    assert parse(doc).digest == schema.digest
    reordered = document()
    reordered["fields"].reverse()
    other_enum = document()
    field(other_enum, "channel")["enum"].append("PHONE")
    assert len({schema.digest, parse(reordered).digest, parse(other_enum).digest}) == 3


def test_a_schema_can_be_rebuilt_from_its_canonical_form(schema):
    assert TransactionSchema.from_canonical(schema.canonical, "footer") == schema


@pytest.mark.parametrize("unit", ["us", "ms"])
def test_a_unit_becomes_the_type_and_is_a_part_of_the_contract(schema, unit):
    doc = document()
    field(doc, "event_time")["unit"] = unit
    other = parse(doc)
    assert other.polars_schema["event_time"] == pl.Datetime(unit, "UTC")
    assert other.arrow_schema.field("event_time").type == pa.timestamp(unit, "UTC")
    assert other.digest != schema.digest
    assert TransactionSchema.from_canonical(other.canonical, "footer") == other


def test_nanoseconds_are_the_default_and_spelling_them_out_changes_nothing(schema):
    doc = document()
    assert "unit" not in field(doc, "event_time")
    field(doc, "event_time")["unit"] = "ns"
    assert parse(doc) == schema
    assert parse(doc).digest == schema.digest
    assert all("unit" not in each for each in schema.canonical["fields"])


def broken(change) -> str:
    doc = document()
    change(doc)
    return yaml.safe_dump(doc, sort_keys=False)


BROKEN = {
    "not YAML": ("fields: [", "not YAML"),
    "no mapping": ("- a\n- b", "expected a mapping"),
    "a tag": ("!!python/object/apply:os.system ['true']", "not YAML"),
    "empty": ("", "expected a mapping"),
    "no fields": (broken(lambda d: d.pop("fields")), "no `fields`"),
    "empty fields": (broken(lambda d: d.update(fields=[])), "no `fields`"),
    "no version": (broken(lambda d: d.pop("version")), "`version` must be"),
    "unknown key": (broken(lambda d: d.update(feilds=[])), "unknown key 'feilds'"),
    "unknown field key": (broken(lambda d: d["fields"][3].update(nulable=True)), "field 4: unknown key 'nulable'"),
    "duplicate name": (broken(lambda d: d["fields"].append(d["fields"][3])), "field amount: .*more than once"),
    "nameless": (broken(lambda d: d["fields"][3].pop("name")), "field 4: `name` must be text"),
    "enum without values": (broken(lambda d: field(d, "channel").update(enum=[])), "field channel: an enum without"),
    "enum is a path": (broken(lambda d: field(d, "channel").update(enum="x.txt")), "field channel: an enum without"),
    "enum of numbers": (broken(lambda d: field(d, "mcc_code").update(enum=[5411])), "field mcc_code: .*quotes"),
    "enum repeats": (broken(lambda d: field(d, "channel").update(enum=["A", "A"])), "more than once: 'A'. Keep"),
    "enum of odd values": (broken(lambda d: field(d, "channel").update(enum=["A", 1, ""])), "in quotes, not 1, ''"),
    "values without enum": (broken(lambda d: field(d, "amount").update(enum=["A"])), "field amount: `enum` values"),
    "unit under text": (broken(lambda d: field(d, "amount").update(unit="ms")), "field amount: a `unit` under dtype"),
    "unit of seconds": (
        broken(lambda d: field(d, "event_time").update(unit="s")),
        "field event_time: .*ns, us or ms, not",
    ),
    "no unit": (
        broken(lambda d: field(d, "event_time").update(unit=None)),
        "field event_time: .*ns, us or ms, not None",
    ),
    "units": (broken(lambda d: field(d, "event_time").update(unit=["ms"])), "field event_time: .*ns, us or ms, not"),
    "nullable is text": (broken(lambda d: field(d, "amount").update(nullable="no way")), "field amount: `nullable`"),
    "primary key gone": (broken(lambda d: d["fields"].pop(0)), "`primary_key` names 'transaction_id'"),
    "event time gone": (broken(lambda d: d["fields"].pop(1)), "`event_time` names 'event_time'"),
    "event time is text": (broken(lambda d: field(d, "event_time").update(dtype="string")), "its dtype `datetime`"),
}


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_a_broken_schema_gives_one_clear_error(text, says):
    with pytest.raises(SchemaError) as caught:
        TransactionSchema.parse(text, source="contract.yaml")
    message = str(caught.value)
    assert message.startswith("contract.yaml")
    assert re.search(says, message)
    assert "\n" not in message


def dropped(doc: dict, name: str) -> None:
    doc["fields"] = [each for each in doc["fields"] if each["name"] != name]


UNBUILDABLE = {
    "no builder": (lambda d: d["fields"].append({**field(d, "amount"), "name": "tip"}), "field tip: .*no builder"),
    "channel removed": (lambda d: dropped(d, "channel"), "field ip_address: .*made from channel"),
    "scheme removed": (lambda d: dropped(d, "card_scheme"), "field card_pan_hash: .*made from card_scheme"),
    "longitude removed": (lambda d: dropped(d, "longitude"), "field latitude: .*made from longitude"),
    "ONLINE removed": (
        lambda d: field(d, "channel")["enum"].remove("ONLINE"),
        "field ip_address: .*needs ONLINE among",
    ),
    "unknown schemes": (
        lambda d: field(d, "card_scheme")["enum"].extend(["JCB", "x"]),
        "field card_scheme: 'JCB', 'x'",
    ),
    "unknown currencies": (
        lambda d: field(d, "currency_code").update(dtype="enum", enum=["EUR", "AAA", "NIS", "XAU"]),
        "field currency_code: 'AAA', 'NIS', 'XAU' in its enum would break the rule .*ISO 4217",
    ),
    "unknown countries": (
        lambda d: field(d, "merchant_country").update(dtype="enum", enum=["PT", "XK", "UK"]),
        "field merchant_country: 'XK', 'UK' in its enum would break the rule .*ISO 3166-1 code",
    ),
    "a file for MCCs": (
        lambda d: field(d, "mcc_code").update(enum=["some/file.py"]),
        "field mcc_code: 'some/file.py' in its enum would break the rule \"mcc_code has four digits\". Remove",
    ),
    "odd MCCs": (
        lambda d: field(d, "mcc_code").update(enum=["abcd", "5411", "541", "54110"]),
        "field mcc_code: 'abcd', '541', '54110' in its enum",
    ),
    "dtype": (lambda d: field(d, "amount").update(dtype="int"), "field amount: dtype int .*float"),
}


@pytest.mark.parametrize(("change", "says"), UNBUILDABLE.values(), ids=UNBUILDABLE)
def test_a_contract_that_cannot_be_built_is_refused(change, says):
    doc = document()
    change(doc)
    schema = parse(doc)
    with pytest.raises(SchemaError, match=says) as caught:
        check_schema(schema, "uniform")
    assert str(caught.value).startswith("contract.yaml, field ")


def test_codes_that_faker_lacks_are_drawn_where_the_contract_asks_for_them():
    doc = document()
    field(doc, "merchant_country").update(dtype="enum", enum=["HK", "PR"])
    field(doc, "currency_code").update(dtype="enum", enum=["VED"])
    frame = make_frame(parse(doc), make_plan())
    assert set(frame["merchant_country"]) == {"HK", "PR"}
    assert set(frame["currency_code"]) == {"VED"}


def test_however_many_values_are_wrong_the_message_is_short():
    doc = document()
    field(doc, "mcc_code")["enum"] = [f"number {number}" for number in range(5_000)]
    with pytest.raises(SchemaError, match=r"'number 0', .*'number 14' and 4,985 more in its enum") as caught:
        check_schema(parse(doc), "uniform")
    assert len(str(caught.value)) < 5_000


def test_aliases_do_not_blow_up():
    layers = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 30))
    with pytest.raises(SchemaError):
        TransactionSchema.parse(textwrap.dedent(f"l0: &l0 [x]\n{layers}\nfields: *l29\n"))
