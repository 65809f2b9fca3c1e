"""Published shares of how people pay, by country and, where they move, by year."""

from __future__ import annotations

from functools import cache

import numpy as np

from synth_assets.generator.realistic.places import COUNTRIES, floats
from synth_assets.generator.streams import Floats

_EURO = ("DE", "ES", "FR", "IE", "IT", "NL", "PT")
_EURO_CONTACTLESS = {2022: 0.54, 2024: 0.67}

CONTACTLESS: dict[str, dict[int, float]] = {
    "GB": {2022: 0.912, 2023: 0.934, 2024: 0.946},
    **dict.fromkeys(_EURO, _EURO_CONTACTLESS),
    "AU": {2022: 0.95, 2024: 0.98},
    "US": {2022: 0.20, 2024: 0.45},
}
"""The share of the payments in stores that are made without contact, by year; between two years it moves evenly.

Britain: Barclays, of payments up to 100 pounds (91.2, 93.4 and 94.6 % in 2022 to 2024). Euro area: ECB, payments
statistics (53.8 % in the second half of 2022; 29.5 of some 44 billion card payments in that of 2024), the same for all
of its countries. Australia: RBA 2024 (98 %); before: assumed. United States: Visa, January 2022 (nearly 20 %); after:
assumed.
"""
OTHER_CONTACTLESS = {2022: 0.55, 2024: 0.65}
"""The same in the other countries (assumed)."""

STRIPE: dict[str, float] = {"US": 0.11, "ZA": 0.006, **dict.fromkeys(("BR", "MX"), 0.014)}
"""The share of the payments at terminals by magnetic stripe: what EMVCo counts as no chip (July 2022 to June 2023:
United States 11 %, Africa 0.6 %, Latin America 1.4 %)."""
EUROPEAN_STRIPE, OTHER_STRIPE = 0.003, 0.02
"""The same in Europe (EMVCo: 0.3 %), and elsewhere (assumed; the world's is 6.1 %)."""

CROSS_BORDER: dict[str, float] = {
    "AU": 0.002,
    "US": 0.04,
    **dict.fromkeys(("JP", "KR", "IN", "BR", "MX", "ZA"), 0.04),
    **dict.fromkeys(("IE", "PT", "NL", "SG", "AE", "NZ"), 0.22),
}
"""The share of the online payments to shops of any country, rather than of the customer's own. That of Australia was
chosen so that less than 4 % of all that is spent is spent abroad (AusPayNet 2025: 3 %); the others are assumed."""
OTHER_CROSS_BORDER = 0.12

CONTACTLESS_LIMIT = 125.0
"""The dollars above which a card itself must be put into the terminal: the British limit of 100 pounds."""
TAP_WITH_PIN = ("AU",)
"""Countries where a card is tapped above the limit too, with its PIN."""

_EUROPE = (*_EURO, "GB", "PL", "SE")


@cache
def contactless_shares(year: int) -> Floats:
    """By country, the share of the payments in stores that are made without contact."""
    series = [CONTACTLESS.get(code, OTHER_CONTACTLESS) for code in COUNTRIES]
    return floats(round(float(np.interp(year, list(each), list(each.values()))), 4) for each in series)


@cache
def contactless_limits() -> Floats:
    """By country, the dollars up to which a card itself is read without contact."""
    return floats(np.inf if code in TAP_WITH_PIN else CONTACTLESS_LIMIT for code in COUNTRIES)


@cache
def stripe_shares() -> Floats:
    """By country, the share of the payments at terminals whose magnetic stripe is read."""
    return floats(STRIPE.get(code, EUROPEAN_STRIPE if code in _EUROPE else OTHER_STRIPE) for code in COUNTRIES)


@cache
def cross_border_shares() -> Floats:
    """By country, the share of its customers' online payments to shops of any country."""
    return floats(CROSS_BORDER.get(code, OTHER_CROSS_BORDER) for code in COUNTRIES)
