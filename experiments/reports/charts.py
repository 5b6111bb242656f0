"""The report's plots, as inline SVG: no script, no font, no address outside the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH = 920
ROW = 30
LEFT = 216
RIGHT = 118
TOP = 16
AXIS = 46


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """A labelled point with its interval.

    Attributes:
        label: at the left.
        mean: the point; ``None`` for none.
        low, high: the ends of its interval; infinite ones run off the scale, ``None`` where
            there is no interval.
        text: at the right.
        style: CSS class: ``trained``, ``reference`` or ``quiet``.
        truth: a second mark, what is really so; ``None`` for none.
    """

    label: str
    mean: float | None
    low: float | None
    high: float | None
    text: str
    style: str = "quiet"
    truth: float | None = None


@dataclass(frozen=True, slots=True)
class IntervalGroup:
    """Rows under one heading."""

    heading: str
    rows: tuple[IntervalRow, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A curve.

    Attributes:
        label: in the tooltip.
        points: (x, y), x ascending.
        style: CSS class.
    """

    label: str
    points: tuple[tuple[float, float], ...]
    style: str = "trained"


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers that span [low, high], about ``about`` of them.

    The step is 1, 2 or 5 times a power of ten; the ends enclose the range.
    """
    if not high > low:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / about
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(k * step, 12) for k in range(first, last + 1)]


def interval_chart(groups: Sequence[IntervalGroup], *, axis: str, title: str) -> str:
    """Points with intervals, one row each, on one scale.

    Args:
        groups: rows in drawing order; a heading that is empty takes no space.
        axis: what the scale shows, with its unit.
        title: read out by screen readers.
    """
    rows = [row for group in groups for row in group.rows]
    values = [v for row in rows for v in (row.low, row.high, row.mean, row.truth)]
    ends = [v for v in values if v is not None and math.isfinite(v)]
    marks = ticks(min(ends, default=0.0), max(ends, default=0.0))
    scale = _Scale(marks[0], marks[-1], LEFT, WIDTH - RIGHT)
    headings = sum(bool(group.heading) for group in groups)
    body = TOP + ROW * (len(rows) + headings)
    parts = [_grid(scale, marks, TOP, body, axis)]
    y = float(TOP)
    for group in groups:
        if group.heading:
            y += ROW
            parts.append(
                f'<text class="heading" x="0" y="{y - 8:.1f}">{escape(group.heading)}</text>'
            )
        for row in group.rows:
            parts.append(_interval(row, scale, y + ROW / 2))
            y += ROW
    return _svg("".join(parts), body + AXIS, title)


def _interval(row: IntervalRow, scale: _Scale, y: float) -> str:
    tip = row.label
    parts = []
    if row.low is not None and row.high is not None:
        ends = [min(max(v, scale.low), scale.high) for v in (row.low, row.high)]
        low, high = (scale(v) for v in ends)
        parts.append(
            f'<line class="band" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts += [
            f'<line class="cap" x1="{x:.1f}" x2="{x:.1f}" y1="{y - 5:.1f}" y2="{y + 5:.1f}"/>'
            for x, end in ((low, row.low), (high, row.high))
            if math.isfinite(end)
        ]
    if row.mean is not None:
        tip += f": {row.mean:,.4f}"
        parts.append(f'<circle cx="{scale(row.mean):.1f}" cy="{y:.1f}" r="5"/>')
    if row.low is not None and row.high is not None:
        tip += f" ({row.low:,.4f} to {row.high:,.4f})"
    parts = [
        f'<g class="{escape(row.style)}"><title>{escape(tip)}</title>',
        f'<text class="label" x="{LEFT - 14}" y="{y + 4:.1f}">{escape(row.label)}</text>',
        *parts,
        f'<text class="value" x="{WIDTH}" y="{y + 4:.1f}">{escape(row.text)}</text></g>',
    ]
    if row.truth is not None:
        x = scale(row.truth)
        parts.append(
            f'<line class="truth" x1="{x:.1f}" x2="{x:.1f}" '
            f'y1="{y - ROW / 2 + 2:.1f}" y2="{y + ROW / 2 - 2:.1f}">'
            f"<title>truth {row.truth:,.4f}</title></line>"
        )
    return "".join(parts)


def line_chart(
    lines: Sequence[Line], *, x_axis: str, y_axis: str, title: str, height: int = 300
) -> str:
    """Curves on common axes."""
    points = np.array([point for line in lines for point in line.points], dtype=np.float64)
    x_marks = ticks(float(points[:, 0].min()), float(points[:, 0].max()))
    y_marks = ticks(float(points[:, 1].min()), float(points[:, 1].max()), 5)
    left, top = 76, TOP + 18
    right = WIDTH - 36
    across = _Scale(x_marks[0], x_marks[-1], left, right)
    up = _Scale(y_marks[0], y_marks[-1], height, top)
    parts = [_grid(across, x_marks, top, height, x_axis)]
    parts += [
        f'<line class="grid" x1="{left}" x2="{right}" y1="{up(v):.1f}" y2="{up(v):.1f}"/>'
        f'<text class="tick end" x="{left - 8}" y="{up(v) + 4:.1f}">{_number(v)}</text>'
        for v in y_marks
    ]
    parts.append(f'<text class="axis start" x="0" y="12">{escape(y_axis)}</text>')
    for line in lines:
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line.points)
        parts.append(
            f'<g class="{escape(line.style)}"><polyline points="{path}">'
            f"<title>{escape(line.label)}</title></polyline></g>"
        )
    return _svg("".join(parts), height + AXIS, title)


@dataclass(frozen=True, slots=True)
class _Scale:
    """A linear map from values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def _grid(scale: _Scale, marks: Sequence[float], top: float, bottom: float, axis: str) -> str:
    parts = [
        f'<line class="grid" x1="{scale(v):.1f}" x2="{scale(v):.1f}" y1="{top}" y2="{bottom}"/>'
        f'<text class="tick" x="{scale(v):.1f}" y="{bottom + 18:.1f}">{_number(v)}</text>'
        for v in marks
    ]
    middle = (scale.start + scale.end) / 2
    parts.append(f'<text class="axis" x="{middle:.1f}" y="{bottom + 38:.1f}">{escape(axis)}</text>')
    return "".join(parts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.10g}"


def _svg(content: str, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>{content}</svg>'
    )
