"""Every claim holds for realistic days, and one row that breaks a rule is found."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from synth_assets.generator.claims import CLAIMS
from tests.conftest import judge_file, make_frame, write_day
from tests.generator.realistic.conftest import realistic


@pytest.mark.parametrize(
    "settings",
    [
        *({"difficulty": difficulty, "day": dt.date(2024, 2, 29)} for difficulty in ("easy", "medium", "hard")),
        {"fraud_rate": 0.0},
        {"fraud_rate": 1.0},
        {"fraud_rate": 0.5, "rows": 7},
        {"rows": 1},
        {"lookback_days": 366, "day": dt.date(2026, 11, 1)},
        {"day": dt.date(1679, 1, 1)},
        {"day": dt.date(2261, 12, 31)},
        {"seed": 2**63 - 1, "customers": 1_000},
    ],
    ids=str,
)
def test_every_claim_holds(schema, tmp_path, settings):
    plan = realistic(**settings)
    claims = judge_file(schema, write_day(tmp_path, schema, plan))
    assert [claim.name for claim in claims] == list(CLAIMS)
    assert not [claim for claim in claims if not claim.passed]


@pytest.mark.parametrize(
    ("column", "where", "value", "rule"),
    [
        ("pos_entry_mode", pl.col("channel") == "ATM", "NFC", "pos_entry_mode is CHIP or MAGSTRIPE at an ATM"),
        ("pos_entry_mode", pl.col("channel") == "IN_STORE", "ECOM", "pos_entry_mode is ECOM online and nowhere else"),
        ("device_type", pl.col("channel") == "ONLINE", "POS", "device_type is not POS online"),
        ("mcc_code", pl.col("channel") == "ONLINE", "6011", "mcc_code is 6011 at an ATM and nowhere else"),
        (
            "merchant_country",
            pl.col("currency_code") == "JPY",
            "US",
            "currency_code is the currency of merchant_country",
        ),
        ("amount", pl.col("currency_code") == "JPY", 10.5, "amount is positive and has the currency's decimals"),
        ("amount", pl.col("currency_code") == "USD", 0.0, "amount is positive and has the currency's decimals"),
        ("card_exp_year", pl.col("channel") == "ATM", 2025, "card is used within four years before it expires"),
        ("local_time_offset", pl.col("channel") == "ATM", 900, "local_time_offset is the offset of a time zone"),
    ],
)
def test_one_row_that_breaks_a_rule_is_named(schema, tmp_path, column, where, value, rule):
    plan = realistic()
    frame = make_frame(schema, plan)
    row = int(np.flatnonzero(frame.select(where).to_series())[0])
    changed = frame.with_columns(pl.when(pl.int_range(pl.len()) == row).then(pl.lit(value)).otherwise(pl.col(column))
                                 .cast(frame.schema[column]).alias(column))  # fmt: skip
    table = changed.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema.arrow_schema)
    broken = {c.name: c for c in judge_file(schema, write_day(tmp_path, schema, plan, table)) if not c.passed}
    assert set(broken) == {"values_follow_rules"}
    assert rule in broken["values_follow_rules"].summary
