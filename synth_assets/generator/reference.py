"""Reference data: literal lists, and the lists that Faker supplies."""

from __future__ import annotations

import ipaddress
import re
from functools import cache

import numpy as np
import numpy.typing as npt
from faker import Faker
from faker.providers.address import Provider as AddressProvider
from faker.providers.credit_card import Provider as CreditCardProvider
from faker.providers.currency import Provider as CurrencyProvider

NOT_IN_ISO_4217 = frozenset({"CUC", "GGP", "IMP", "JEP", "NIS", "SPL", "TVD"})
"""What Faker lists as currencies, and ISO 4217 does not.

The standard has no code for the notes of Guernsey, the Isle of Man, Jersey and Tuvalu, nor for Seborga's. NIS is ILS.
CUC was withdrawn in 2021.
"""

CURRENCY_CODES: tuple[str, ...] = tuple(code for code, _ in CurrencyProvider.currencies if code not in NOT_IN_ISO_4217)
"""The currencies that Faker lists (`faker.providers.currency`) and that are in use, by their ISO 4217 codes."""

COUNTRY_CODES: tuple[str, ...] = tuple(AddressProvider.alpha_2_country_codes)
"""The ISO 3166-1 alpha-2 codes that Faker lists (`faker.providers.address`)."""

PAN_LENGTHS: dict[str, int] = {"VISA": 16, "MASTERCARD": 16, "AMEX": 15, "DISCOVER": 16}
"""Digits of a PAN by card scheme, check digit included. The lengths are Faker's, and keep ISO/IEC 7812-1."""

_PAN_PREFIXES: dict[str, list[str]] = {
    "VISA": CreditCardProvider.prefix_visa,
    "MASTERCARD": CreditCardProvider.prefix_mastercard,
    "AMEX": CreditCardProvider.prefix_amex,
    "DISCOVER": CreditCardProvider.prefix_discover,
}

USER_AGENT_COUNT = 500
"""How many different user agents there are (assumed)."""

SPECIAL_USE_NETWORKS: tuple[str, ...] = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
"""The IPv4 ranges that hold no public host, from the IANA IPv4 Special-Purpose Address Registry, and multicast."""


@cache
def pan_heads(scheme: str) -> npt.NDArray[np.uint64]:
    """The first four digits of a scheme's PANs: every completion of every prefix that Faker lists for it.

    In Faker's notation `%` is a digit from 1 to 9; a shorter prefix leaves the digits after it free.
    """
    patterns = [prefix.replace("%", "[1-9]") for prefix in _PAN_PREFIXES[scheme]]
    matching = re.compile("|".join(f"(?:{pattern})" for pattern in patterns)).match
    return np.array([head for head in range(1_000, 10_000) if matching(str(head))], dtype=np.uint64)


@cache
def user_agents() -> tuple[str, ...]:
    """`USER_AGENT_COUNT` different browsers from Faker, always the same.

    Faker's desktop Firefox carries a random time of day and a year up to 9999 as its build date. No browser
    says that, so such strings are left out.
    """
    faker = Faker("en_US")
    faker.seed_instance(0)
    agents: dict[str, None] = {}
    while len(agents) < USER_AGENT_COUNT:
        agent = faker.user_agent()
        if not re.search(r"Gecko/\d{4}-", agent):
            agents[agent] = None
    return tuple(agents)


@cache
def public_prefixes() -> tuple[str, ...]:
    """The first two octets ("93.184") of the /16 networks that hold public hosts only."""
    special = np.zeros(2**16, dtype=np.bool_)
    for network in map(ipaddress.IPv4Network, SPECIAL_USE_NETWORKS):
        first, last = int(network.network_address) >> 16, int(network.broadcast_address) >> 16
        special[first : last + 1] = True
    return tuple(np.array(octet_pairs())[~special].tolist())


@cache
def octet_pairs() -> tuple[str, ...]:
    """Every pair of octets as text, from "0.0" to "255.255", in order."""
    octets = [str(octet) for octet in range(256)]
    return tuple(f"{high}.{low}" for high in octets for low in octets)
