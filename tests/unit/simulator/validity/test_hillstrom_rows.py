"""Placing members like Hillstrom's customers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.validity.hillstrom_rows import Answers, cells, effects, lift, read, weights


def test_weights_make_the_cells_alike() -> None:
    """Weighted members are distributed over months and spend as the experiment's customers."""
    draw = np.random.default_rng(1)
    real = cells(draw.integers(1, 13, 5000), draw.gamma(1.0, 200.0, 5000))
    have = cells(draw.integers(1, 13, 4000), draw.gamma(2.0, 50.0, 4000))
    weight = weights(real, have)
    size = 48
    shares = np.bincount(have, weights=weight, minlength=size) / have.size
    there = np.bincount(have, minlength=size) > 0
    assert shares[there] == pytest.approx(np.bincount(real, minlength=size)[there] / real.size)


def test_lift_known_answer() -> None:
    """Half of the e-mailed against a quarter of the others, with the binomial error."""
    outcome = np.array([1, 1, 0, 0, 1, 0, 0, 0], dtype=np.bool_)
    value, error = lift(outcome, np.arange(8) < 4)
    assert value == pytest.approx(0.25)
    assert error == pytest.approx(np.sqrt(0.25 / 4 + 0.1875 / 4))


@pytest.mark.data
def test_a_world_with_the_real_effect_is_inside(data_dir: Path) -> None:
    """Members whose e-mail adds what the experiment found pass; members it leaves cold do not."""
    real = read(data_dir)
    size = 20_000
    draw = np.random.default_rng(2)
    rows = draw.integers(0, real.months.size, size)
    for added, visits, good in ((0.0043, 0.059, True), (0.0, 0.0, False)):
        found = Answers(
            months=real.months[rows],
            history=real.history[rows],
            visits=draw.binomial(8, visits, size) / 8.0,
            purchases=np.full(size, added),
        )
        told, _ = effects(real, found)
        by_id = {row.id: row.inside for row in told}
        assert by_id["hillstrom.purchase_all"] is good
        assert by_id["hillstrom.visit_all"] is good
        assert by_id["hillstrom.visit_arms"] is good
