"""Plots: round scales, marks where the values are, nothing that breaks out of the file."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from experiments.reports.charts import (
    LEFT,
    RIGHT,
    WIDTH,
    IntervalGroup,
    IntervalRow,
    Line,
    interval_chart,
    line_chart,
    ticks,
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 10.0, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        (-0.03, 0.11, [-0.05, 0.0, 0.05, 0.1, 0.15]),
        (5.0, 5.0, [4.4, 4.6, 4.8, 5.0, 5.2, 5.4, 5.6]),
    ],
)
def test_ticks_are_round_and_enclose(low: float, high: float, expected: list[float]) -> None:
    """Steps are 1, 2 or 5 times a power of ten, and no value falls off the scale."""
    assert ticks(low, high) == pytest.approx(expected)


def test_interval_chart_places_marks() -> None:
    """On a scale of 0 to 10, the point 5 lies in the middle and the truth where it belongs."""
    row = IntervalRow("a", 5.0, 0.0, 10.0, "5", truth=7.5)
    svg = interval_chart([IntervalGroup("", (row,))], axis="x", title="t")
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    circle = next(root.iter(f"{space}circle"))
    assert float(circle.attrib["cx"]) == pytest.approx((LEFT + WIDTH - RIGHT) / 2)
    truth = next(e for e in root.iter(f"{space}line") if e.attrib["class"] == "truth")
    assert float(truth.attrib["x1"]) == pytest.approx(LEFT + 0.75 * (WIDTH - RIGHT - LEFT))


def test_what_is_not_known_has_no_mark() -> None:
    """No interval: the point alone; no estimate: no point; an infinite end: no cap at the edge."""
    rows = (
        IntervalRow("point", 5.0, None, None, "no interval"),
        IntervalRow("none", None, None, None, "no estimate", truth=2.0),
        IntervalRow("open", 6.0, 0.0, float("inf"), "6"),
    )
    svg = interval_chart([IntervalGroup("", rows)], axis="x", title="t")
    root = ElementTree.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    assert len(list(root.iter(f"{space}circle"))) == 2
    drawn = [e.attrib for e in root.iter(f"{space}line")]
    (band,) = (e for e in drawn if e["class"] == "band")
    assert float(band["x2"]) == WIDTH - RIGHT
    assert len([e for e in drawn if e["class"] == "cap"]) == 1
    assert not re.search(r'"(nan|-?inf)"', svg)


def test_labels_are_escaped() -> None:
    """A name with markup stays a name."""
    row = IntervalRow("<script>&", 1.0, 0.5, 1.5, '"x"')
    svg = interval_chart([IntervalGroup("<b>", (row,))], axis="<i>", title="<u>")
    assert not re.search(r"<(script|b|i|u)>", svg)
    ElementTree.fromstring(svg)


def test_line_chart_draws_every_line() -> None:
    """One polyline per line, higher values higher up."""
    lines = [Line("one", ((0.0, 0.0), (1.0, 1.0))), Line("two", ((0.0, 1.0), (1.0, 3.0)))]
    root = ElementTree.fromstring(line_chart(lines, x_axis="x", y_axis="y", title="t"))
    drawn = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
    assert len(drawn) == 2
    ends = [float(e.attrib["points"].split()[-1].split(",")[1]) for e in drawn]
    assert ends[1] < ends[0]
