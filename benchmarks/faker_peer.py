"""The classic script: a dict a row, then one frame and one file.

Faker gives what Faker has a word for, `random` the numbers and choices.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import random
import time
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from faker import Faker

from benchmarks.day import contract, measured, plan_of
from benchmarks.fresh import Figures
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema


def faker_loop(path: str, rows: int) -> Figures:
    fake = Faker("en_US")
    started = time.perf_counter()
    schema, plan = contract(), plan_of(rows)
    payments = [payment(fake, schema, plan) for _ in range(rows)]
    payments.sort(key=lambda each: each["event_time"])
    frame = pl.from_dicts(payments, schema={field.name: field.polars_type for field in schema.fields})
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    with pq.ParquetWriter(path, table.schema, compression="snappy") as writer:
        writer.write_table(table)
    return measured(path, rows, time.perf_counter() - started)


def payment(fake: Faker, schema: TransactionSchema, plan: GenerationPlan) -> dict[str, Any]:
    start, end = plan.window
    scheme = random.choice(schema["card_scheme"].enum)
    channel = random.choice(schema["channel"].enum)
    located = random.random() >= plan.null_geo_rate
    return {
        "transaction_id": fake.uuid4(),
        "event_time": fake.date_time_between(start, end, tzinfo=dt.UTC),
        "local_time_offset": plan.timezone_offset,
        "amount": round(random.uniform(1, 500), 2),
        "currency_code": fake.currency_code(),
        "card_pan_hash": hashlib.sha256(fake.credit_card_number(scheme.lower()).encode()).hexdigest(),
        "card_scheme": scheme,
        "card_exp_year": plan.day.year + random.randint(1, 5),
        "card_exp_month": random.randint(1, 12),
        "customer_id": random.randint(10_000, 999_999),
        "merchant_id": random.randint(1_000, 9_999),
        "merchant_country": fake.country_code(),
        "mcc_code": None if random.random() < plan.null_mcc_rate else random.choice(schema["mcc_code"].enum),
        "channel": channel,
        "pos_entry_mode": random.choice(schema["pos_entry_mode"].enum),
        "device_id": None if random.random() < plan.null_device_rate else fake.uuid4(),
        "device_type": random.choice(schema["device_type"].enum),
        "ip_address": fake.ipv4_public() if channel == "ONLINE" else None,
        "user_agent": fake.user_agent() if channel == "ONLINE" else None,
        "latitude": round(float(fake.latitude()), 6) if located else None,
        "longitude": round(float(fake.longitude()), 6) if located else None,
        "is_recurring": random.random() < 0.1,
        "previous_txn_id": None,
        "label_fraud": random.random() < plan.fraud_rate,
    }
