"""User agents as of a payment's date: the browser is the device's, and its version is that of the day.

Browsers are named as their makers publish it: Chromium's desktop and Android strings are reduced (Chrome 101 and 110),
and Safari's system has stayed at 10_15_7 on the Mac and at 18_6 on the iPhone since iOS 26.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl

from synth_assets.generator.codes import DeviceType
from synth_assets.generator.streams import Numbers, Words, cell, scaled


class Browser(NamedTuple):
    """A browser on a kind of device.

    Args:
        device: the `DeviceType`.
        share: its share of that type's payments, in per cent.
        agent: its user agent; `{}` stands for the version.
        versions: how its versions follow each other, a name in `VERSIONS`.
    """

    device: DeviceType
    share: int
    agent: str
    versions: str


class Cadence(NamedTuple):
    """A version, the day of its release, and the days to the next one."""

    version: int
    released: dt.date
    days: float


VERSIONS: dict[str, Cadence] = {
    "chrome": Cadence(100, dt.date(2022, 3, 29), 31.3),
    "firefox": Cadence(100, dt.date(2022, 5, 3), 28.6),
    "samsung": Cadence(17, dt.date(2022, 5, 4), 98.0),
}
"""Chrome 100 came on 29 March 2022 and 143 on 2 December 2025; Firefox 100 on 3 May 2022 and 145 on 11 November 2025.
Between and after them the steps are even. Samsung Internet's are assumed."""
SAFARI: tuple[tuple[dt.date, str, str], ...] = (
    (dt.date(2021, 9, 20), "15.6", "15_6"),
    (dt.date(2022, 9, 12), "16.6", "16_6"),
    (dt.date(2023, 9, 18), "17.6", "17_6"),
    (dt.date(2024, 9, 16), "18.6", "18_6"),
    (dt.date(2025, 9, 15), "26.1", "18_6"),
    (dt.date(2026, 9, 14), "27.0", "18_6"),
)
"""The day of release of each iOS, with the version of Safari and of the system that it names (the last: assumed)."""

_CHROMIUM = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0"
_WINDOWS, _MAC = "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS {system} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"

BROWSERS: tuple[Browser, ...] = (
    Browser(DeviceType.IOS, 92, f"{_IPHONE} Version/{{}} Mobile/15E148 Safari/604.1", "safari"),
    Browser(DeviceType.IOS, 8, f"{_IPHONE} CriOS/{{}}.0.0.0 Mobile/15E148 Safari/604.1", "chrome"),
    Browser(DeviceType.ANDROID, 88, f"Mozilla/5.0 (Linux; Android 10; K) {_CHROMIUM} Mobile Safari/537.36", "chrome"),
    Browser(DeviceType.ANDROID, 9, "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            "SamsungBrowser/{}.0 Chrome/121.0.0.0 Mobile Safari/537.36", "samsung"),
    Browser(DeviceType.ANDROID, 3, "Mozilla/5.0 (Android 14; Mobile; rv:{0}.0) Gecko/{0}.0 Firefox/{0}.0", "firefox"),
    Browser(DeviceType.WEB, 55, f"Mozilla/5.0 ({_WINDOWS}) {_CHROMIUM} Safari/537.36", "chrome"),
    Browser(DeviceType.WEB, 13, f"Mozilla/5.0 ({_WINDOWS}) {_CHROMIUM} Safari/537.36 Edg/{{}}.0.0.0", "chrome"),
    Browser(DeviceType.WEB, 14, f"Mozilla/5.0 ({_MAC}) {_CHROMIUM} Safari/537.36", "chrome"),
    Browser(DeviceType.WEB, 11, f"Mozilla/5.0 ({_MAC}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{{}} "
            "Safari/605.1.15", "safari"),
    Browser(DeviceType.WEB, 7, f"Mozilla/5.0 ({_WINDOWS}; rv:{{0}}.0) Gecko/20100101 Firefox/{{0}}.0", "firefox"),
)  # fmt: skip
"""The shares are assumed, after the order in StatCounter's figures of 2025."""

BEHIND_DAYS = 64
"""A device is updated so many days, at most, after a release (assumed)."""
_STEPS = 8
"""The steps in which devices differ by how far they are behind."""


@cache
def _agents(day: dt.date) -> tuple[pl.Series, Numbers]:
    """The user agents of a day, by browser and by how far the device is behind; and a browser for each of 100 equally
    likely draws, by device type."""
    agents = [
        _agent(browser, day - dt.timedelta(days=step * BEHIND_DAYS // _STEPS))
        for browser in BROWSERS
        for step in range(_STEPS)
    ]
    drawn = [
        np.repeat(
            [number for number, each in enumerate(BROWSERS) if each.device == device],
            [each.share for each in BROWSERS if each.device == device],
        )
        for device in (DeviceType.IOS, DeviceType.ANDROID, DeviceType.WEB)
    ]
    return pl.Series(agents), np.array(drawn)


def _agent(browser: Browser, day: dt.date) -> str:
    safari = next(each for each in (*reversed(SAFARI), SAFARI[0]) if each[0] <= day or each is SAFARI[0])
    text = browser.agent.replace("{system}", safari[2])
    if browser.versions == "safari":
        return text.format(safari[1])
    cadence = VERSIONS[browser.versions]
    version = cadence.version + int(max((day - cadence.released).days, 0) / cadence.days)
    return text.replace("{}", "{0}").format(version)


def user_agents(day: dt.date, device_type: Numbers, device: Words) -> pl.Series:
    """The user agent of each device of a `DeviceType` on a day; before 2022 those of that year."""
    agents, drawn = _agents(day)
    browser = cell(drawn, device_type, scaled(device, 100).astype(np.int64))
    return agents[browser * _STEPS + (device & np.uint64(_STEPS - 1)).astype(np.int64)]
