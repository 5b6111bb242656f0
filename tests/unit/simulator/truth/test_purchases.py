"""Expected purchases against counted ones."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenarios import load
from simulator.truth import expected_purchases
from simulator.world import World


def test_expectation_is_the_mean_of_what_comes() -> None:
    """Own purchases of a day without contacts, and what an e-mail adds, to three errors."""
    world = World(load("reference"), 20_000, 5)
    nobody = np.zeros(world.size, dtype=np.int64)
    email = world.catalogue.index("engagement/1/news/email")
    sent = np.where(world.mask()[:, email], email, 0).astype(np.int64)
    own = expected_purchases(world, nobody)
    both = expected_purchases(world, sent)
    assert (own[world.people.own_rate <= 0.0] == 0.0).all()
    assert ((own >= 0.0) & (own < 1.0)).all()
    counted = np.zeros(world.size)
    brought = np.zeros(world.size)
    for replicate in range(20):
        counted += world.fork(replicate).step(nobody).components["margin_minor"] > 0
        brought += world.fork(replicate).step(sent).delay["purchased"] > 0
    mean = counted.mean() / 20.0
    assert own.mean() == pytest.approx(mean, abs=3.0 * np.sqrt(mean / (20 * world.size)))
    # With an e-mail some are put off, which the world's own chances say exactly.
    gained = brought.mean() / 20.0
    lost = np.maximum(own - both, 0.0).mean()
    error = np.sqrt(gained / (20 * world.size))
    assert (both - own).mean() == pytest.approx(gained, abs=3.0 * error + 2.0 * lost)
