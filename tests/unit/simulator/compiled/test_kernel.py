"""The compiled loops against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.compiled import kernel
from troth import streams


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**64 - 1])
@pytest.mark.parametrize(
    ("purpose", "step", "replicate"),
    [(0, 0, 0), (7, 90, 3), (2**32 - 1, 2**32 - 1, 2**32 - 1)],
)
def test_philox_is_that_of_streams(seed: int, purpose: int, step: int, replicate: int) -> None:
    """A world's draws can be reproduced bit for bit by the plain NumPy generator."""
    customers = np.array([0, 1, 2, 4095, 2**32 - 1])
    compiled = kernel.uniforms(seed, customers, purpose=purpose, step=step, replicate=replicate)
    plain = streams.uniforms(seed, customers, purpose=purpose, step=step, replicate=replicate)
    assert np.array_equal(compiled, plain)


def test_successes_count_the_same_draws_one_by_one() -> None:
    """Binomial counts are sums of addressed draws: five trials read two blocks."""
    trials = np.array([0, 1, 4, 5, 11], dtype=np.int32)
    chance = np.array([0.5, 0.0, 1.0, 0.4, 0.7])
    customers = np.array([3, 1, 4, 1, 5])
    counts = kernel.successes(9, customers, trials, chance, purpose=11, step=40)
    blocks = [streams.uniforms(9, customers, purpose=11, step=40 + b) for b in range(3)]
    draws = np.concatenate(blocks) < chance
    expected = [int(draws[: trials[i], i].sum()) for i in range(5)]
    assert counts.tolist() == expected


def test_successes_have_the_binomial_mean() -> None:
    """A count of m draws of chance p averages m p."""
    n = 20_000
    counts = kernel.successes(
        1, np.arange(n), np.full(n, 10, np.int32), np.full(n, 0.3), purpose=1, step=0
    )
    assert counts.mean() == pytest.approx(3.0, abs=4 * np.sqrt(10 * 0.3 * 0.7 / n))


def test_pick_is_uniform_over_eligible_contacts() -> None:
    """Every eligible contact is as likely; none is made where there is none or none is wanted."""
    mask = np.array([[True, False, True, True], [True, False, False, False]])
    mask = np.repeat(mask, 3000, axis=0)
    u = np.random.default_rng(1).random(6000)
    out = np.empty(6000, dtype=np.int64)
    kernel.pick(out, mask, np.ones(6000, dtype=bool), u)
    assert set(out[:3000]) == {2, 3}
    assert (out[:3000] == 2).mean() == pytest.approx(0.5, abs=0.04)
    assert not out[3000:].any()
    kernel.pick(out, mask, np.zeros(6000, dtype=bool), u)
    assert not out.any()
