"""Rows and their targets."""

from __future__ import annotations

import pytest

from simulator.validity.row import Target, ValidityRow
from troth.errors import InvalidArgument


def _row(simulated: float | None, stderr: float | None = 0.01) -> ValidityRow:
    target = Target.published(0.2, 0.3)
    return ValidityRow("a.b", "group", "name", target, simulated, stderr, "source")


def test_inside_includes_both_ends() -> None:
    """A value on an end of the range counts as inside, one beyond it does not."""
    assert _row(0.2).inside
    assert _row(0.3).inside
    assert not _row(0.3001).inside


def test_unmeasured_is_outside() -> None:
    """What could not be measured must not count as believable."""
    assert not _row(None).inside
    assert not _row(None).near_edge
    assert not _row(float("nan")).inside


def test_near_edge_is_two_standard_errors() -> None:
    """A value that another seed may carry across the end of the range is marked."""
    assert _row(0.285).near_edge
    assert _row(0.315).near_edge
    assert not _row(0.25).near_edge
    assert not _row(0.285, None).near_edge


def test_near_has_a_floor() -> None:
    """A share of a small number of days is no useful tolerance: the floor holds."""
    wide = Target.near(3.0, 0.1, floor=1.0)
    assert (wide.low, wide.high) == (2.0, 4.0)
    assert "give or take 1" in wide.basis
    assert Target.near(-10.0, 0.1) == Target(-11.0, -9.0, "data, give or take 10 %", -10.0)


def test_sampled_is_a_95_percent_interval() -> None:
    """The range of a real estimate is its normal 95 % interval."""
    target = Target.sampled(1.0, 0.5)
    assert target.low == pytest.approx(0.0200180077)
    assert target.high == pytest.approx(1.9799819923)


def test_empty_range_is_refused() -> None:
    """A range whose ends are swapped, or not numbers, is an error and not always outside."""
    with pytest.raises(InvalidArgument, match="is no range"):
        Target.published(0.3, 0.2)
    with pytest.raises(InvalidArgument, match="is no range"):
        Target.sampled(1.0, float("nan"))
