"""A day in pictures: what is counted for them, and what they show."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import yaml

from synth_assets.generator.counts import AMOUNT_BINS, Counts
from synth_assets.generator.plan import MAX_ROWS, GenerationPlan
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator
from synth_assets.pictures import ALARM, BARS, INLINE_LIMIT, full, glance, proportions
from tests.conftest import SCHEMA_FILE, judge_file, make_plan, write_day

LEFT_TO_CHANCE = ["mcc_code", "device_id", "ip_address", "user_agent", "latitude", "longitude"]
SVG = "{http://www.w3.org/2000/svg}"


def counted(schema: TransactionSchema, plan: GenerationPlan) -> Counts:
    return sum((Counts.of(schema, table) for table in TransactionSimulator(schema, plan)), Counts())


def changed(*dropped: str, **dtypes: str) -> TransactionSchema:
    """The contract without some fields, and with other dtypes."""
    document = yaml.safe_load(SCHEMA_FILE.read_text())
    document["fields"] = [
        each | {"dtype": dtypes.get(each["name"], each["dtype"])}
        for each in document["fields"]
        if each["name"] not in dropped
    ]
    return TransactionSchema.parse(yaml.safe_dump(document), source="changed.yaml")


def small_svg(markdown: str) -> ElementTree.Element:
    found = re.match(r"!\[payments by hour\]\(data:image/svg\+xml,([^ ()]*)\)\n", markdown)
    assert found
    return ElementTree.fromstring(unquote(found[1]))


def full_svg(markdown: str) -> ElementTree.Element:
    found = re.fullmatch(r"!\[[^]]*\]\(data:image/svg\+xml,([^ ]*)\)", markdown)
    assert found
    assert found[1].count("(") == found[1].count(")")  # otherwise Markdown ends the address too early
    return ElementTree.fromstring(unquote(found[1]))


def source(markdown: str) -> str:
    return ElementTree.tostring(full_svg(markdown), encoding="unicode")


def texts(markdown: str) -> list[str]:
    return [each.text or "" for each in full_svg(markdown).iter(f"{SVG}tspan")]


def test_the_tiny_picture_has_a_bar_an_hour_as_high_as_its_payments():
    markdown = glance(Counts(hours=tuple(100 * (hour + 1) for hour in range(24))))
    bars, _ = small_svg(markdown).iter(f"{SVG}path")
    heights = [float(height) for height in re.findall(r"v-([\d.]+)", bars.attrib["d"])]
    assert heights == pytest.approx([32 * (hour + 1) / 24 for hour in range(24)], abs=0.06)
    assert markdown.endswith("\n\n00:00 to 23:59 UTC; busiest hour: 2,400 payments")


def test_the_tiny_picture_is_shown_in_place_whatever_the_counts():
    most = Counts(hours=tuple(MAX_ROWS - 7 * hour for hour in range(24)))
    assert len(glance(most)) < INLINE_LIMIT
    assert len(glance(Counts(hours=(0,) * 23 + (1,)))) < INLINE_LIMIT


def test_the_full_picture_is_a_small_svg_with_three_panels_and_their_units(schema):
    plan = make_plan(rows=20_000)
    drawn = full(schema, plan, counted(schema, plan))
    assert INLINE_LIMIT < len(drawn) < 5_000
    said = texts(drawn)
    assert {"Payments by hour", "hour of the day (UTC)", "observed (%)", "allowed (%)", "label_fraud is true"} <= set(
        said
    )
    assert "amount in its own currency (log scale)" in said
    # The picture brings no ground of its own with it.
    assert not list(full_svg(drawn).iter(f"{SVG}rect"))


def test_the_same_counts_give_the_same_picture(schema):
    plan = make_plan(rows=5_000)
    counts = counted(schema, plan)
    assert full(schema, plan, counts) == full(schema, plan, counts)


def test_a_longer_window_is_named(schema):
    plan = make_plan(lookback_days=30)
    assert "Payments by hour, 30 days combined" in texts(full(schema, plan, counted(schema, plan)))


def test_the_bounds_shown_are_those_that_the_checks_accept(schema, tmp_path):
    plan = make_plan(rows=20_000, fraud_rate=0.02)
    counts = counted(schema, plan)
    claims = {claim.name: claim.details for claim in judge_file(schema, write_day(tmp_path, schema, plan))}
    judged = {f"{row['of']} is null": row for row in claims["null_proportions_within_bounds"]}
    judged["label_fraud is true"] = claims["fraud_proportion_within_bounds"][0]
    shown = proportions(schema, plan, counts)
    assert [each.of for each in shown] == [
        "label_fraud is true",
        *(f"{name} is null" for name in LEFT_TO_CHANCE),
    ]
    for each in shown:
        row = judged[each.of]
        assert (each.expected, each.count, each.lowest, each.highest) == (
            row["expected"],
            row["count"],
            row["lowest"],
            row["highest"],
        )
        assert each.within


def test_a_share_out_of_its_bounds_stands_out(schema):
    plan = make_plan(rows=20_000)
    counts = counted(schema, plan)
    assert ALARM not in source(full(schema, plan, counts))
    more = replace(counts, nulls={**counts.nulls, "mcc_code": 5_000})
    assert ALARM in source(full(schema, plan, more))


@pytest.mark.parametrize(
    ("contract", "absent"),
    [
        (changed("amount"), "amount in its own currency (log scale)"),
        (changed(amount="money"), "amount in its own currency (log scale)"),
        (changed("label_fraud"), "label_fraud is true"),
        (changed(label_fraud="flag"), "label_fraud is true"),
        (changed("mcc_code"), "mcc_code is null"),
    ],
)
def test_what_the_contract_lacks_is_left_out(schema, contract, absent):
    plan = make_plan()
    assert absent in texts(full(schema, plan, counted(schema, plan)))
    without = texts(full(contract, plan, counted(contract, plan)))
    assert absent not in without
    assert "Payments by hour" in without


def test_without_anything_to_draw_there_is_no_picture():
    bare = changed(
        "amount", "label_fraud", "mcc_code", "device_id", "ip_address", "user_agent", "latitude", "longitude"
    )
    counts = Counts(1_000)  # as where event times are null
    assert (glance(counts), full(bare, make_plan(), counts)) == ("", "")


def test_rates_that_leave_nothing_to_chance_are_not_drawn(schema):
    plan = make_plan(fraud_rate=0.0, null_mcc_rate=1.0, null_device_rate=0.0, null_geo_rate=0.0)
    assert [each.of for each in proportions(schema, plan, counted(schema, plan))] == [
        "ip_address is null",
        "user_agent is null",
    ]


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_a_day_of_a_few_payments_is_drawn(schema, rows):
    plan = make_plan(rows=rows)
    counts = counted(schema, plan)
    assert "Payments by hour" in texts(full(schema, plan, counts))
    assert len(glance(counts)) < INLINE_LIMIT


def columns_of(markdown: str) -> list[list[float]]:
    """The heights of the columns of each panel, from the left."""
    drawn = [each.attrib["d"] for each in full_svg(markdown).iter(f"{SVG}path") if each.attrib.get("fill") == BARS]
    return [
        [float(ground) - float(top) for top in re.findall(r"V([\d.]+)h", each)]
        for each in drawn
        for ground in re.findall(r"M0,(\d+)V", each)
    ]


def test_columns_of_the_full_picture_are_as_high_as_their_counts(schema):
    plan = make_plan(rows=20_000)
    counts = counted(schema, plan)
    hours, amounts = columns_of(full(schema, plan, counts))
    assert hours == pytest.approx([max(hours) * count / max(counts.hours) for count in counts.hours], abs=1)
    filled = [count for count in counts.amounts if count]
    assert amounts == pytest.approx([max(amounts) * count / max(filled) for count in filled], abs=1)


@pytest.mark.parametrize(
    ("bins", "labels"), [([17], ["50.1", "63.1"]), ([-1, 0, 25], ["1", "10", "100"]), ([60, 79], ["1M", "10M", "100M"])]
)
def test_amounts_are_labelled_by_powers_of_ten_or_else_by_their_ends(schema, bins, labels):
    plan = make_plan()
    amounts = tuple(int(number in bins) for number in AMOUNT_BINS)
    drawn = full(schema, plan, replace(counted(schema, plan), amounts=amounts))
    said = texts(drawn)
    title = said.index("Payments by amount")
    axis = said.index("amount in its own currency (log scale)")
    assert [said[title + 1 : axis], said[axis + 1 :][: len(labels)]] == [["0", "1"], labels]


def place_of_dot(markdown: str) -> float:
    """Where the first dot is in its band: 0 at its left end, 1 at its right."""
    svg = full_svg(markdown)
    (left, width), *_ = re.findall(r"M(\d+),\d+h(\d+)v14", source(markdown))
    return (float(next(svg.iter(f"{SVG}circle")).attrib["cx"]) - float(left)) / float(width)


def test_a_dot_is_where_its_count_lies_between_the_bounds_and_just_beside_the_band_if_it_is_outside(schema):
    plan = make_plan(rows=20_000, fraud_rate=0.02)
    counts = counted(schema, plan)
    first = proportions(schema, plan, counts)[0]

    def dot(frauds: int) -> float:
        return place_of_dot(full(schema, plan, replace(counts, flags={**counts.flags, "label_fraud": frauds})))

    assert [dot(first.lowest), dot(first.highest)] == pytest.approx([0, 1])
    assert dot((first.lowest + first.highest) // 2) == pytest.approx(0.5, abs=0.01)
    assert -0.1 < dot(0) < 0
    assert 1 < dot(plan.rows) < 1.1
