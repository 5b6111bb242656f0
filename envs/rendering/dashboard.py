"""The dashboard of a population: six charts of the episode so far, as an RGB array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.rendering.canvas import INK, MUTED, Box, Canvas
from envs.rendering.charts import (
    BLUE,
    ORANGE,
    PALETTE,
    RED,
    TEAL,
    legend,
    line_chart,
    panel,
    share_bars,
    stacked_chart,
)
from envs.rendering.diary import Diary, Entry, PopulationState
from troth.catalogue import CHANNELS
from troth.errors import FailedPrecondition

WIDTH, HEIGHT = 1080, 660
_MARGIN, _HEADER = 20, 74
_SMOOTHED_DAYS = 7
_PALE = (191, 211, 250)
_TIER_COLOURS = ((176, 141, 110), (163, 174, 190), (222, 180, 66), (71, 85, 105), *PALETTE)
_CHANNEL_NAMES = tuple(str(c).replace("_", " ") for c in CHANNELS[1:])


def draw(diary: Diary, *, title: str, horizon: int) -> NDArray[np.uint8]:
    """The dashboard, uint8 (HEIGHT, WIDTH, 3).

    Args:
        diary: the episode.
        title: what is decided.
        horizon: days of the episode.

    Raises:
        FailedPrecondition: before the first reset, or without Pillow.
    """
    first = diary.first
    if first is None:
        raise FailedPrecondition("call reset() before render()", field="reset")
    canvas = Canvas(WIDTH, HEIGHT)
    _header(canvas, diary, title, horizon)
    cells = [_cell(row, column) for row in range(2) for column in range(3)]
    entries = diary.entries
    _reward(canvas, cells[0], entries, horizon)
    _purchases(canvas, cells[1], entries, horizon)
    _contacts(canvas, cells[2], entries, horizon)
    _permissions(canvas, cells[3], first, entries)
    _tiers(canvas, cells[4], diary, horizon)
    _mood(canvas, cells[5], first, entries, horizon)
    return canvas.pixels()


def _cell(row: int, column: int) -> Box:
    width = (WIDTH - 4 * _MARGIN) / 3
    height = (HEIGHT - _HEADER - 2 * _MARGIN) / 2
    left = _MARGIN + column * (width + _MARGIN)
    top = _HEADER + row * (height + _MARGIN)
    return Box(left, top, left + width, top + height)


def _header(canvas: Canvas, diary: Diary, title: str, horizon: int) -> None:
    people = "customer" if diary.customers == 1 else "customers"
    total = sum(entry.reward for entry in diary.entries)
    canvas.text((_MARGIN, 18), title, size=20, colour=INK)
    below = f"{diary.scenario} scenario, {diary.customers:,} {people}"
    canvas.text((_MARGIN, 46), below, size=12, colour=MUTED)
    right = WIDTH - _MARGIN
    canvas.text((right, 18), f"{total:+.2f} per customer", size=20, colour=INK, anchor="ra")
    day = f"day {len(diary.entries)} of {horizon}"
    canvas.text((right, 46), day, size=12, colour=MUTED, anchor="ra")


def _reward(canvas: Canvas, cell: Box, entries: list[Entry], horizon: int) -> None:
    daily = _series(entries, "reward")
    smooth = _smoothed(daily)
    value = f"{smooth[-1]:.3f}" if smooth.size else ""
    box = panel(canvas, cell, "Reward per customer and day", value)
    line_chart(canvas, box, [(daily, _PALE, 1.0), (smooth, BLUE, 2.2)], horizon)


def _purchases(canvas: Canvas, cell: Box, entries: list[Entry], horizon: int) -> None:
    daily = 100.0 * _series(entries, "purchases")
    smooth = _smoothed(daily)
    value = f"{smooth[-1]:.2f} %" if smooth.size else ""
    box = panel(canvas, cell, "Customers who buy", value)
    line_chart(
        canvas, box, [(daily, (178, 223, 217), 1.0), (smooth, TEAL, 2.2)], horizon, unit=" %"
    )


def _contacts(canvas: Canvas, cell: Box, entries: list[Entry], horizon: int) -> None:
    parts = 100.0 * _rows([entry.contacts for entry in entries], len(_CHANNEL_NAMES))
    value = f"{parts[-1].sum():.1f}" if len(parts) else ""
    box = panel(canvas, cell, "Contacts per 100 customers", value)
    box = box.inset(0, 22, 0, 0)
    stacked_chart(canvas, box, parts, PALETTE, horizon)
    for row in range(2):
        names, colours = _CHANNEL_NAMES[4 * row : 4 * row + 4], PALETTE[4 * row : 4 * row + 4]
        legend(canvas, (cell.left + 14, cell.top + 32 + 13 * row), names, colours)


def _permissions(canvas: Canvas, cell: Box, first: PopulationState, entries: list[Entry]) -> None:
    now = entries[-1].state.permissions if entries else first.permissions
    lost = sum(entry.opt_outs for entry in entries)
    box = panel(canvas, cell, "Permissions", f"{100 * lost:.1f} withdrawn per 100, tick: day 0")
    box = box.inset(44, -4, 30, -14)
    share_bars(canvas, box, _CHANNEL_NAMES, now, first.permissions, PALETTE)


def _tiers(canvas: Canvas, cell: Box, diary: Diary, horizon: int) -> None:
    shares = 100.0 * _rows([entry.state.tiers for entry in diary.entries], len(diary.tiers))
    box = panel(canvas, cell, "Tiers").inset(0, 10, 0, 0)
    stacked_chart(canvas, box, shares, _TIER_COLOURS, horizon, high=100.0, unit=" %")
    legend(canvas, (cell.left + 14, cell.top + 33), diary.tiers, _TIER_COLOURS)


def _mood(
    canvas: Canvas, cell: Box, first: PopulationState, entries: list[Entry], horizon: int
) -> None:
    states = [entry.state for entry in entries] or [first]
    sentiment = np.array([state.sentiment for state in states])
    tickets = np.array([state.tickets for state in states])
    recent = np.array([state.recent for state in states]) / 7.0
    box = panel(canvas, cell, "Mood and pressure").inset(0, 10, 0, 0)
    series = [(sentiment, BLUE, 2.0), (tickets, RED, 2.0), (recent, ORANGE, 2.0)]
    line_chart(canvas, box, series, horizon)
    names = ("sentiment", "open tickets", "contacts a day")
    legend(canvas, (cell.left + 14, cell.top + 33), names, (BLUE, RED, ORANGE))


def _series(entries: list[Entry], name: str) -> NDArray[np.float64]:
    return np.array([getattr(entry, name) for entry in entries], dtype=np.float64)


def _rows(rows: list[NDArray[np.float64]], width: int) -> NDArray[np.float64]:
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of the past week, shorter at the beginning."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    end = np.arange(1, values.size + 1)
    begin = np.maximum(end - _SMOOTHED_DAYS, 0)
    return (total[end] - total[begin]) / (end - begin)
