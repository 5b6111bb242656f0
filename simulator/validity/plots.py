"""Charts drawn as PNG: real in gold, simulated in the accent colour."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from simulator.validity.study import Chart, Series
from troth.pages.page import PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, LINE = PALETTE["ink"], PALETTE["soft"], PALETTE["line"]
ACCENT, REAL = PALETTE["accent"], PALETTE["gold"]

WIDTH_INCHES, HEIGHT_INCHES, DPI = 7.2, 3.9, 144
_BAR = 0.36
_DODGE = 0.12


def png(chart: Chart) -> bytes:
    """Draw ``chart``; the bytes of a PNG file of 1037 x 562 pixels.

    Drawn by the Agg canvas without pyplot, so that no global state is touched.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for at, series in enumerate(chart.series):
        _draw(axes, chart, series, at)
    _frame(axes, chart)
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor="white", metadata={"Software": None})
    return out.getvalue()


def _draw(axes: Axes, chart: Chart, series: Series, at: int) -> None:
    colour = REAL if series.real else ACCENT
    look: dict[str, Any] = {"color": colour, "label": series.label}
    offset = (at - (len(chart.series) - 1) / 2.0) if len(chart.series) > 1 else 0.0
    if chart.style == "bars":
        axes.bar([x + offset * _BAR for x in series.x], series.y, width=_BAR, **look)
    elif chart.style == "hbars":
        axes.barh(series.x, series.y, height=0.62, **look)
    elif chart.style == "points":
        shift = offset * _DODGE if chart.ticks else 0.0
        x = [value + shift for value in series.x]
        axes.errorbar(
            x, series.y, yerr=_errors(series), fmt="o", markersize=5, capsize=3, lw=1.4, **look
        )
    elif chart.style == "steps":
        axes.step(series.x, series.y, where="mid", lw=1.8, **look)
    else:
        axes.plot(series.x, series.y, lw=2.4 if series.real else 1.8, alpha=0.9, **look)
        if series.low:
            axes.fill_between(series.x, series.low, series.high, color=colour, alpha=0.15, lw=0)


def _errors(series: Series) -> list[list[float]] | None:
    if not series.low:
        return None
    below = [y - low for y, low in zip(series.y, series.low, strict=True)]
    above = [high - y for y, high in zip(series.y, series.high, strict=True)]
    return [below, above]


def _frame(axes: Axes, chart: Chart) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)
    axes.tick_params(colors=SOFT, labelsize=9, length=0)
    axes.grid(axis="x" if chart.style == "hbars" else "y", color=LINE, lw=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(chart.x_label, color=SOFT, fontsize=9.5)
    axes.set_ylabel(chart.y_label, color=SOFT, fontsize=9.5)
    if chart.log_x:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _at: f"{value:g}")
    if chart.ticks and chart.style == "hbars":
        axes.set_yticks(range(len(chart.ticks)), chart.ticks)
    elif chart.ticks:
        axes.set_xticks(range(len(chart.ticks)), chart.ticks)
    if chart.style == "points" and any(low < 0.0 for s in chart.series for low in s.low):
        axes.axhline(0.0, color=SOFT, lw=0.8)
    if chart.mark is not None:
        x, text = chart.mark
        axes.axvline(x, color=SOFT, lw=1.0, ls=(0, (4, 3)))
        axes.annotate(
            text,
            (x, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(5, -4),
            textcoords="offset points",
            color=SOFT,
            fontsize=9,
            va="top",
        )
    if len(chart.series) > 1:
        axes.legend(frameon=False, fontsize=9.5, labelcolor=INK)
