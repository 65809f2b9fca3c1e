"""A day's report in Chromium: at the widths of a phone, a tablet and a desktop, in light and in dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth_assets.day_report import write_report
from synth_assets.judging import count_day, judge_day
from synth_assets.storage.day_file import DayFile
from tests.conftest import HANG_SECONDS, make_plan, write_day
from tests.test_browser import browser, keep_picture  # noqa: F401

PLAN = make_plan(rows=20_000, profile="realistic", customers=2_000)
GROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}
OVERLAPS = """
() => [...document.querySelectorAll("svg.chart")].flatMap(chart => {
  const labels = [...chart.querySelectorAll("text[text-anchor=middle]")].map(each => each.getBoundingClientRect());
  return labels.filter((box, place) => place && box.left < labels[place - 1].right).map(box => box.left);
})
"""
SMALLEST_TEXT = """
() => Math.min(...[...document.querySelectorAll("svg text")].map(each => each.getBoundingClientRect().height))
"""


@pytest.fixture(scope="module")
def report(schema, tmp_path_factory):
    file = DayFile.at(write_day(tmp_path_factory.mktemp("report"), schema, PLAN))
    return Path(write_report(file, judge_day(schema, file), count_day(schema, file)).page)


@pytest.mark.parametrize("width", [390, 820, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_its_window_and_asks_nobody_for_anything(browser, report, width, scheme):  # noqa: F811
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(HANG_SECONDS * 1_000)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == GROUND[scheme]
    assert page.evaluate(OVERLAPS) == []
    assert page.evaluate(SMALLEST_TEXT) >= 9
    assert (asked, said) == ([report.as_uri()], [])
    if (width, scheme) == (820, "light"):
        keep_picture(page, "report")
    page.close()


def test_a_reader_without_eyes_is_told_what_each_picture_shows(browser, report):  # noqa: F811
    page = browser.new_page()
    page.goto(report.as_uri())
    for title in ("Payments by hour, UTC", "Frauds by hour, local time", "Payments by amount in US dollars", "Map"):
        assert page.get_by_role("img", name=title).count() == 1
    page.get_by_text("Numbers").first.click()
    assert page.get_by_role("rowheader", name="23", exact=True).first.is_visible()
    page.close()
