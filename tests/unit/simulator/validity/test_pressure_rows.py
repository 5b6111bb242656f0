"""Schedules and the best number of e-mails."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.validity.pressure_rows import MONTH_DAYS, due, peak


@pytest.mark.parametrize("number", [1, 2, 4, 7, 10, 14, 30])
def test_everybody_has_his_number_of_turns(number: int) -> None:
    """In any thirty days everyone is due exactly as often as the schedule says."""
    turns = np.sum([due(45, day, number) for day in range(11, 11 + MONTH_DAYS)], axis=0)
    assert (turns == number).all()


def test_turns_are_spread_over_days() -> None:
    """The load of a day does not depend on the day, so that no weekday is special."""
    load = [due(300, day, 7).sum() for day in range(MONTH_DAYS)]
    assert set(load) == {70}


def test_peak_of_a_parabola_is_found_between_points() -> None:
    """The best number may lie between those tried; at an end it is the end."""
    x = (0, 2, 4, 7, 10, 14)
    assert peak(x, -((np.array(x) - 6.0) ** 2)) == pytest.approx(6.0)
    assert peak(x, np.array(x, dtype=np.float64)) == 14.0
