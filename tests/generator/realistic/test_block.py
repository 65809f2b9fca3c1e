"""A block of the realistic profile reads its own values, never those of another profile."""

import numpy as np
import polars as pl
import pytest

from synth_assets.generator.codes import Channel
from synth_assets.generator.profiles import PROFILES
from tests.conftest import make_frame
from tests.generator.realistic.conftest import realistic


@pytest.fixture(scope="module")
def block(schema):
    (only,) = PROFILES["realistic"].blocks(schema, realistic(), range(1))
    return only


def test_nothing_of_the_uniform_profile_can_be_read(block):
    assert not hasattr(block, "scheme")


def test_the_channel_of_a_block_is_that_of_its_column(schema, block):
    made = make_frame(schema, realistic())["channel"].cast(pl.String)
    assert [Channel(code).name for code in block.channel] == made.to_list()
    assert (block.offline == (made != "ONLINE").to_numpy()).all()


def test_only_incidents_that_are_not_hidden_change_a_payment(block):
    hidden = block.draft.incidents.rows[block.draft.incidents.hidden]
    assert len(hidden) > 0
    assert not np.isin(block.incidents.rows, hidden).any()
