"""Schedules and the best number of e-mails."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.validity.pressure_rows import MONTH_DAYS, due, peak, smooth


@pytest.mark.parametrize("number", [1, 2, 4, 7, 10, 14, 30])
def test_everybody_has_his_number_of_turns(number: int) -> None:
    """In any thirty days everyone is due exactly as often as the schedule says."""
    turns = np.sum([due(45, day, number) for day in range(11, 11 + MONTH_DAYS)], axis=0)
    assert (turns == number).all()


def test_turns_are_spread_over_days() -> None:
    """The load of a day does not depend on the day, so that no weekday is special."""
    load = [due(300, day, 7).sum() for day in range(MONTH_DAYS)]
    assert set(load) == {70}


def test_peak_of_a_cubic_is_found_between_points() -> None:
    """The best number may lie between those tried; of a curve that only rises it is the end."""
    x = (2, 4, 7, 10, 14)
    n = np.array(x, dtype=np.float64)
    assert peak(smooth(x, 12.0 * n - n**2), 14) == pytest.approx(6.0, abs=0.01)
    curve = smooth(x, 147.0 * n - n**3)
    assert np.polyval(curve, 7) == pytest.approx(686.0)
    assert peak(curve, 14) == pytest.approx(7.0, abs=0.01)
    assert peak(smooth(x, n), 14) == 14.0


def test_a_single_point_moves_the_curve_by_less_than_itself() -> None:
    """An error at seven e-mails is shared with the other points."""
    x = (2, 4, 7, 10, 14)
    moved = smooth(x, np.array([0.0, 0.0, 1.0, 0.0, 0.0]))
    assert 0.0 < np.polyval(moved, 7) < 0.7
