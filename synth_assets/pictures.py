"""A day in pictures, as Markdown: drawn from counts that were made while the day was streamed.

Dagster's UI shows Markdown in place below `INLINE_LIMIT` characters, and behind a link to a dialog above: so there is a
tiny picture and a full one. The page may be light or dark: the ground is transparent, and the ink stands out on both.

Both are written out as SVG: a library that draws takes a second to import and to lay out what is known beforehand.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
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
    # A data URI inside Markdown: no space, quote, bracket or #.
    picture = f"![payments by hour](data:image/svg+xml,{quote(svg, safe='/:=,')})"
    return f"{picture}\n\n00:00 to 23:59 UTC; busiest hour: {most:,} payments"


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
        "font-family='DejaVu Sans, Verdana, sans-serif' font-size='12'>{}</svg>"
    ).format(WIDTH, height, INK, Markup("").join(parts))
    return f"![{plan.day}: {plan.rows:,} payments](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def _hours(plan: GenerationPlan, hours: Sequence[int]) -> Markup:
    """A column for each hour; nothing where event times are text."""
    title = "Payments by hour" if plan.lookback_days == 1 else f"Payments by hour, {plan.lookback_days} days combined"
    marks = {hour / HOURS: str(hour) for hour in range(0, HOURS + 1, 3)}
    return _columns(title, "hour of the day (UTC)", hours, marks, filled=0.8) if any(hours) else Markup()


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
    title, axis = "Payments by amount", "amount in the payment's currency (log scale)"
    return _columns(title, axis, [by_bin[number] for number in bins], marks, filled=1)


def _amount(amount: float) -> str:
    return f"{float(f'{amount:.3g}'):,g}" if amount < 1e6 else f"{amount / 1e6:,.3g}M"


def _columns(title: str, axis: str, counts: Sequence[int], marks: dict[float, str], filled: float) -> Markup:
    """Columns over an axis, beside their scale. The origin is the upper left corner of the columns.

    Args:
        marks: labels of the axis, by their place from 0 (left) to 1 (right).
        filled: the share of a step that a column covers.
    """
    scale = nice_scale(max(counts))
    step = PANEL_WIDTH / len(counts)
    bar = f"h{step * filled:.1f}V{PANEL_HEIGHT}z"
    bars = "".join(
        f"M{step * (place + (1 - filled) / 2):.1f} {PANEL_HEIGHT}v-{PANEL_HEIGHT * count / scale[-1]:.1f}{bar}"
        for place, count in enumerate(counts)
        if count
    )
    heights = {count: PANEL_HEIGHT * (1 - count / scale[-1]) for count in scale}
    ticks = [f"M-4 {height:.1f}h4" for height in heights.values()]
    ticks += [f"M{place * PANEL_WIDTH:.1f} {PANEL_HEIGHT}v4" for place in marks]
    return (
        _text(0, -12, title, size=13)
        + Markup("<path fill='{}' d='{}'/>").format(BARS, bars)
        + Markup("<path stroke='{}' fill='none' d='M0 0V{}H{}{}'/>").format(
            INK, PANEL_HEIGHT, PANEL_WIDTH, "".join(ticks)
        )
        + Markup("").join(_text(-8, height + 4, f"{count:,}", "end") for count, height in heights.items())
        + Markup("").join(
            _text(place * PANEL_WIDTH, PANEL_HEIGHT + 17, mark, "middle") for place, mark in marks.items()
        )
        + _text(PANEL_WIDTH / 2, PANEL_HEIGHT + 34, axis, "middle")
    )


def _bands(plan: GenerationPlan, judged: Sequence[Proportion]) -> Markup:
    """Each on a scale of its own, so that all bands are equally wide: 0 is the lowest accepted count, 1 the highest."""
    parts = [
        _text(
            10,
            18,
            "Shares of the day's payments: observed (dot), expected (line), allowed by the checks (band)",
            size=13,
        )
    ]
    parts += [
        _text(right, TITLE_HEIGHT + 12, said, "end")
        for right, said in zip(TEXT_COLUMNS, ("observed (%)", "allowed (%)"), strict=True)
    ]
    for number, each in enumerate(judged, start=1):
        parts.append(_moved(0, TITLE_HEIGHT + ROW_HEIGHT * number, _band(plan, each)))
    return Markup("").join(parts)


def _band(plan: GenerationPlan, each: Proportion) -> Markup:
    span = max(each.highest - each.lowest, 1)
    # What lies outside is drawn just outside.
    observed = min(max((each.count - each.lowest) / span, -0.03), 1.03)
    expected = (each.expected * plan.rows - each.lowest) / span
    allowed = f"{100 * each.lowest / plan.rows:.3f} to {100 * each.highest / plan.rows:.3f}"
    return (
        _text(BAND_LEFT - 20, 12, each.of, "end")
        + Markup("<path fill-opacity='.3' d='M{} 1h{}v14h-{}z'/>").format(BAND_LEFT, BAND_WIDTH, BAND_WIDTH)
        + Markup("<path stroke='{}' d='M{:.1f} 1v14'/>").format(INK, BAND_LEFT + BAND_WIDTH * expected)
        + Markup("<circle fill='{}' cx='{:.1f}' cy='8' r='4'/>").format(
            BARS if each.within else ALARM, BAND_LEFT + BAND_WIDTH * observed
        )
        + _text(TEXT_COLUMNS[0], 12, f"{100 * each.count / plan.rows:.3f}", "end")
        + _text(TEXT_COLUMNS[1], 12, allowed, "end")
    )


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> Markup:
    return Markup("<text x='{:.1f}' y='{:.1f}' text-anchor='{}' font-size='{}'>{}</text>").format(
        x, y, anchor, size, text
    )


def _moved(x: float, y: float, drawn: Markup) -> Markup:
    return Markup("<g transform='translate({},{})'>{}</g>").format(x, y, drawn)
