"""An operator's day in Chromium: a backfill of all assets from the dialog, and what a day shows of itself.

`make screenshots` runs it with SCREENSHOTS, the folder to keep pictures of the pages in. Then the days are the last
ones, so that the pictures show a project whose days are all there.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from synth_assets.generator.claims import CLAIMS
from synth_assets.pictures import BARS, INK
from synth_assets.storage.layout import file_name, object_key
from synth_assets.storage.loopback import LoopbackAws
from tests.conftest import (
    BIN,
    HANG_SECONDS,
    DagsterUi,
    dagster_home,
    dagster_ui,
    empty_bucket,
    environment_for,
    missing_part,
    object_keys,
    running,
    wait_for,
)

SCREENSHOTS = os.environ.get("SCREENSHOTS")
FIRST_DAY = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=5) if SCREENSHOTS else dt.date(2025, 12, 29)
DAYS = [FIRST_DAY + dt.timedelta(days=number) for number in range(5)]  # over the end of a year
DAY = DAYS[2]
ROWS = 3_000
CHECKS = {*CLAIMS, "object_is_local_file"}
RUN_CONFIG = """\
ops:
  payments_parquet:
    config:
      rows: {rows}
      fraud_rate: 0.2
resources:
  output_folder:
    config:
      path: {outputs}
"""
PASSED = """
query ($asset: AssetKeyInput!, $check: String!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, limit: 100) { partition status }
}
"""
PROGRESS = """
{ runsOrError { ... on Runs { results { status } } }
  partitionBackfillsOrError { ... on PartitionBackfills { results { status } } } }
"""
PARTITIONS = "{ assetNodes { assetKey { path } partitionStats { numMaterialized numFailed } } }"

HANG_MILLISECONDS = HANG_SECONDS * 1_000
expect.set_options(timeout=HANG_MILLISECONDS)


@dataclass(frozen=True)
class Plant:
    """A running UI after a backfill that was launched in the browser."""

    ui: DagsterUi
    browser: Browser
    home: Path
    outputs: Path
    objects: list[str]

    def page(self, colours: Any = "light") -> Page:
        return new_page(self.browser, colours)

    def materializations(self, asset: str) -> dict[str, dict[str, Any]]:
        """By partition, the metadata of each."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            found = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
        assert len(found) == len(DAYS)
        made = [record.asset_materialization for record in found if record.asset_materialization]
        return {str(each.partition): {name: entry.value for name, entry in each.metadata.items()} for each in made}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing_part("There is no chromium here. Install Debian's package: apt-get install chromium")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--no-proxy-server"],
            timeout=HANG_MILLISECONDS,
        )
        yield made
        made.close()


@pytest.fixture(scope="module")
def plant(browser: Browser, loopback: LoopbackAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("browser")
    home, outputs = dagster_home(folder / "home"), folder / "out"
    environment = environment_for(home, SYNTH_ASSETS_FIRST_DAY=str(FIRST_DAY), **loopback.environment)
    ui_alone = ("dagster-webserver", "-w", "workspace.yaml")
    with empty_bucket(loopback) as s3, dagster_ui(folder, environment, ui_alone) as ui:
        wait_for("the UI", lambda: ui.query("{ version }"), ui)
        launch_backfill(browser, ui.url, RUN_CONFIG.format(rows=ROWS, outputs=outputs))
        # The daemon looks for backfills at its start, and then every 30 s. This one needs three looks: the contract,
        # which has no partitions, comes before the days, and the end is seen after them.
        daemon = [BIN / "dagster-daemon", "run", "-w", "workspace.yaml"]
        for what, has_come in STAGES.items():
            with running(daemon, environment, folder / "daemon.log") as at_work:
                wait_for(what, lambda: has_come(ui.query(PROGRESS)), at_work)  # noqa: B023
        yield Plant(ui, browser, home, outputs, object_keys(s3))


def new_page(browser: Browser, colours: Any = "light") -> Page:
    page = browser.new_page(viewport={"width": 1500, "height": 1000}, color_scheme=colours)
    page.set_default_timeout(HANG_MILLISECONDS)
    return page


def launch_backfill(browser: Browser, url: str, run_config: str) -> None:
    """As a person does: the lineage, Materialize all, the days, Config, Launch."""
    page = new_page(browser)
    page.goto(f"{url}/asset-groups")
    page.get_by_role("button", name="Materialize all (8)").click()
    dialog = page.get_by_role("dialog")
    if not SCREENSHOTS:  # the dialog begins with the last 90 days
        dialog.get_by_text("Show all partitions").click()
    days = dialog.get_by_role("textbox").first
    days.fill(f"[{DAYS[0]}...{DAYS[-1]}]")
    days.press("Enter")
    expect(dialog.get_by_text("5 partitions", exact=True)).to_be_visible()
    dialog.get_by_text("Config", exact=True).click()
    dialog.get_by_role("button", name="Add config").click()
    page.locator(".cm-s-config-editor").click()
    page.keyboard.insert_text(run_config)
    expect(page.get_by_text("No errors")).to_be_visible()
    page.get_by_role("button", name="Save config").click()
    dialog.get_by_role("button", name="Launch backfill").click()
    expect(dialog).to_have_count(0)
    page.close()


def ended_runs(answer: dict[str, Any]) -> int:
    statuses = [run["status"] for run in answer["runsOrError"]["results"]]
    return sum(status in {"SUCCESS", "FAILURE", "CANCELED"} for status in statuses)


def backfill_status(answer: dict[str, Any]) -> str:
    (backfill,) = answer["partitionBackfillsOrError"]["results"]
    return str(backfill["status"])


STAGES: dict[str, Callable[[dict[str, Any]], bool]] = {
    "the run of the contract": lambda answer: ended_runs(answer) == 1,
    "the run of the days": lambda answer: ended_runs(answer) == 2,
    "the end of the backfill": lambda answer: backfill_status(answer).startswith("COMPLETED"),
}


def keep_picture(page: Page, name: str) -> None:
    """Save the page for the README where SCREENSHOTS asks for it, in few colours and so in few bytes."""
    if SCREENSHOTS:
        shown = Image.open(io.BytesIO(page.screenshot()))
        shown.convert("RGB").quantize(64).save(Path(SCREENSHOTS) / f"{name}.png", optimize=True)


def partition_page(page: Page, plant: Plant) -> Page:
    page.goto(f"{plant.ui.url}/assets/payments_parquet?view=partitions&partition={DAY}")
    return page


def drawn(picture: Locator) -> npt.NDArray[np.float64]:
    """The picture as it stands on the page: rows of pixels, each red, green, blue from 0 to 1."""
    expect(picture).to_be_visible()
    return np.asarray(Image.open(io.BytesIO(picture.screenshot())).convert("RGB")) / 255


def to_rgb(colour: str) -> npt.NDArray[np.float64]:
    """Red, green, blue from 0 to 1."""
    return np.array(ImageColor.getrgb(colour)) / 255


def is_colour(pixels: npt.NDArray[np.float64], colour: str) -> npt.NDArray[np.bool_]:
    return np.abs(pixels - to_rgb(colour)).max(axis=-1) < 0.02


def contrast(one: Any, other: Any) -> float:
    """From 1 to 21, as the Web Content Accessibility Guidelines 2.2 define it (relative luminance)."""
    channels = np.array([one, other])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    dark, light = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return float((light + 0.05) / (dark + 0.05))


def background(pixels: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return Counter(map(tuple, pixels.reshape(-1, 3).tolist())).most_common(1)[0][0]


def test_a_backfill_launched_in_the_dialog_makes_every_day_with_its_run_config(plant):
    made = plant.materializations("payments_parquet")
    assert sorted(made) == [str(day) for day in DAYS]
    for day, metadata in made.items():
        assert metadata["path"] == str(plant.outputs / file_name(ROWS, dt.date.fromisoformat(day)))
        assert (metadata["dagster/row_count"], metadata["plan"]["fraud_rate"]) == (ROWS, 0.2)
        assert 0.15 < metadata["fraud_rate_observed"] < 0.25
        assert metadata["hours"].startswith("![payments by hour]")
        assert metadata["pictures"].startswith(f"![{day}: 3,000 payments]")
    assert sorted(plant.materializations("s3_raw_payments")) == sorted(made)
    assert plant.objects == sorted(object_key(file_name(ROWS, day), day) for day in DAYS)


def test_materialize_all_over_uniform_days_fails_nothing(plant):
    assert backfill_status(plant.ui.query(PROGRESS)) == "COMPLETED_SUCCESS"
    assets = plant.ui.query(PARTITIONS)["assetNodes"]
    found = {each["assetKey"]["path"][0]: each["partitionStats"] for each in assets if each["partitionStats"]}
    partitioned = {
        "payments_parquet",
        "s3_raw_payments",
        "customers",
        "cards",
        "merchants",
        "label_events",
        "incidents",
    }
    assert found == {name: {"numMaterialized": len(DAYS), "numFailed": 0} for name in partitioned}


def test_the_lineage_shows_that_all_checks_have_passed(plant):
    page = plant.page()
    page.set_viewport_size({"width": 1500, "height": 700})
    page.goto(f"{plant.ui.url}/locations/synth_assets/asset-groups/payments/lineage")
    expect(page.get_by_text(f"{len(CLAIMS)} / {len(CLAIMS)} Passed")).to_be_visible()
    expect(page.get_by_text("1 / 1 Passed")).to_have_count(2)  # the contract's, and the object's
    expect(page.get_by_text(re.compile("failed", re.IGNORECASE))).to_have_count(0)
    keep_picture(page, "lineage")


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_each_check_has_passed_on_every_day_of_the_backfill(check, plant):
    asset = "payments_parquet" if check in CLAIMS else "s3_raw_payments"
    found = plant.ui.query(PASSED, asset={"path": [asset]}, check=check)["assetCheckExecutions"]
    assert sorted((each["partition"], each["status"]) for each in found) == [(str(day), "SUCCEEDED") for day in DAYS]


def test_a_days_page_shows_the_tiny_picture_and_the_numbers(plant):
    page = partition_page(plant.page(), plant)
    picture = page.get_by_alt_text("payments by hour")
    columns = is_colour(drawn(picture), BARS).any(axis=0)
    assert np.count_nonzero(np.diff(columns.astype(int)) == 1) + columns[0] == 24  # as many bars, apart
    for entry in ["dagster/row_count", "bytes", "bytes_per_row", "rows_per_second", "fraud_rate_observed"]:
        expect(page.get_by_role("row").filter(has=page.get_by_text(entry, exact=True))).to_have_text(re.compile(r"\d"))


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_full_picture_is_drawn_in_its_dialog_and_stands_out_from_the_page(colours, plant):
    page = partition_page(plant.page(colours), plant)
    page.get_by_role("row").filter(has_text=re.compile("^pictures")).get_by_text("[Show Markdown]").click()
    pixels = drawn(page.get_by_role("dialog").get_by_alt_text(f"{DAY}: 3,000 payments"))
    ground = background(pixels)
    assert (max(ground) < 0.2) == (colours == "dark")
    assert contrast(to_rgb(INK), ground) > 3.5
    assert contrast(to_rgb(BARS), ground) > 3
    height, width = pixels.shape[:2]
    bars = is_colour(pixels, BARS)
    assert bars[: height // 2, : width // 2].mean() > 0.1  # hours
    assert bars[: height // 2, width // 2 :].mean() > 0.03  # amounts
    assert bars[height // 2 :].any()  # the dots of the proportions
    # The whole picture is on the page, not a part that scrolls.
    box = page.get_by_role("dialog").bounding_box()
    assert box
    assert box["width"] > width


def test_a_checks_page_shows_it_passed_on_the_day(plant):
    page = plant.page()
    page.goto(f"{plant.ui.url}/assets/payments_parquet?view=checks&checkDetail=fraud_proportion_within_bounds")
    page.get_by_role("tab", name="Partitions").nth(1).click()  # the first is the asset's
    expect(page.get_by_text("Passed (5)")).to_be_visible()
    page.get_by_placeholder("Filter by partition").fill(str(DAY))
    page.get_by_text(str(DAY), exact=True).first.click()
    expect(page.get_by_text("All 11 within bounds")).to_be_visible()


def test_a_checks_page_plots_its_numbers(plant):
    page = plant.page()
    page.goto(f"{plant.ui.url}/assets/payments_parquet?view=checks&checkDetail=fraud_proportion_within_bounds")
    expect(page.get_by_text("Plots", exact=True)).to_be_visible()
    for number in ["observed", "lowest", "highest", "breaches"]:
        expect(page.get_by_text(number, exact=True).last).to_be_visible()
    expect(page.locator("canvas").nth(3)).to_be_attached()


def test_the_columns_show_the_values_of_enums_and_which_one_is_unique(plant):
    page = plant.page()
    page.goto(f"{plant.ui.url}/assets/payments_parquet")
    channel = page.get_by_role("row").filter(has_text=re.compile("^channel"))
    expect(channel).to_contain_text("One of ONLINE, IN_STORE, ATM")
    ids = page.get_by_role("row").filter(has_text="UUIDv4 of the payment")
    expect(ids).to_contain_text("unique")


def test_the_numbers_of_the_backfill_are_plotted(plant):
    page = plant.page()
    page.goto(f"{plant.ui.url}/assets/payments_parquet")
    page.get_by_role("button", name="Plots").click()
    page.get_by_role("button", name="Events").last.click()
    for entry in ["dagster/row_count", "rows_per_second", "bytes_per_row", "fraud_rate_observed"]:
        expect(page.get_by_text(entry, exact=True)).to_be_visible()
    assert page.locator("canvas").count() >= 9
