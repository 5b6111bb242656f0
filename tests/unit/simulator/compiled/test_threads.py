"""Threads change no number."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from simulator.compiled.threads import LEAST, Threads
from simulator.scenarios import Scenario
from simulator.world import World
from tests.support.worlds import any_contact


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("size", [1, LEAST, 2 * LEAST, 5 * LEAST + 17])
def test_ranges_cover_everybody_once(count: int, size: int) -> None:
    """Whatever the number of threads, each row is worked on exactly once."""
    worked = np.zeros(size, dtype=np.int64)

    def work(start: int, stop: int) -> None:
        worked[start:stop] += 1

    Threads(count).run(size, work)
    assert (worked == 1).all()


def test_work_is_spread_and_errors_come_back() -> None:
    """Several threads take part, and what one of them raises reaches the caller."""
    seen: set[str] = set()
    barrier = threading.Barrier(2, timeout=30)

    def work(start: int, stop: int) -> None:
        barrier.wait()
        seen.add(threading.current_thread().name)

    Threads(2).run(2 * LEAST, work)
    assert len(seen) == 2

    def fail(start: int, stop: int) -> None:
        if start:
            raise ValueError(f"row {start}")

    with pytest.raises(ValueError, match=f"row {LEAST}"):
        Threads(2).run(2 * LEAST, fail)


def test_two_threads_live_the_same_lives(lively: Scenario) -> None:
    """State, results, features, masks and expectations are bit-identical."""
    one, two = (World(lively, 20_000, 3, threads=n) for n in (1, 2))
    rng = np.random.default_rng(0)
    for _ in range(3):
        np.testing.assert_array_equal(one.contexts().raw, two.contexts().raw)
        np.testing.assert_array_equal(one.observe(), two.observe())
        np.testing.assert_array_equal(one.mask(), two.mask())
        np.testing.assert_array_equal(one.triggered(), two.triggered())
        actions = any_contact(one, rng)
        np.testing.assert_array_equal(
            one.expected_rewards(actions=actions), two.expected_rewards(actions=actions)
        )
        left, right = one.expected_components(), two.expected_components()
        assert all(np.array_equal(left[name], right[name]) for name in left)
        first, second = one.step(actions), two.step(actions)
        for name in ("money", "answers", "waits", "orders", "spend_minor", "category", "store"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        for name, block in one.people.blocks().items():
            np.testing.assert_array_equal(block, two.people.blocks()[name], err_msg=name)
