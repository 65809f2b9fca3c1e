"""The codes of the contract's categories: integers in arrays, names in files."""

from __future__ import annotations

from enum import IntEnum


class Channel(IntEnum):
    """Where a payment is made; also the one channel that a merchant of the realistic world serves."""

    ONLINE = 0
    IN_STORE = 1
    ATM = 2


class EntryMode(IntEnum):
    """How the card was read at the point of sale."""

    CHIP = 0
    MAGSTRIPE = 1
    NFC = 2
    ECOM = 3


class DeviceType(IntEnum):
    """What a payment was made on: a phone, a computer, or the merchant's terminal."""

    IOS = 0
    ANDROID = 1
    WEB = 2
    POS = 3


def names(codes: type[IntEnum]) -> tuple[str, ...]:
    """The names of an enum's codes, each at the place of its code."""
    return tuple(code.name for code in codes)
