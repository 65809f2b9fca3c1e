"""What is drawn, and what judges it, beside sources that made neither: pycountry, iso18245 and the time zones."""

import zoneinfo

import iso18245
import pycountry
from faker.providers.address import Provider as AddressProvider
from faker.providers.currency import Provider as CurrencyProvider

from synth_assets.generator import reference, standards
from synth_assets.generator.realistic import atlas

LIST_ONE = {currency.alpha_3 for currency in pycountry.currencies}
FUNDS = {"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XAD"}
NOTHING_IS_PAID_IN = {"XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"}
OFFICIAL = {country.alpha_2 for country in pycountry.countries}


def test_the_table_of_currencies_is_list_one_without_funds_and_metals():
    assert set(standards.CURRENCIES_IN_USE) == LIST_ONE - FUNDS - NOTHING_IS_PAID_IN
    assert len(standards.CURRENCIES_IN_USE) == 156


def test_the_table_of_countries_is_the_standards():
    assert set(standards.COUNTRIES) == OFFICIAL
    assert len(standards.COUNTRIES) == 249


def test_every_currency_of_faker_that_is_in_use_is_drawn_and_no_other():
    fakers = {code for code, _ in CurrencyProvider.currencies}
    assert set(reference.CURRENCY_CODES) == fakers & LIST_ONE - FUNDS - NOTHING_IS_PAID_IN
    assert fakers - set(reference.CURRENCY_CODES) == reference.NOT_IN_ISO_4217
    assert len(reference.CURRENCY_CODES) == 155


def test_every_country_of_faker_is_drawn_and_is_one():
    assert set(reference.COUNTRY_CODES) == set(AddressProvider.alpha_2_country_codes) <= OFFICIAL


def test_the_contracts_mccs_are_real_and_outside_the_ranges_without_a_meaning(schema):
    codes = [iso18245.get_mcc(code) for code in schema["mcc_code"].enum]
    assert all(code.iso_description or code.visa_description for code in codes)
    assert not [code.mcc for code in codes if code.range.reserved]
    assert not [code.mcc for code in codes if code.mcc in ("0000", "9999")]


def test_the_world_has_real_currencies_countries_and_zones():
    assert {country.code for country in atlas.COUNTRIES} <= OFFICIAL
    assert {currency.code for currency in atlas.CURRENCIES} <= LIST_ONE - FUNDS - NOTHING_IS_PAID_IN
    assert {country.currency for country in atlas.COUNTRIES} == {currency.code for currency in atlas.CURRENCIES}
    assert {city.zone for city in atlas.CITIES} <= zoneinfo.available_timezones()
