"""Charts of a dashboard: a line, stacked bars over days, shares as horizontal bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from envs.rendering.canvas import GRID, INK, MUTED, Box, Canvas, Colour

Float = NDArray[np.float64]

PALETTE: tuple[Colour, ...] = (
    (37, 99, 235), (13, 148, 136), (234, 88, 12), (147, 51, 234),
    (2, 132, 199), (202, 138, 4), (220, 38, 38), (100, 116, 139),
)  # fmt: skip
BLUE, TEAL, ORANGE = PALETTE[:3]
RED = PALETTE[6]
_GAP_FROM_PIXELS = 5.0


def panel(canvas: Canvas, box: Box, title: str, value: str = "") -> Box:
    """A card with a title and today's value; returns the space for the chart."""
    canvas.card(box)
    canvas.text((box.left + 14, box.top + 12), title, size=12, colour=INK)
    canvas.text((box.right - 14, box.top + 12), value, size=12, colour=MUTED, anchor="ra")
    return box.inset(46, 40, 16, 28)


def axes(canvas: Canvas, box: Box, low: float, high: float, days: int, *, unit: str = "") -> None:
    """Three horizontal grid lines with their values, and the first and last day."""
    for share in (0.0, 0.5, 1.0):
        y = box.y(share)
        canvas.line([(box.left, y), (box.right, y)], GRID)
        label = f"{plain(low + share * (high - low))}{unit}"
        canvas.text((box.left - 6, y), label, size=10, colour=MUTED, anchor="rm")
    if low < 0.0 < high:
        nought = box.y(-low / (high - low))
        canvas.line([(box.left, nought), (box.right, nought)], MUTED)
    canvas.text((box.left, box.bottom + 6), "0", size=10, colour=MUTED, anchor="la")
    canvas.text((box.right, box.bottom + 6), f"{days}", size=10, colour=MUTED, anchor="ra")


def line_chart(
    canvas: Canvas,
    box: Box,
    series: Sequence[tuple[Float, Colour, float]],
    days: int,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
) -> None:
    """Lines over days.

    Args:
        canvas: drawn on.
        box: where.
        series: values, colour and width of each line.
        days: the horizon.
        low: bottom of the vertical axis; below the values by default.
        high: its top; above the values by default.
        unit: behind the values of the axis.
    """
    values = np.concatenate([s[0] for s in series])
    bottom, top = _bounds(values, low, high)
    axes(canvas, box, bottom, top, days, unit=unit)
    for line, colour, width in series:
        points = [
            (box.x((d + 0.5) / days), box.y((v - bottom) / (top - bottom)))
            for d, v in enumerate(line)
        ]
        if points:
            canvas.line(points, colour, width)


def stacked_chart(
    canvas: Canvas,
    box: Box,
    parts: Float,
    colours: Sequence[Colour],
    days: int,
    *,
    high: float | None = None,
    unit: str = "",
) -> None:
    """Stacked bars, one a day; ``parts`` is (days so far, parts)."""
    totals = parts.sum(axis=1)
    _, top = _bounds(totals, 0.0, high)
    axes(canvas, box, 0.0, top, days, unit=unit)
    gap = 0.12 if (box.right - box.left) / days >= _GAP_FROM_PIXELS else 0.0
    for d, row in enumerate(parts):
        left, right = box.x((d + gap) / days), box.x((d + 1 - gap) / days)
        height = 0.0
        for share, colour in zip(row / top, colours, strict=False):
            canvas.rectangle(Box(left, box.y(height + share), right, box.y(height)), colour)
            height += share


def share_bars(
    canvas: Canvas,
    box: Box,
    names: Sequence[str],
    shares: Float,
    before: Float,
    colours: Sequence[Colour],
) -> None:
    """Horizontal bars of shares, with a tick where each stood on day 0."""
    height = (box.bottom - box.top) / len(names)
    for at, (name, share, start) in enumerate(zip(names, shares, before, strict=True)):
        top = box.top + at * height
        bar = Box(box.left, top + 0.18 * height, box.right, top + 0.82 * height)
        canvas.rectangle(bar, GRID)
        canvas.rectangle(Box(bar.left, bar.top, bar.x(share), bar.bottom), colours[at])
        x = bar.x(start)
        canvas.line([(x, bar.top - 2), (x, bar.bottom + 2)], INK, 1.5)
        middle = top + 0.5 * height
        canvas.text((box.left - 8, middle), name, size=10.5, colour=MUTED, anchor="rm")
        canvas.text((box.right + 8, middle), f"{share:.0%}", size=10.5, colour=INK, anchor="lm")


def legend(
    canvas: Canvas, at: tuple[float, float], names: Sequence[str], colours: Sequence[Colour]
) -> None:
    """Names behind a small square of their colour, in one row."""
    x, y = at
    for name, colour in zip(names, colours, strict=False):
        canvas.rectangle(Box(x, y + 2, x + 8, y + 10), colour)
        canvas.text((x + 12, y + 6), name, size=9.5, colour=MUTED, anchor="lm")
        x += 22 + canvas.text_width(name, 9.5)


def plain(value: float) -> str:
    """A number for an axis: at most three figures, no needless noughts."""
    if value == 0.0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _bounds(values: Float, low: float | None, high: float | None) -> tuple[float, float]:
    top = high if high is not None else _round_up(float(values.max(initial=0.0)))
    least = float(values.min(initial=0.0))
    # A little below nought is left to the margin rather than given an axis of its own.
    bottom = low if low is not None else -_round_up(-least) if least < -0.05 * top else 0.0
    return bottom, top if top > bottom else bottom + 1.0


def _round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten."""
    if value <= 0.0:
        return 0.0
    power = float(10.0 ** math.floor(math.log10(value)))
    steps = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
    return power * next(s for s in steps if s * power >= value * (1 - 1e-12))
