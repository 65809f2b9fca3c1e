"""The realistic profile as a record."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from synth_assets.generator.columns import uuid_text, with_nulls
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.profile import Profile
from synth_assets.generator.realistic.agreements import GROUP_ROWS
from synth_assets.generator.realistic.block import RealisticBlock
from synth_assets.generator.realistic.columns import COLUMNS
from synth_assets.generator.realistic.draft import Draft, drafts
from synth_assets.generator.realistic.history import (
    CardHistory,
    LastPayments,
    card_history,
    last_day,
    last_payments,
    payment_ids,
)
from synth_assets.generator.realistic.rules import realistic_rules
from synth_assets.generator.realistic.scenarios import HARDNESS
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.streams import block_count


def realistic_blocks(
    schema: TransactionSchema, plan: GenerationPlan, blocks: range, history: CardHistory | None = None
) -> Iterator[RealisticBlock]:
    """The blocks with these numbers, in order, after the card history of the blocks before them.

    The history is that of the day before and of the day's earlier blocks, where the contract has `previous_txn_id`.
    It is computed where it is None.
    """
    payments: LastPayments | None = None
    if "previous_txn_id" in schema:
        payments = last_payments(plan, blocks.start) if history is None else LastPayments(history)
    for draft in drafts(plan, blocks):
        yield RealisticBlock(plan, schema, draft.streams, draft, _ready_columns(schema, draft, payments))
    if payments is not None and blocks == range(block_count(plan.rows)):
        last_day.remember(plan, payments.history())


def _ready_columns(schema: TransactionSchema, draft: Draft, payments: LastPayments | None) -> dict[str, pl.Series]:
    """By name, the columns of the contract that follow from the draft and the payments before it alone."""
    ready: dict[str, pl.Series] = {}
    ids = payment_ids(draft)
    if "transaction_id" in schema:
        ready["transaction_id"] = uuid_text(*ids.T)
    if "card_pan_hash" in schema:
        ready["card_pan_hash"] = draft.world.pan_hashes(draft.card, draft.generation)
    if payments is not None:
        previous, known = payments.add_and_look_back(draft.card, draft.generation, ids)
        ready["previous_txn_id"] = with_nulls(uuid_text(*previous.T), ~known)
    return ready


def _recurring_share(plan: GenerationPlan) -> float:
    """The share of the payments that agreements make: those whose place no incident takes."""
    return 1 / GROUP_ROWS * (1 - plan.fraud_rate) * (1 - HARDNESS[plan.difficulty].look_alikes)


REALISTIC = Profile(
    COLUMNS, realistic_blocks, realistic_rules, _recurring_share, has_world=True, card_history=card_history
)
"""Payments come from one world of customers, cards and merchants, and fraud has causes."""
