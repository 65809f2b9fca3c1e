"""Small pictures as SVG inside the page. Their colours are those of the page's style, in light and in dark.

They are as wide as a phone, so that their text stays readable there; wider pages show several side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from synth_assets.generator.summary import CELL_DEGREES, Breakdown, cell_centre
from synth_assets.html_report.rates import Rate

WIDTH, HEIGHT = 340, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 4, 10, 22
"""The room around the columns: on the left for the scale's numbers, below for the labels."""

DOT_SIZES = (0.25, 0.4, 0.6, 0.8, 1.0)
"""Diameters of the map's dots, as shares of the largest. A dot's area grows with the payments of its cell."""
CROWDED = 600
"""From this number of cells with payments on, no dot may leave its cell."""

BAND_WIDTH, BAND_HEIGHT = 150, 18


def column_chart(title: str, labels: Sequence[str], counts: Sequence[int], every: int = 1) -> Markup:
    """Columns over their labels, of which only each `every`-th is written."""
    scale = nice_scale(max(counts))
    step = (WIDTH - _LEFT - _RIGHT) / len(counts)
    height = HEIGHT - _TOP - _BOTTOM
    parts = [_grid_line(HEIGHT - _BOTTOM - height * mark / scale[-1], mark) for mark in scale]
    for place, (label, count) in enumerate(zip(labels, counts, strict=True)):
        left, tall = _LEFT + place * step, height * count / scale[-1]
        parts.append(
            Markup('<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">').format(
                left + step * 0.12, HEIGHT - _BOTTOM - tall, step * 0.76, tall
            )
            + Markup("<title>{}: {:,}</title></rect>").format(label, count)
        )
        if place % every == 0:
            parts.append(_text(left + step / 2, HEIGHT - 8, label, "middle"))
    return _picture(f"0 0 {WIDTH} {HEIGHT}", _in_words(title, labels, counts), parts)


def nice_scale(most: int) -> list[int]:
    """Round numbers from 0 to one that is at least `most`, at equal steps."""
    magnitude = 10 ** (len(str(max(most - 1, 1))) - 1)
    step = next(size for size in (part * magnitude // 10 or 1 for part in (2, 5, 10, 20, 25, 50)) if 4 * size >= most)
    return list(range(0, most + step, step)) if most else [0, 1]


def _in_words(title: str, labels: Sequence[str], counts: Sequence[int]) -> str:
    most, fewest = max(counts), min(counts)
    return (
        f"{title}: most at {labels[counts.index(most)]} ({most:,}), fewest at {labels[counts.index(fewest)]} "
        f"({fewest:,}). The table below has all numbers."
    )


def band(rate: Rate) -> Markup:
    """Where a count lies between the lowest and the highest that are allowed.

    All bands are equally wide. A count inside is a dot, one outside a cross beside the band.
    """
    width = BAND_WIDTH - 30
    place = 15 + width * min(max((rate.count - rate.lowest) / max(rate.highest - rate.lowest, 1), -0.07), 1.07)
    mark = Markup('<circle class="bar" cx="{:.1f}" cy="9" r="4.5"/>').format(place)
    if not rate.within:
        mark = Markup('<path class="alarm" d="M{:.1f} 4l8 10m0-10l-8 10"/>').format(place - 4)
    verdict = "within" if rate.within else "outside"
    said = f"{rate.of}: {rate.count:,} is {verdict} {rate.lowest:,} to {rate.highest:,}"
    ground = Markup('<rect class="band" x="15" y="5" width="{}" height="8"/>').format(width)
    return _picture(f"0 0 {BAND_WIDTH} {BAND_HEIGHT}", said, [ground, mark], "bands")


def world_map(cells: Breakdown) -> Markup:
    """A dot for each cell that has payments, on lines of latitude and longitude at every thirty degrees."""
    payments_by_cell = {cell: group.payments for cell, group in cells.groups.items() if cell is not None}
    most = max(payments_by_cell.values())
    largest = CELL_DEGREES * (0.9 if len(payments_by_cell) >= CROWDED else 2)
    dots: dict[float, list[str]] = {size: [] for size in DOT_SIZES}
    for cell, payments in sorted(payments_by_cell.items()):
        latitude, longitude = cell_centre(cell)
        size = min(DOT_SIZES, key=lambda size: abs(size - (payments / most) ** 0.5))
        dots[size].append(f"M{longitude:g} {-latitude:g}h0")
    meridians = "".join(f"M{degrees} -90v180" for degrees in range(-180, 181, 30))
    parallels = "".join(f"M-180 {degrees}h360" for degrees in range(-90, 91, 30))
    parts = [Markup('<path class="grid" d="{}"/>').format(meridians + parallels)]
    parts += [
        Markup('<path class="dots" stroke-width="{:.2f}" d="{}"/>').format(size * largest, "".join(paths))
        for size, paths in dots.items()
        if paths
    ]
    parts += [_text(-177, 30 * north - 2, f"{abs(30 * north)}° {'S' if north > 0 else 'N'}") for north in (-2, -1, 1)]
    parts += [_text(-177, -2, "equator")]
    parts += [_text(x + 2, 88, f"{abs(x)}° {'W' if x < 0 else 'E'}") for x in (-120, -60, 60, 120)]
    said = f"Map of the payments: {len(payments_by_cell):,} cells have some, the busiest {most:,}"
    return _picture("-181 -91 362 182", said, parts, "map")


def _grid_line(height: float, mark: int) -> Markup:
    line = Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(_LEFT, height, WIDTH - _RIGHT)
    return line + _text(_LEFT - 5, height + 3.5, f"{mark:,}", "end")


def _text(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _picture(view: str, said: str, parts: Sequence[Markup], kind: str = "chart") -> Markup:
    return Markup('<svg class="{}" viewBox="{}" role="img" aria-label="{}">{}</svg>').format(
        kind, view, said, Markup("").join(parts)
    )
