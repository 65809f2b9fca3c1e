"""A day in pictures, as Markdown: drawn from counts that were made while the day was streamed.

Dagster's UI shows Markdown in place below `INLINE_LIMIT` characters, and behind a link to a dialog above: so there is a
tiny picture and a full one. The page may be light or dark: the ground is transparent, and the ink stands out on both.
"""

from __future__ import annotations

import io
import logging
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from synth_assets.generator.audit import fraud_proportion, null_proportions
from synth_assets.generator.counts import AMOUNT_BINS, BINS_A_DECADE, HOURS, Counts
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.proportions import Proportion
from synth_assets.generator.schema import TransactionSchema

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INLINE_LIMIT = 1_000
INK = "#7b8490"
"""Mid grey: 3.8 to 1 on white, 5 to 1 on the UI's dark ground."""
BARS = "#3d8bd9"
ALARM = "#e5484d"

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.constrained_layout.h_pad": 0.12,
    # Text stays text: a third of the size, and in the reader's own font.
    "svg.fonttype": "none",
    # Names inside the picture are hashed with this instead of a random number.
    "svg.hashsalt": "synth_assets",
}

TEXT_COLUMNS = (1.2, 1.5)
"""Right edges of the columns of text beside the bands, in widths of a band."""

NO_METADATA = dict.fromkeys(["Creator", "Date", "Format", "Type"])
"""Leaves out what matplotlib would write into the picture about itself."""


def proportions(schema: TransactionSchema, plan: GenerationPlan, counts: Counts) -> list[Proportion]:
    """Frauds, then each column's nulls, where they are left to chance, as the checks judge them."""
    judged = (
        [replace(fraud_proportion(plan, counts), of="label_fraud is true")] if "label_fraud" in counts.flags else []
    )
    judged += [replace(each, of=f"{each.of} is null") for each in null_proportions(schema, plan, counts)]
    return [each for each in judged if 0 < each.expected < 1]


def glance(counts: Counts) -> str:
    """Payments by hour of the day (UTC), small enough to be shown in place; empty where event times are text.

    Written out by hand: the frame alone of a drawing library's picture is longer than `INLINE_LIMIT`.
    """
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
    # A third of a second: only a run that draws pays it.
    # It warns of a home that it cannot write its cache to. No picture needs the cache.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    hours, amounts, judged = counts.hours, _by_amount(counts), proportions(schema, plan, counts)
    above = [name for name, shown in {"hours": any(hours), "amounts": bool(amounts)}.items() if shown]
    layout: list[Any] = [row for row in (above, ["proportions"] * max(len(above), 1) if judged else []) if row]
    if not layout:
        return ""
    heights = [2.3 if row is above else 0.7 + 0.28 * len(judged) for row in layout]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 0.3 + sum(heights)), layout="constrained")
        FigureCanvasSVG(figure)
        panels = figure.subplot_mosaic(layout, gridspec_kw={"height_ratios": heights})
        if "hours" in panels:
            _draw_hours(panels["hours"], plan, hours)
        if "amounts" in panels:
            _draw_amounts(panels["amounts"], amounts)
        if "proportions" in panels:
            _draw_proportions(panels["proportions"], plan, judged)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", transparent=True, metadata=NO_METADATA)
    return f"![{plan.day}: {plan.rows:,} payments](data:image/svg+xml;base64,{b64encode(drawn.getvalue()).decode()})"


def _by_amount(counts: Counts) -> dict[int, int]:
    """The counts of the bins from the lowest to the highest amount; empty where amounts are text."""
    by_bin = dict(zip(AMOUNT_BINS, counts.amounts, strict=True))
    filled = [number for number, count in by_bin.items() if count]
    return {number: by_bin[number] for number in range(filled[0], filled[-1] + 1)} if filled else {}


def _draw_hours(axes: Axes, plan: GenerationPlan, hours: Sequence[int]) -> None:
    # A step and a gap an hour: one path instead of 24.
    edges = [hour + part for hour in range(HOURS) for part in (0.1, 0.9)]
    axes.stairs([count for hour in hours for count in (hour, 0)][:-1], edges, fill=True, color=BARS)
    axes.set_title(
        "Payments by hour" if plan.lookback_days == 1 else f"Payments by hour, {plan.lookback_days} days combined"
    )
    axes.set_xlabel("hour of the day (UTC)")
    axes.set_xticks(range(0, HOURS + 1, 3))
    axes.set_xlim(0, HOURS)
    _count_payments(axes)


def _draw_amounts(axes: Axes, amounts: dict[int, int]) -> None:
    edges = [10 ** (number / BINS_A_DECADE) for number in (*amounts, max(amounts) + 1)]
    axes.stairs(list(amounts.values()), edges, fill=True, color=BARS)
    axes.set_title("Payments by amount")
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_xlabel("amount in the payment's currency (log scale)")
    axes.xaxis.set_major_formatter(lambda amount, _: f"{amount:,g}" if amount < 1e6 else f"{amount / 1e6:,g}M")
    _count_payments(axes)


def _count_payments(axes: Axes) -> None:
    axes.locator_params(axis="y", integer=True, nbins=6)
    axes.yaxis.set_major_formatter("{x:,.0f}")


def _draw_proportions(axes: Axes, plan: GenerationPlan, judged: list[Proportion]) -> None:
    """Each on a scale of its own, so that all bands are equally wide: 0 is the lowest accepted count, 1 the highest."""
    for place, each in enumerate(judged):
        span = max(each.highest - each.lowest, 1)
        observed = (each.count - each.lowest) / span
        expected = (each.expected * plan.rows - each.lowest) / span
        axes.barh(place, 1, height=0.5, color=INK, alpha=0.3)
        axes.plot([expected, expected], [place - 0.25, place + 0.25], color=INK, linewidth=1.2)
        # What lies outside is drawn just outside.
        axes.plot(min(max(observed, -0.04), 1.04), place, "o", color=BARS if each.within else ALARM, markersize=6)
        allowed = f"{100 * each.lowest / plan.rows:.3f} to {100 * each.highest / plan.rows:.3f}"
        for column, text in enumerate([f"{100 * each.count / plan.rows:.3f}", allowed]):
            axes.text(TEXT_COLUMNS[column], place, text, va="center", ha="right")
    for column, text in enumerate(["observed (%)", "allowed (%)"]):
        axes.text(TEXT_COLUMNS[column], -0.95, text, va="center", ha="right")
    axes.set_yticks(range(len(judged)), [each.of for each in judged])
    axes.set_xlim(-0.06, TEXT_COLUMNS[-1])
    axes.set_ylim(len(judged) - 0.5, -1.2)
    axes.set_xticks([])
    axes.tick_params(left=False)
    axes.spines[:].set_visible(False)
    axes.set_title("Shares of the day's payments: observed (dot), expected (line), allowed by the checks (band)")
