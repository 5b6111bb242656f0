"""Novelty from simulated histories whose novelty is known, and CDNOW's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.calibration import cdnow
from simulator.calibration.figures import Figures
from simulator.calibration.histories import histories
from simulator.calibration.novelty_fit import Novelty, fit_novelty
from simulator.calibration.season import Season, album_trade
from simulator.scenarios import load
from troth.errors import FailedPrecondition

MONDAY = np.datetime64("1997-01-06")


def _log(share: float, weeks: int, customers: int) -> tuple[np.ndarray, np.ndarray]:
    """Purchases of a BG/NBD cohort over 300 days whose first weeks are faster by ``share``."""
    draw = np.random.default_rng(11)
    rate = draw.gamma(0.6, 1.0 / 25.0, customers)
    leaves = draw.beta(0.7, 2.0, customers)
    there = np.ones(customers, dtype=np.bool_)
    who, when = [np.arange(customers)], [np.zeros(customers, dtype=np.int64)]
    for day in range(1, 301):
        speed = 1.0 + share * (day <= 7 * weeks)
        buys = np.flatnonzero(there & (draw.random(customers) < -np.expm1(-rate * speed)))
        who.append(buys)
        when.append(np.full(buys.size, day))
        there[buys[draw.random(buys.size) < leaves[buys]]] = False
    return np.concatenate(who), MONDAY + np.concatenate(when)


def _fit(customer: np.ndarray, day: np.ndarray) -> Novelty:
    seen = histories(customer, day, MONDAY + 300)[1]
    return fit_novelty("bg_nbd", seen, customer, day, Season.flat())


def test_known_novelty_is_recovered() -> None:
    """Its length to a week and its size within four standard errors."""
    found = _fit(*_log(0.8, 6, 3000))
    assert abs(found.days - 42) <= 7
    assert abs(found.share - 0.8) < 4.0 * found.stderr
    assert 0.01 < found.stderr < 0.2
    assert found.gain > 20.0
    season = found.season(album_trade())
    assert season.novelty == found.share
    assert season.novelty_weeks * 7.0 == pytest.approx(found.days)


def test_no_novelty_is_said() -> None:
    """Members who buy slower at first have none to fit."""
    with pytest.raises(FailedPrecondition, match="novelty: new members buy no faster"):
        _fit(*_log(-0.6, 6, 1000))


@pytest.mark.slow
@pytest.mark.data
def test_reference_has_cdnows_novelty(data_dir: Path) -> None:
    """The scenario that ships has the novelty of the first half under the trade's months."""
    log = cdnow.read_log(data_dir / "cdnow" / cdnow.MASTER)
    ids, seen = histories(log.customer, log.day, log.middle)
    mine = np.isin(log.customer, ids)
    found = fit_novelty(
        Figures.shipped().purchases.model,
        seen,
        np.searchsorted(ids, log.customer[mine]),
        log.day[mine],
        album_trade(),
    )
    people = load("reference").population
    assert people.novelty == pytest.approx(found.share, abs=0.002)
    assert people.novelty_days == found.days
    assert found.gain > 150.0
