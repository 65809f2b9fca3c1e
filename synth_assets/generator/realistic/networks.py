"""The address of an online payment: at home, on a mobile network, at work, where one stays, or behind a service that
hides it.

Every /16 network belongs to one country, and most to one of its providers. Customers change providers and leases at
moments of their own, and many share an address: on mobile networks (RFC 6598), at work, in hotels, behind VPNs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from synth_assets.generator.columns import address_parts
from synth_assets.generator.realistic.block import RealisticBlock
from synth_assets.generator.realistic.devices import Means, households
from synth_assets.generator.realistic.issues import DAY_MS
from synth_assets.generator.realistic.places import COUNTRIES, PLACE_COUNTRY, PLACES, floats
from synth_assets.generator.streams import Mask, Numbers, Words, fractions, hashed, scaled

PROVIDERS, PROVIDER_NETWORKS = 5, 24
"""The providers of a country for homes, and the /16 networks of each (assumed)."""
CARRIERS, CARRIER_NETWORKS, CARRIER_ADDRESSES = 3, 8, 40
"""The mobile networks of a country, the /16 networks of each, and their shared addresses in each (assumed)."""
FIRMS, HOTELS = 60, 20
"""The firms and the hotels of a city, each with one address (assumed)."""
VPN_NETWORKS, VPN_ADDRESSES = 60, 40
"""The /16 networks of services that hide an address, and the addresses in each (assumed)."""
MOBILE_SHARE, VPN_SHARE = 0.45, 0.02
"""The share of the payments on a phone that are made on a mobile network, and of all that are made behind a VPN
(assumed)."""
PROVIDER_DAYS, LEASE_DAYS, CARRIER_DAYS = 500, 20, 700
"""The days after which a customer has another provider (or home), another address of the same one, and another mobile
network (assumed)."""
GROUP_ADDRESSES = 2
"""The addresses that a group uses in a week (assumed)."""
NEAR, HIDDEN = 0.35, 0.15
"""The share of the cases on another device whose address is near the customer (a proxy in a home, or a friend's home),
and of those behind a VPN; the others have an address of their group, or of any home (assumed)."""

_SLICES = 1_024
"""The networks are dealt to the countries in so many parts."""
_VPN = len(COUNTRIES)
"""The owner of the networks of VPNs, beside the countries."""
_QUARTER_DAY = DAY_MS // 4


@cache
def _allocation() -> tuple[npt.NDArray[np.int64], Words, Words]:
    """The numbers of all /16 networks, those of a country (and of VPNs) together; where each country's begin, and how
    many they are: about as many as it has people in the world's cities."""
    people = floats(sum(city.millions for city in PLACES if city.country == code) for code in COUNTRIES)
    weights = np.concatenate([np.maximum(people / people.sum(), 0.01), [0.02]])
    edges = np.round(np.cumsum(weights) / weights.sum() * _SLICES)
    networks = np.arange(len(address_parts()[0]))
    part = hashed(0, "slice", networks // 4) % np.uint64(_SLICES)
    owner = np.searchsorted(edges, part, side="right")
    counts = np.bincount(owner, minlength=len(weights)).astype(np.uint64)
    return np.argsort(owner, kind="stable"), np.cumsum(counts) - counts, counts


def _network(country: Numbers, word: Words) -> Numbers:
    """One of the country's /16 networks for each word, by its place in `address_parts`."""
    numbers, starts, counts = _allocation()
    return numbers[(starts[country] + scaled(word, counts[country])).astype(np.int64)]


def _provided(seed: int, name: str, country: Numbers, provider: Numbers, which: Words) -> Numbers:
    """The network of this number of a country's provider."""
    return _network(country, hashed(seed, name, country, provider, which))


def addresses(block: RealisticBlock, online: Numbers) -> tuple[Numbers, Words]:
    """The two halves of the address of each of these payments, by their places in `address_parts`."""
    seed, person = block.plan.seed, block.person[online]
    means, moment, place = block.devices.means[online], block.moments[online], block.place[online]
    home = PLACE_COUNTRY[block.home[online]]
    phone = (means == Means.PHONE) | (means == Means.SECOND_PHONE)
    draw = fractions(block.streams.words("ip_address")[online])
    network, host = np.zeros(len(online), dtype=np.int64), np.zeros(len(online), dtype=np.uint64)

    def put(where: Mask, found: Callable[[Numbers], tuple[Numbers, Words]]) -> None:
        at = np.flatnonzero(where)
        network[at], host[at] = found(at)

    mobile = phone & (draw < MOBILE_SHARE)
    put(mobile, lambda at: _mobile(seed, person[at], home[at], moment[at]))
    away = block.whereabouts.away[online] & ~mobile
    put(away, lambda at: _stays(seed, "hotel", place[at], person[at] % HOTELS))
    work = means == Means.WORK_COMPUTER
    put(work, lambda at: _stays(seed, "firm", block.home[online[at]], person[at] % FIRMS))
    public = means == Means.PUBLIC_COMPUTER
    put(public, lambda at: _stays(seed, "library", place[at], person[at] * 0))
    hides = (draw > 1 - VPN_SHARE) & ~block.recurring[online]
    put(hides, lambda at: _vpn(seed, hashed(seed, "vpn/exit", person[at], moment[at] // _QUARTER_DAY)))

    def household(at: Numbers) -> Numbers:
        return households(block.world, block.customer[online[at]], person[at], block.day[online[at]])

    at_home = ~(mobile | away | work | public | hides)
    put(at_home, lambda at: _at_home(seed, household(at), home[at], moment[at]))
    return _with_cases(block, online, network, host)


def _at_home(seed: int, owner: Numbers, country: Numbers, moment: Numbers) -> tuple[Numbers, Words]:
    """The address of a household's connection."""
    word = hashed(seed, "home", owner)
    day = moment // DAY_MS + (word % np.uint64(PROVIDER_DAYS)).astype(np.int64)
    word = hashed(seed, "home/provider", owner, day // PROVIDER_DAYS)
    provider, which = scaled(word, PROVIDERS).astype(np.int64), word % np.uint64(PROVIDER_NETWORKS)
    return (
        _provided(seed, "home/network", country, provider, which),
        _host(hashed(seed, "home/host", owner, day // LEASE_DAYS)),
    )


def _mobile(seed: int, owner: Numbers, country: Numbers, moment: Numbers) -> tuple[Numbers, Words]:
    """An address that a mobile network shares among its customers. It changes several times a day."""
    period = (moment // DAY_MS + owner) // CARRIER_DAYS
    provider = scaled(hashed(seed, "mobile/carrier", owner, period), CARRIERS).astype(np.int64)
    word = hashed(seed, "mobile/address", owner, moment // _QUARTER_DAY)
    which = word % np.uint64(CARRIER_NETWORKS)
    network = _provided(seed, "mobile/network", country, provider, which)
    return network, _host(hashed(seed, "mobile/host", network, scaled(word, CARRIER_ADDRESSES)))


def _stays(seed: int, kind: str, place: Numbers, number: Numbers) -> tuple[Numbers, Words]:
    """The one address of a firm, a hotel or a library of a city."""
    word = hashed(seed, kind, place, number)
    country = PLACE_COUNTRY[place]
    provider, which = scaled(word, PROVIDERS).astype(np.int64), word % np.uint64(PROVIDER_NETWORKS)
    return _provided(seed, "home/network", country, provider, which), _host(hashed(seed, f"{kind}/host", word))


def _vpn(seed: int, word: Words) -> tuple[Numbers, Words]:
    """An address of a service that hides that of its customers."""
    network = _network(np.full(len(word), _VPN), hashed(seed, "vpn", word % np.uint64(VPN_NETWORKS)))
    return network, _host(hashed(seed, "vpn/host", network, scaled(word, VPN_ADDRESSES)))


def _host(word: Words) -> Words:
    return scaled(word, len(address_parts()[1]))


def _with_cases(block: RealisticBlock, online: Numbers, network: Numbers, host: Words) -> tuple[Numbers, Words]:
    """The same addresses, with those of the cases that are paid on another device."""
    seed, incidents = block.plan.seed, block.elsewhere
    strange = block.devices.means[incidents.rows] == Means.OF_CASE
    of_case, strange = incidents.at(strange | (incidents.group > 0)), strange[strange | (incidents.group > 0)]
    rows = np.searchsorted(online, of_case.rows)
    case, group = of_case.case, of_case.group
    word = hashed(seed, "case/network", case)
    choice = np.where(strange, fractions(word), 1.0)
    country = PLACE_COUNTRY[block.home[of_case.rows]]
    which = word % np.uint64(GROUP_ADDRESSES)
    ours = hashed(seed, "group/address", np.where(group > 0, group, case), which)
    elsewhere = PLACE_COUNTRY[scaled(hashed(seed, "group/city", ours), len(PLACES)).astype(np.int64)]
    near = (choice < NEAR) | ((ours & np.uint64(3)) > 0)
    name = np.where(choice < NEAR, hashed(seed, "case/address", case), ours)
    found, at = _at_home(seed, name.astype(np.int64), np.where(near, country, elsewhere), of_case.rows * 0)
    vpn = (choice >= NEAR) & (choice < NEAR + HIDDEN)
    found[vpn], at[vpn] = _vpn(seed, word[vpn])
    network[rows], host[rows] = found, at
    return network, host
