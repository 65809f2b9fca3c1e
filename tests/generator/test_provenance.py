"""Provenance: what a footer says comes back as the same value, and what is damaged is refused."""

import json
from hashlib import sha256

import pytest

from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.provenance import Provenance, ProvenanceError
from tests.conftest import in_unit, make_plan


@pytest.mark.parametrize("settings", [{}, {"profile": "realistic", "customers": 1_000}, {"lookback_days": 3}])
def test_a_footer_comes_back_as_the_same_value(schema, settings):
    made = Provenance.of(in_unit(schema, "us"), make_plan(**settings))
    read = Provenance.parse(json.dumps(made.document).encode(), "a file")
    assert read == made
    assert read.is_current
    assert read.document == made.document


def test_another_plan_contract_or_version_has_another_digest(schema):
    one = Provenance.of(schema, make_plan())
    others = [Provenance.of(schema, make_plan(seed=7)), Provenance.of(in_unit(schema, "ms"), make_plan())]
    assert len({each.digest for each in (one, *others)}) == 3


def test_a_plan_of_version_1_was_compact_and_one_of_today_says_how_it_is(schema):
    with_defaults = Provenance.of(schema, make_plan()).document
    assert with_defaults["plan"]["encodings"] == "portable"
    del with_defaults["plan"]["encodings"], with_defaults["digest"]
    origin = with_defaults | {"generator_version": "1"}
    text = json.dumps(origin | {"digest": sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()})
    assert Provenance.parse(text.encode(), "a file").plan == make_plan(encodings="compact")


@pytest.mark.parametrize("text", [None, b"", b"null", b"[]", b"{", b"\xff", b'{"digest": null}', b'{"digest": 7}'])
def test_what_is_no_provenance_is_refused(text):
    with pytest.raises(ProvenanceError, match="The footer of a file does not say what made it"):
        Provenance.parse(text, "a file")


def test_a_changed_value_is_found_by_the_digest(schema):
    document = Provenance.of(schema, make_plan()).document
    document["plan"] |= {"seed": 43}
    with pytest.raises(ProvenanceError, match="does not say what made it"):
        Provenance.parse(json.dumps(document).encode(), "a file")


def test_the_version_is_this_generators(schema):
    assert Provenance.of(schema, make_plan()).generator_version == GENERATOR_VERSION
