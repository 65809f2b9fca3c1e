"""The rules that no drawn list judges: addresses, user agents and merchant category codes."""

import ipaddress
from itertools import chain

import polars as pl
import pytest

from synth_assets.generator import reference
from synth_assets.generator.rules import common_rules
from synth_assets.generator.schema import TransactionSchema
from tests.conftest import judge_file, make_frame, make_plan, write_day


def kept(rule: str, column: str, values: list[str]) -> list[bool]:
    """Whether each value keeps the rule, which reads this column alone."""
    return pl.DataFrame({column: values}).select(common_rules()[rule].holds).to_series().to_list()


def is_public(address: str) -> bool:
    found = ipaddress.IPv4Address(address)
    return found.is_global and not found.is_multicast


def test_the_rule_on_addresses_refuses_all_that_the_standard_library_does():
    special = [ipaddress.IPv4Network(each) for each in reference.SPECIAL_USE_NETWORKS]
    edges = chain.from_iterable(
        (int(network[0]) - 1, int(network[0]), int(network[-1]), int(network[-1]) + 1) for network in special
    )
    everywhere = range(0, 2**32, 2**15 - 1)
    addresses = [str(ipaddress.IPv4Address(each % 2**32)) for each in chain(edges, everywhere)]
    judged = kept("ip_address is public", "ip_address", addresses)
    passed = [address for address, public in zip(addresses, judged, strict=True) if public]
    assert all(is_public(address) for address in passed)
    too_strict = {address for address in addresses if is_public(address)} - set(passed)
    assert all(address.startswith(("192.0.0.", "192.88.99.")) for address in too_strict)


def test_no_network_that_is_drawn_holds_a_special_address():
    ends = [f"{prefix}.{host}" for prefix in reference.public_prefixes() for host in ("0.0", "99.1", "255.255")]
    assert all(is_public(address) for address in ends)
    assert all(kept("ip_address is public", "ip_address", ends))


@pytest.mark.parametrize("address", ["1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "2001:db8::1", "", "1.2.3.4\n"])
def test_what_is_no_address_breaks_the_rule(address):
    assert kept("ip_address is public", "ip_address", [address]) == [False]


def test_fakers_browsers_are_browsers():
    assert all(kept("user_agent is that of a browser", "user_agent", list(reference.user_agents())))


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Mozilla/5.0",
        "curl/8.5.0",
        "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\n",
        "Mozilla/5.0 (X11;\tLinux) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (X11; Linux Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (X11; Linux) Gecko/20100101  Firefox/128.0",
        "Mozilla/5.0 (X11; Linüx) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 <script> Gecko/20100101",
        " Mozilla/5.0 (X11; Linux) Gecko/20100101",
    ],
)
def test_what_is_no_browser_breaks_the_rule(agent):
    assert kept("user_agent is that of a browser", "user_agent", [agent]) == [False]


def test_a_browser_that_faker_does_not_list_keeps_the_rule():
    agent = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
    )
    assert agent not in reference.user_agents()
    assert kept("user_agent is that of a browser", "user_agent", [agent]) == [True]


@pytest.mark.parametrize("code", ["abcd", "541", "54110", "some/file.py", "５４１１"])
def test_an_mcc_of_other_than_four_digits_breaks_a_rule_though_the_contract_lists_it(schema, tmp_path, code):
    fields = [
        field | ({"enum": [*field["enum"], code]} if field["name"] == "mcc_code" else {})
        for field in schema.canonical["fields"]
    ]
    contract = TransactionSchema.from_canonical({**schema.canonical, "fields": fields}, "contract.yaml")
    plan = make_plan()
    row = pl.int_range(pl.len()) == 7
    mcc = pl.when(row).then(pl.lit(code)).otherwise(pl.col("mcc_code").cast(pl.String))
    frame = make_frame(schema, plan).with_columns(mcc_code=mcc.cast(contract.polars_schema["mcc_code"]))
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(contract.arrow_schema)
    broken = [claim for claim in judge_file(contract, write_day(tmp_path, contract, plan, table)) if not claim.passed]
    assert [claim.summary for claim in broken] == ["mcc_code has four digits: broken in 1 row"]
