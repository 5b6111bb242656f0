"""Coupons: the table of what came back, and the queue of what goes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simulator.calibration.complete_journey import Journey
from simulator.scenarios import load
from simulator.validity.coupons import Coupons, Mailings, imitate
from simulator.validity.grocery_rows import Departments
from simulator.validity.populations import rested
from simulator.validity.study import Study
from simulator.world import StepResult


def test_table_known_answer() -> None:
    """Redemption by type, delays and redeemers by quintile of five households, by hand."""
    found = Coupons(
        household=np.array([0, 1, 2, 3, 4, 4]),
        type=np.array([0, 0, 1, 1, 2, 2]),
        delay=np.array([-1, 10, -1, -1, 20, 30]),
        spend=np.array([1.0, 5.0, 2.0, 3.0, 4.0]),
    ).table()
    assert found[:3].tolist() == [0.5, 0.0, 1.0]
    assert found[3:6].tolist() == [15.0, 20.0, 25.0]
    # Households by spend: 0, 2, 3, 4, 1.
    assert found[6:].tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_some_households_keep_their_coupons() -> None:
    """A selection renumbers households and takes their coupons along."""
    whole = Coupons(
        np.array([0, 2, 2]), np.array([0, 1, 2]), np.array([-1, 4, -1]), np.array([1.0, 2.0, 3.0])
    )
    some = whole.of(np.array([False, True, True]))
    assert some.household.tolist() == [1, 1]
    assert some.delay.tolist() == [4, -1]
    assert some.spend.tolist() == [2.0, 3.0]


def test_mailings_follow_the_rank_by_spend(tmp_path: Path) -> None:
    """The real big spender's mailings go to the simulated big spenders, once each."""
    from simulator.validity.coupons import queues
    from simulator.validity.populations import past_year

    world = rested(Study(load(), 300, 3, tmp_path))
    mailings = Mailings(
        household=np.array([1, 1]),
        day=np.array([0, 4]),
        type=np.array([0, 1]),
        delay=np.array([-1, -1]),
        spend=np.array([10.0, 20.0, 5.0]),
    )
    queue = queues(world, mailings)
    spend = past_year(world.contexts())
    free = np.ones(300, dtype=np.bool_)
    due = queue.take(0, 0, free)
    assert due.size == 100
    assert spend[due].min() >= np.quantile(spend, 2 / 3) - 1e-9
    assert queue.take(3, 0, free).size == 0
    assert queue.take(3, 1, free).size == 0
    assert np.array_equal(queue.take(9, 1, free), due)


def test_a_scenario_without_coupons_mails_nothing(tmp_path: Path) -> None:
    """The year is lived all the same, and no coupon is counted as mailed."""
    world = rested(Study(load(), 200, 3, tmp_path))
    mailings = Mailings(
        np.array([0]), np.array([0]), np.array([0]), np.array([-1]), np.array([1.0])
    )
    log, coupons = imitate(world, mailings, 5, lambda _days: None)
    assert log.customers == 200
    assert coupons.household.size == 0


@pytest.mark.data
def test_real_mailings_have_the_known_moments(data_dir: Path) -> None:
    """Redemption by type and by quintile are the figures known of the files."""
    from simulator.calibration.complete_journey import read_journey
    from simulator.validity.coupons import outcome_of
    from simulator.validity.grocery_rows import FIRST, real_log, shopping

    journey = read_journey(data_dir / "complete_journey")
    log = real_log(journey)
    table = outcome_of(Mailings.of(journey, FIRST, log)).table()
    assert table[:3] == pytest.approx([0.166, 0.065, 0.059], abs=6e-4)
    assert table[6:] == pytest.approx([0.0, 0.024, 0.087, 0.23, 0.49], abs=8e-3)
    assert shopping(log)[[7, 8]] == pytest.approx([0.545, 0.525], abs=2e-3)


def test_categories_are_compared_by_name(tmp_path: Path) -> None:
    """A department counts as the category of its name, or else as another; shares are compared."""
    study = Study(load(), 4, 3, tmp_path)
    found = Departments(("drug_gm", "other"), np.zeros((4, 2), dtype=np.int64))
    baskets = pd.DataFrame({"category": ["DRUG GM"] * 3 + ["MEAT"]})
    journey = Journey(baskets, pd.DataFrame())
    result = StepResult.empty(4)
    result.orders[:] = [1, 1, 0, 2]
    result.category[:] = [0, 1, 255, 0]
    found.watch(result)
    row = found.row(journey, np.array([True, True, True, True]))
    assert found.count.tolist() == [[1, 0], [0, 1], [0, 0], [1, 0]]
    assert row.simulated == pytest.approx(0.75 - 2.0 / 3.0)
    assert Departments.empty(study).count.shape == (4, len(load().categories))
