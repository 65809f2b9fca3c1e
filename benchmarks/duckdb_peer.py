"""The same day in DuckDB's SQL, on all its threads.

The distributions, null rates and formats are the contract's, and the file is in the order of its event times. Two
things are easier for DuckDB: no column is REQUIRED, and making the day again would give other values. Its settings are
the fastest that were found: data pages of version 2, dictionaries only for columns of few values.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise

import duckdb

from benchmarks.day import contract, measured, plan_of
from benchmarks.fresh import Figures
from synth_assets.generator import reference
from synth_assets.generator.columns import CUSTOMER_IDS, MERCHANT_IDS, RECURRING_RATE
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.uniform import AMOUNT_CENTS, EXPIRY_YEARS_AHEAD


def duckdb_sql(path: str, rows: int) -> Figures:
    started = time.perf_counter()
    schema, plan = contract(), plan_of(rows)
    with duckdb.connect() as connection:
        for statement in statements(path, schema, plan):
            connection.execute(statement)
    return measured(path, rows, time.perf_counter() - started)


def statements(path: str, schema: TransactionSchema, plan: GenerationPlan) -> list[str]:
    """Types for what repeats, the event times in order, and one COPY beside them.

    What several columns share is drawn in the inner SELECTs, once a row.
    """
    enums = {field.name: field.enum for field in schema.fields if field.enum} | {
        "currency_code": reference.CURRENCY_CODES,
        "merchant_country": reference.COUNTRY_CODES,
        "user_agent": reference.user_agents(),
    }

    def pick(name: str) -> str:
        return f"enum_range(NULL::{name}_t)[1 + floor(random() * {len(set(enums[name]))})::INTEGER]"

    schemes = schema["card_scheme"].enum
    heads = {scheme: [int(head) for head in reference.pan_heads(scheme)] for scheme in schemes}
    third_digits = {scheme: reference.PAN_LENGTHS[scheme] - 13 for scheme in schemes}
    networks = [int(high) * 256 + int(low) for high, low in (each.split(".") for each in reference.public_prefixes())]
    start, end = plan.window
    milliseconds = (end - start) // dt.timedelta(milliseconds=1)

    def by_scheme(results: Iterable[str]) -> str:
        cases = " ".join(f"WHEN '{scheme}' THEN {result}" for scheme, result in zip(schemes, results, strict=True))
        return f"CASE scheme {cases} END"

    copied = f"""
        SELECT
            uuid()::VARCHAR AS transaction_id,
            make_timestamp_ns((moment + {int(start.timestamp()) * 1_000}) * 1000000) AS event_time,
            {plan.timezone_offset}::BIGINT AS local_time_offset,
            {_whole(*AMOUNT_CENTS)} / 100 AS amount,
            {pick("currency_code")} AS currency_code,
            sha256((digits * 10 + 9 * luhn_sum % 10)::VARCHAR) AS card_pan_hash,
            scheme AS card_scheme,
            {_whole(*EXPIRY_YEARS_AHEAD)} + {plan.day.year} AS card_exp_year,
            {_whole(1, 12)} AS card_exp_month,
            {_whole(*CUSTOMER_IDS)} AS customer_id,
            {_whole(*MERCHANT_IDS)} AS merchant_id,
            {pick("merchant_country")} AS merchant_country,
            if(random() < {plan.null_mcc_rate}, NULL, {pick("mcc_code")}) AS mcc_code,
            channel,
            {pick("pos_entry_mode")} AS pos_entry_mode,
            if(random() < {plan.null_device_rate}, NULL, uuid()::VARCHAR) AS device_id,
            {pick("device_type")} AS device_type,
            if(channel = 'ONLINE', (network // 256) || '.' || (network % 256) || '.' || {_below(256)} || '.'
                || {_below(256)}, NULL) AS ip_address,
            if(channel = 'ONLINE', {pick("user_agent")}, NULL) AS user_agent,
            if(unlocated, NULL, {_whole(-90_000_000, 90_000_000)} / 1000000) AS latitude,
            if(unlocated, NULL, {_whole(-180_000_000, 180_000_000)} / 1000000) AS longitude,
            random() < {RECURRING_RATE} AS is_recurring,
            NULL::VARCHAR AS previous_txn_id,
            random() < {plan.fraud_rate} AS label_fraud
        FROM (
            SELECT
                *,
                (head::BIGINT * {by_scheme(str(10**count) for count in third_digits.values())} + third) * 100000000
                    + second_group * 10000 + first_group AS digits,
                {by_scheme(_luhn("head", count % 2 == 0) for count in third_digits.values())} + {_luhn("third")}
                    + {_luhn("second_group")} + {_luhn("first_group")} AS luhn_sum,
                {_nth(networks, "network_place")} AS network
            FROM (
                SELECT
                    *,
                    {by_scheme(_nth(numbers, "floor(part * " + str(len(numbers)) + ")") for numbers in heads.values())}
                        ::INTEGER AS head,
                    {by_scheme(_below(10**count) for count in third_digits.values())} AS third
                FROM (
                    SELECT
                        moment,
                        {pick("channel")} AS channel,
                        {pick("card_scheme")} AS scheme,
                        random() AS part,
                        {_below(10_000)} AS second_group,
                        {_below(10_000)} AS first_group,
                        {_below(len(networks))} AS network_place,
                        random() < {plan.null_geo_rate} AS unlocated
                    FROM moments
                )
            )
        )"""
    return [
        *(f"CREATE TYPE {name}_t AS ENUM ({_quoted(values)})" for name, values in enums.items()),
        "CREATE TEMP TABLE moments AS "
        f"SELECT floor(random() * {milliseconds})::BIGINT AS moment FROM range({plan.rows}) ORDER BY moment",
        f"COPY ({copied}) TO {_quoted([path])} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {plan.chunk_size}, "
        "PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1000)",
    ]


def _quoted(values: Iterable[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in dict.fromkeys(values))


def _below(count: int) -> str:
    return f"floor(random() * {count})::INTEGER"


def _whole(low: int, high: int) -> str:
    """A whole number, uniform on low … high."""
    return f"({_below(high - low + 1)}::BIGINT + {low})"


def _nth(numbers: Sequence[int], place: str) -> str:
    """The number at a place of an ascending list: its runs are few, and arithmetic is faster than a look-up."""
    gaps = [(first, after - before - 1) for first, (before, after) in enumerate(pairwise(numbers), start=1)]
    jumps = "".join(f" + if({place} >= {first}, {width}, 0)" for first, width in gaps if width)
    return f"({numbers[0]} + {place}{jumps})"


def _luhn(group: str, doubles_last: bool = True) -> str:
    """Luhn's sum of a group of at most four digits."""
    digits = [f"({group} // {10**place} % 10)" for place in range(4)]
    doubled = digits[0 if doubles_last else 1 :: 2]
    return f"({' + '.join(digits + doubled)}{''.join(f' - if({digit} > 4, 9, 0)' for digit in doubled)})"
