"""Texts of a fixed form: what is proved of many at once is what a regular expression says of each."""

from __future__ import annotations

import polars as pl
import pytest

from synth_assets.generator.digits import SHA256_FORM, UUID4_FORM, all_have_form

FORMS = {
    UUID4_FORM: (
        "0f9a63bc-8d17-4e02-b5a9-9a0f6cd7e81b",
        "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
    ),
    SHA256_FORM: ("0123456789abcdef" * 4, "^[0-9a-f]{64}$"),
}
"""By form, a text that has it, and the form as a regular expression."""


@pytest.mark.parametrize("form", FORMS)
def test_a_text_with_another_character_anywhere_has_the_form_where_the_expression_says_so(form):
    right, pattern = FORMS[form]
    for place in range(len(form)):
        texts = [right[:place] + character + right[place + 1 :] for character in "/09:`afgAF-4x\0\x7f"]
        said = pl.Series(texts).str.contains(pattern).to_list()
        assert {True, False} == {*said}  # both are tried at every place
        assert [all_have_form(pl.Series([right, text, right]), form) for text in texts] == said


@pytest.mark.parametrize("form", FORMS)
def test_one_wrong_text_among_many_is_enough_wherever_it_is(form):
    right, _ = FORMS[form]
    texts = [right] * 5_000
    assert all_have_form(pl.Series(texts), form)
    for place in (0, 2_499, 4_999):
        assert not all_have_form(pl.Series([*texts[:place], right[:-1] + "g", *texts[place + 1 :]]), form)
        # A longer and a shorter text have as many characters together as two right ones.
        assert not all_have_form(pl.Series([*texts[:place], right + "0", right[:-1], *texts[place + 1 :]]), form)


@pytest.mark.parametrize("form", FORMS)
def test_nulls_and_parts_of_a_column_are_no_fault(form):
    right, _ = FORMS[form]
    texts = pl.Series(["wrong", right, None, right, None, "wrong"])
    assert all_have_form(texts[1:5], form)
    assert not all_have_form(texts[1:], form)
    assert all_have_form(texts[2:3], form)
    assert all_have_form(texts.clear(), form)


def test_letters_of_more_than_one_byte_are_no_digits():
    assert not all_have_form(pl.Series(["é" * 32]), SHA256_FORM)
