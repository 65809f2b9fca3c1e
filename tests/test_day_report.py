"""A day's report: its figures are the file's, anybody can read it, and it follows its file."""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
import pytest
from PIL import ImageColor

from synth_assets.assets import payments_parquet
from synth_assets.cli import main
from synth_assets.day_report import write_report
from synth_assets.definitions import defs
from synth_assets.generator.claims import CLAIMS
from synth_assets.html_report.charts import nice_scale
from synth_assets.judging import count_day, judge_day
from synth_assets.storage.day_file import DayFile
from tests.conftest import DAY, PROJECT_ROOT, day_table, make_plan, write_day
from tests.html_page import Page

PLANS = {
    "uniform": make_plan(rows=20_000, fraud_rate=0.05),
    "realistic": make_plan(rows=20_000, fraud_rate=0.05, profile="realistic", customers=2_000),
}
REPORT, INDEX = f"report_{DAY}.html", f"reports_{DAY:%Y-%m}.html"
STYLE = (PROJECT_ROOT / "synth_assets" / "html_report" / "templates" / "style.css").read_text()


@pytest.fixture(scope="module", params=PLANS)
def path(request, schema, tmp_path_factory):
    """The file of a day of each profile, with its report beside it."""
    made = write_day(tmp_path_factory.mktemp(request.param), schema, PLANS[request.param])
    report(made, schema)
    return made


def report(path, schema) -> Page:
    """Write the report of a file, as the checks do."""
    file = DayFile.at(path)
    return Page(Path(write_report(file, judge_day(schema, file), count_day(schema, file)).page).read_text())


def page_of(path) -> Page:
    return Page(path.with_name(REPORT).read_text())


def counted(path, what, tail=""):
    return dict(duckdb.sql(f"SELECT {what} FROM '{path}' {tail}").fetchall())


# --- figures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "value", "condition"),
    [
        ("Countries with the most payments", "merchant_country", "true"),
        ("Countries with the most frauds, and the share of their payments", "merchant_country", "label_fraud"),
        ("MCCs with the most payments", "mcc_code", "mcc_code IS NOT NULL"),
    ],
)
def test_the_longest_bars_are_duckdbs(path, title, value, condition):
    shown = {label.split()[0]: number for label, number in page_of(path).numbers(title).items()}
    assert shown == counted(
        path, f"{value}, count(*)", f"WHERE {condition} GROUP BY {value} ORDER BY 2 DESC, 1 LIMIT 12"
    )


@pytest.mark.parametrize(("what", "condition"), [("Payments", "true"), ("Frauds", "label_fraud")])
def test_the_hours_are_duckdbs(path, what, condition):
    for title, offset in {"hour, UTC": "0", "hour, local time": "local_time_offset"}.items():
        hour = f"lpad((epoch_ms(event_time::TIMESTAMPTZ) // 60_000 + {offset}) // 60 % 24, 2, '0')"
        hour = hour.replace("lpad((", "lpad(((").replace(", 2", ")::TEXT, 2")
        found = counted(path, f"{hour} AS hour, count(*)", f"WHERE {condition} GROUP BY hour")
        shown = page_of(path).numbers(f"{what} by {title}")
        assert {label: number for label, number in shown.items() if number} == found


def test_the_nulls_and_the_rates_are_those_of_the_file(path):
    page = page_of(path)
    for column, nulls in page.numbers("Nulls by column that may have some").items():
        assert list(counted(path, f"1, count(*) - count({column})").values()) == [nulls]
    rates = {row[0]: row for row in page.tables["Rates"][1:]}
    frauds = counted(path, "1, count_if(label_fraud)")[1]
    assert rates["frauds, day"][2] == f"{frauds:,}"
    assert rates["frauds, day"][4:] == [f"{frauds / 20_000:.3%}", "5.000%"]


def test_every_claim_has_its_verdict(path):
    rows = page_of(path).tables["Claims"][1:]
    assert [verdict for verdict, _ in rows] == ["✓ holds"] * len(CLAIMS)
    assert all(claim.startswith(name) for (_, claim), name in zip(rows, CLAIMS, strict=True))


def test_frauds_have_scenarios_and_delays_where_they_have_causes(path):
    tables = page_of(path).tables.keys()
    named = {"Frauds by scenario", "Time until a fraud was reported"}
    assert named & tables == (named if "realistic" in str(path) else set())


def test_equal_files_have_equal_reports(path, schema):
    before = path.with_name(REPORT).read_bytes()
    report(path, schema)
    assert path.with_name(REPORT).read_bytes() == before


# --- days -----------------------------------------------------------------------------------------------------


def test_the_day_before_is_compared_where_its_file_is_there(schema, tmp_path):
    path = write_day(tmp_path, schema, make_plan(rows=3_000))
    assert "Beside the day before" not in report(path, schema).tables
    before = write_day(tmp_path, schema, make_plan(rows=2_000, day=DAY - dt.timedelta(days=1)))
    row = report(path, schema).tables["Beside the day before"][1]
    assert row == ["payments", "3,000", "2,000", "+50.0%"]
    damaged = bytearray(before.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    before.write_bytes(damaged)
    assert "Beside the day before" not in report(path, schema).tables


def test_the_page_of_the_month_lists_its_reports_in_order(schema, tmp_path):
    days = [dt.date(2026, 1, 31), dt.date(2026, 2, 1), dt.date(2026, 1, 2)]
    for rows, day in enumerate(days, start=1_000):
        report(write_day(tmp_path, schema, make_plan(rows=rows, day=day)), schema)
    (tmp_path / "report_2026-01-03.html").write_text("<h1>Somebody else's</h1>")
    report(tmp_path / f"payments_1000_{days[0]}.parquet", schema)
    page = Page((tmp_path / INDEX).read_text())
    assert [row[:2] for row in page.tables["Payments of January 2026"][1:]] == [
        ["2026-01-02", "1,002"],
        ["2026-01-31", "1,000"],
    ]
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    assert all((tmp_path / str(link)).exists() for link in links)
    assert len(links) == 2


# --- broken files ---------------------------------------------------------------------------------------------


def test_a_broken_claim_is_named_first_and_out_of_bounds_is_a_cross(schema, tmp_path):
    plan = make_plan(rows=3_000)
    path = write_day(tmp_path, schema, plan, day_table(schema, make_plan(rows=3_000, fraud_rate=0.5)))
    page = report(path, schema)
    assert "✗ 1 of 11 claims about the file do not hold." in page.text
    verdicts = {claim.split(maxsplit=1)[0]: verdict for verdict, claim in page.tables["Claims"][1:]}
    assert [verdict for verdict in verdicts.values() if verdict != "✓ holds"] == ["✗ broken"]
    crosses = [attributes for tag, attributes in page.elements if tag == "path" and attributes.get("class") == "alarm"]
    assert len(crosses) == 11
    index = Page((tmp_path / INDEX).read_text())
    assert index.tables["Payments of January 2026"][1][-1] == "✗ 1 broken"


def test_a_damaged_file_has_a_report_without_its_rows(schema, tmp_path):
    path = write_day(tmp_path, schema, make_plan(rows=3_000))
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    page = report(path, schema)
    assert "The file cannot be read to its end" in page.text
    assert page.tables.keys() == {"Claims", "Provenance"}
    assert page.tables["Claims"][1][0] == "✗ broken"


def test_what_a_file_says_is_text_on_the_page(schema, tmp_path):
    table = day_table(schema, make_plan())
    place = table.column_names.index("card_scheme")
    field = table.schema.field(place)
    foreign = pa.array(["<script>"] * table.num_rows).dictionary_encode().cast(field.type)
    path = write_day(tmp_path, schema, make_plan(), table.set_column(place, field, foreign))
    page = report(path, schema)
    assert "script" not in {tag for tag, _ in page.elements}
    assert "card_scheme <script>" in page.text


# --- readers --------------------------------------------------------------------------------------------------


def test_a_page_needs_nothing_but_itself_and_is_small(path):
    for name in (REPORT, INDEX):
        html = path.with_name(name).read_text()
        assert len(html.encode()) < 300_000
        assert not re.findall(r"://|\bsrc=|@import|url\(|<script|<link", html)


def test_every_picture_has_words_and_every_table_has_headers(path):
    page = page_of(path)
    pictures = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(pictures) > 10
    for picture in pictures:
        assert picture["role"] == "img"
        assert len(str(picture["aria-label"])) > 20
    tags = [tag for tag, _ in page.elements]
    headers = [attributes.get("scope") for tag, attributes in page.elements if tag == "th"]
    assert set(headers) == {"col", "row"}
    assert (tags.count("h1"), tags.count("main")) == (1, 1)
    assert page.elements[0] == ("html", {"lang": "en"})


def luminance(colour: str) -> float:
    shares = [channel / 255 for channel in ImageColor.getrgb(colour)]
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shares]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_stand_out_from_their_ground(scheme):
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--(\w+): (#\w{6})", dark if scheme == "dark" else light))
    for text in ("ink", "quiet", "link", "alarm"):
        assert contrast(colours[text], colours["ground"]) >= 4.5, text
    for text in ("ink", "quiet"):
        assert contrast(colours[text], colours["panel"]) >= 4.5, text
    assert contrast(colours["bar"], colours["ground"]) >= 3
    assert contrast(colours["bar"], colours["band"]) >= 3
    assert set(re.findall(r"#\w{6}", STYLE)) == set(re.findall(r"--\w+: (#\w{6})", STYLE))


@pytest.mark.parametrize("most", [0, 1, 3, 7, 10, 99, 100, 41_666, 1_000_000])
def test_a_scale_reaches_the_largest_count_in_a_few_even_steps(most):
    scale = nice_scale(most)
    assert scale[0] == 0
    assert most <= scale[-1] <= max(2 * most, 1)
    assert 2 <= len(scale) <= 5
    assert len({above - below for below, above in pairwise(scale)}) == 1


# --- the command, and runs ------------------------------------------------------------------------------------


def test_the_command_writes_both_pages_into_a_folder_and_names_them(path, tmp_path, capsys):
    assert main(["report", str(path), "--out", str(tmp_path / "pages")]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "pages" / name) for name in (REPORT, INDEX)]
    assert sorted(each.name for each in (tmp_path / "pages").iterdir()) == [REPORT, INDEX]
    assert (tmp_path / "pages" / REPORT).read_bytes() == path.with_name(REPORT).read_bytes()


def test_the_command_fails_on_a_broken_file_and_writes_its_report(schema, tmp_path, capsys):
    path = write_day(tmp_path, schema, make_plan(), day_table(schema, make_plan(fraud_rate=0.5)))
    assert main(["report", str(path)]) == 1
    assert "fraud_proportion_within_bounds" in capsys.readouterr().err
    assert path.with_name(REPORT).exists()


def run(instance, folder, **config) -> dg.ExecuteInProcessResult:
    settings = {"path": str(folder), **config.pop("output_folder", {})}
    return defs.resolve_job_def("daily_payments").execute_in_process(
        run_config={
            "resources": {"output_folder": {"config": settings}},
            "ops": {"payments_parquet": {"config": config}},
        },
        partition_key=str(DAY),
        asset_selection=[payments_parquet.key],
        instance=instance,
    )


def metadata(result) -> dict[str, object]:
    (materialization,) = result.asset_materializations_for_node("payments_parquet")
    return {name: entry.value for name, entry in materialization.metadata.items()}


def test_a_run_writes_the_report_that_its_metadata_names_and_another_run_replaces_it(instance, tmp_path):
    for rows in (1_000, 2_000):
        assert metadata(run(instance, tmp_path, rows=rows))["report"] == str(tmp_path / REPORT)
        assert f"payments_{rows}_{DAY}.parquet" in (tmp_path / REPORT).read_text()


def test_a_run_writes_no_report_where_that_is_switched_off_and_leaves_none_of_the_file_before(
    instance, tmp_path, schema
):
    report(write_day(tmp_path, schema, make_plan()), schema)
    result = run(instance, tmp_path, rows=2_000, output_folder={"reports": False})
    assert "report" not in metadata(result)
    assert not (tmp_path / REPORT).exists()


def test_a_report_that_cannot_be_written_is_a_warning(instance, tmp_path):
    (tmp_path / INDEX).mkdir()
    result = run(instance, tmp_path, rows=1_000)
    assert result.success
    warnings = [each.user_message for each in instance.all_logs(result.run_id) if each.level == 30]
    assert [each for each in warnings if each.startswith(f"{DAY} has no report: Cannot write to {tmp_path}")]
