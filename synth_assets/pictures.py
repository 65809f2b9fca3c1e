"""A day in pictures, as Markdown: drawn from counts that were made while the day was streamed.

Dagster's UI shows Markdown in place below `INLINE_LIMIT` characters, and behind a link to a dialog above: so there is a
tiny picture and a full one. The page may be light or dark: the ground is transparent, and the ink stands out on both.

Both are written out as SVG: a library that draws takes a second to import and to lay out what is known beforehand. A
history keeps two copies of both for each day, so they are drawn with few elements, and with heights in whole pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from markupsafe import Markup

from synth_assets.generator.audit import fraud_proportion, null_proportions
from synth_assets.generator.counts import AMOUNT_BINS, BINS_A_DECADE, HOURS, Counts
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.proportions import Proportion
from synth_assets.generator.schema import TransactionSchema
from synth_assets.html_report.charts import nice_scale

INLINE_LIMIT = 1_000
IN_ADDRESSES = "/:=,;()<>'"
"""What an address in Markdown may hold as it is."""
INK = "#7b8490"
"""Mid grey: 3.8 to 1 on white, 5 to 1 on the UI's dark ground."""
BARS = "#3d8bd9"
ALARM = "#e5484d"

# All lengths in the full picture are in its pixels.
WIDTH = 920
PANEL_WIDTH, PANEL_HEIGHT = 360, 120
"""Of the columns alone: their scale stands to the left, their labels below."""
SCALE_WIDTH, LABELS_HEIGHT, TITLE_HEIGHT = 80, 50, 30
BAND_LEFT, BAND_WIDTH, ROW_HEIGHT = 190, 400, 26
TEXT_COLUMNS = (BAND_LEFT + BAND_WIDTH + 120, BAND_LEFT + BAND_WIDTH + 300)
"""Right edges of the columns of text beside the bands."""


def proportions(schema: TransactionSchema, plan: GenerationPlan, counts: Counts) -> list[Proportion]:
    """Frauds, then each column's nulls, where they are left to chance, as the checks judge them."""
    judged = (
        [replace(fraud_proportion(plan, counts), of="label_fraud is true")] if "label_fraud" in counts.flags else []
    )
    judged += [replace(each, of=f"{each.of} is null") for each in null_proportions(schema, plan, counts)]
    return [each for each in judged if 0 < each.expected < 1]


def glance(counts: Counts) -> str:
    """Payments by hour of the day (UTC), small enough to be shown in place; empty where event times are text."""
    most = max(counts.hours)
    if not most:
        return ""
    bars = "".join(f"M{8 * hour + 4},32v-{32 * count / most:.1f}" for hour, count in enumerate(counts.hours))
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{8 * HOURS}' height='33' stroke='{INK}'>"
        f"<path stroke='{BARS}' stroke-width='6' d='{bars}'/><path d='M0,32.5h{8 * HOURS}'/></svg>"
    )
    return f"{_picture('payments by hour', svg)}\n\n00:00 to 23:59 UTC; busiest hour: {most:,} payments"


def full(schema: TransactionSchema, plan: GenerationPlan, counts: Counts) -> str:
    """Payments by hour of the day and by amount, and the proportions in their bounds: those that the contract has."""
    panels = [panel for panel in (_hours(plan, counts.hours), _amounts(counts)) if panel]
    parts = [_moved(number * WIDTH // 2 + SCALE_WIDTH, TITLE_HEIGHT, panel) for number, panel in enumerate(panels)]
    height = TITLE_HEIGHT + PANEL_HEIGHT + LABELS_HEIGHT if panels else 0
    if judged := proportions(schema, plan, counts):
        parts.append(_moved(0, height, _bands(plan, judged)))
        height += TITLE_HEIGHT + ROW_HEIGHT * (len(judged) + 1)
    if not parts:
        return ""
    svg = Markup(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{}' height='{}' fill='{}' "
        "font-family='DejaVu Sans,Verdana,sans-serif' font-size='12'>{}</svg>"
    ).format(WIDTH, height, INK, Markup("").join(parts))
    return _picture(f"{plan.day}: {plan.rows:,} payments", svg)


def _picture(says: str, svg: str) -> str:
    """An image of Markdown, whose address may have no space. Base64 would be longer by a fifth."""
    return f"![{says}](data:image/svg+xml,{quote(svg, safe=IN_ADDRESSES)})"


def _hours(plan: GenerationPlan, hours: Sequence[int]) -> Markup:
    """A column for each hour; nothing where event times are text."""
    title = "Payments by hour" if plan.lookback_days == 1 else f"Payments by hour, {plan.lookback_days} days combined"
    marks = {hour / HOURS: str(hour) for hour in range(0, HOURS + 1, 6)}
    return _columns(title, "hour of the day (UTC)", hours, marks) if any(hours) else Markup()


def _amounts(counts: Counts) -> Markup:
    """A column for each bin from the lowest to the highest amount; nothing where amounts are text."""
    by_bin = dict(zip(AMOUNT_BINS, counts.amounts, strict=True))
    filled = [number for number, count in by_bin.items() if count]
    if not filled:
        return Markup()
    bins = range(filled[0], filled[-1] + 1)
    edges = range(bins.start, bins.stop + 1)
    decades = [edge for edge in edges if edge % BINS_A_DECADE == 0]
    # Within a decade, its ends say more than nothing.
    marked = decades if len(decades) > 1 else [edges[0], edges[-1]]
    marks = {(edge - bins.start) / len(bins): _amount(10 ** (edge / BINS_A_DECADE)) for edge in marked}
    return _columns(
        "Payments by amount", "amount in its own currency (log scale)", [by_bin[number] for number in bins], marks
    )


def _amount(amount: float) -> str:
    return f"{float(f'{amount:.3g}'):,g}" if amount < 1e6 else f"{amount / 1e6:,.3g}M"


def _columns(title: str, axis: str, counts: Sequence[int], marks: dict[float, str]) -> Markup:
    """Columns side by side over an axis, beside their scale. The origin is the upper left corner of the columns.

    Args:
        marks: labels of the axis, by their place from 0 (left) to 1 (right).
    """
    scale = nice_scale(max(counts))
    step = f"{PANEL_WIDTH / len(counts):.4g}"
    tops = "".join(f"V{PANEL_HEIGHT * (1 - count / scale[-1]):.0f}h{step}" for count in counts)
    heights = {f"{PANEL_HEIGHT * (1 - count / scale[-1]):.0f}": f"{count:,}" for count in scale}
    places = {f"{place * PANEL_WIDTH:.0f}": mark for place, mark in marks.items()}
    ticks = "".join([*(f"M-4,{y}h4" for y in heights), *(f"M{x},{PANEL_HEIGHT}v4" for x in places)])
    return (
        Markup("<path fill='{}' d='M0,{}{}V{}'/>").format(BARS, PANEL_HEIGHT, tops, PANEL_HEIGHT)
        + Markup("<path stroke='{}' fill='none' d='M0,0V{}H{}{}'/>").format(INK, PANEL_HEIGHT, PANEL_WIDTH, ticks)
        + _texts({(0, -12): title}, size=13)
        + _texts({(-8, int(y) + 4): count for y, count in heights.items()}, "end")
        + _texts(
            {(PANEL_WIDTH // 2, PANEL_HEIGHT + 34): axis}
            | {(int(x), PANEL_HEIGHT + 17): mark for x, mark in places.items()},
            "middle",
        )
    )


def _bands(plan: GenerationPlan, judged: Sequence[Proportion]) -> Markup:
    """Each on a scale of its own, so that all bands are equally wide: 0 is the lowest accepted count, 1 the highest."""
    tops = [TITLE_HEIGHT + ROW_HEIGHT * number for number in range(1, len(judged) + 1)]
    bands = "".join(f"M{BAND_LEFT},{top + 1}h{BAND_WIDTH}v14h-{BAND_WIDTH}z" for top in tops)
    lines = "".join(
        f"M{_place(each, each.expected * plan.rows)},{top + 1}v14" for top, each in zip(tops, judged, strict=True)
    )
    dots = [
        Markup("<circle fill='{}' cx='{}' cy='{}' r='4'/>").format(
            BARS if each.within else ALARM, _place(each, each.count), top + 8
        )
        for top, each in zip(tops, judged, strict=True)
    ]
    columns = [
        (BAND_LEFT - 20, "", [each.of for each in judged]),
        (TEXT_COLUMNS[0], "observed (%)", [f"{100 * each.count / plan.rows:.3f}" for each in judged]),
        (
            TEXT_COLUMNS[1],
            "allowed (%)",
            [f"{100 * each.lowest / plan.rows:.3f} to {100 * each.highest / plan.rows:.3f}" for each in judged],
        ),
    ]
    said = {
        (right, top + 12): text
        for right, title, texts in columns
        for top, text in zip([TITLE_HEIGHT, *tops], [title, *texts], strict=True)
        if text
    }
    return (
        _texts({(10, 18): "Shares of payments: observed (dot), expected (line), allowed by the checks (band)"}, size=13)
        + Markup("<path fill-opacity='.3' d='{}'/>").format(bands)
        + Markup("<path stroke='{}' d='{}'/>").format(INK, lines)
        + Markup("").join(dots)
        + _texts(said, "end")
    )


def _place(each: Proportion, count: float) -> int:
    """Where a count stands on the scale of its band. What lies outside is drawn just outside."""
    share = (count - each.lowest) / max(each.highest - each.lowest, 1)
    return BAND_LEFT + round(BAND_WIDTH * min(max(share, -0.03), 1.03))


def _texts(said: Mapping[tuple[int, int], str], anchor: str = "start", size: int = 12) -> Markup:
    """Texts by their places, all of them anchored alike."""
    return Markup("<text text-anchor='{}' font-size='{}'>{}</text>").format(
        anchor,
        size,
        Markup("").join(Markup("<tspan x='{}' y='{}'>{}</tspan>").format(*place, text) for place, text in said.items()),
    )


def _moved(x: float, y: float, drawn: Markup) -> Markup:
    return Markup("<g transform='translate({},{})'>{}</g>").format(x, y, drawn)
