"""User agents are those of the payment's date."""

import datetime as dt

import numpy as np
import pytest

from synth_assets.generator.realistic.browsers import BROWSERS, user_agents

WORDS = np.arange(4_000, dtype=np.uint64) << np.uint64(50) | np.arange(4_000, dtype=np.uint64)


def agents(day: dt.date, device_type: int) -> list[str]:
    return user_agents(day, np.full(len(WORDS), device_type), WORDS).unique().to_list()


@pytest.mark.parametrize(
    ("day", "chrome", "safari"),
    [(dt.date(2023, 12, 20), 120, "17.6"), (dt.date(2024, 11, 20), 131, "18.6"), (dt.date(2025, 12, 10), 143, "26.1")],
)
def test_versions_are_those_of_the_day_and_the_two_months_before(day, chrome, safari):
    desktop = [each.split("Chrome/")[1].split(".")[0] for each in agents(day, 2) if "Chrome/" in each]
    assert {int(each) for each in desktop} <= {chrome - 3, chrome - 2, chrome - 1, chrome, chrome + 1}
    assert any(f"Version/{safari}" in each for each in agents(day, 0))


def test_each_kind_of_device_has_its_own_browsers():
    day = dt.date(2026, 3, 1)
    assert all("iPhone" in each for each in agents(day, 0))
    assert all("Android" in each for each in agents(day, 1))
    assert all("Windows" in each or "Macintosh" in each for each in agents(day, 2))
    assert {sum(each.share for each in BROWSERS if each.device == device) for device in (0, 1, 2)} == {100}


def test_days_before_the_first_version_have_the_first():
    assert any("Chrome/100." in each for each in agents(dt.date(1990, 1, 1), 1))
