"""Texts of a fixed form, such as ids and hashes: NumPy proves of many at once that all have it.

That takes 40 to 60 percent of the time in which a regular expression looks at each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

Characters = npt.NDArray[np.uint8]

UUID4_FORM = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx"
SHA256_FORM = 64 * "x"
"""An x is a hexadecimal digit in lower case, a v the first digit of RFC 9562's variant; the rest is itself."""

_VARIANT = np.isin(np.arange(256), list(b"89ab"))
_BYTES_AT_ONCE = 2**16
"""So that what is compared stays in the processor's cache."""


def all_have_form(texts: pl.Series, form: str) -> bool:
    """Whether all texts but nulls have the form, in ASCII."""
    texts = texts.drop_nulls()
    lengths = texts.str.len_bytes()
    if texts.is_empty() or lengths.min() != len(form) or lengths.max() != len(form):
        return texts.is_empty()
    _, offsets, content = texts.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()
    first = int(np.frombuffer(offsets, np.int64, 1)[0])
    characters = np.frombuffer(content, np.uint8, len(texts) * len(form), first)
    if not _fixed_places_are_right(characters.reshape(-1, len(form)), form):
        return False
    # The other places are digits if there are as many digits as that makes.
    digits = sum(
        _count_digits(characters[start : start + _BYTES_AT_ONCE]) for start in range(0, len(characters), _BYTES_AT_ONCE)
    )
    return digits == len(texts) * (len(form) - form.count("-"))


def _fixed_places_are_right(characters: Characters, form: str) -> bool:
    for place, kind in enumerate(form):
        if kind == "v" and not _VARIANT[characters[:, place]].all():
            return False
        if kind not in "xv" and not (characters[:, place] == ord(kind)).all():
            return False
    return True


def _count_digits(characters: Characters) -> int:
    # Without a sign, what is less than the first digit counts as much more.
    return int(np.count_nonzero((characters - np.uint8(ord("0")) <= 9) | (characters - np.uint8(ord("a")) <= 5)))
