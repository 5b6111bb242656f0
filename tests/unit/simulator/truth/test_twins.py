"""Counterfactual twins: one life, two actions, and nothing else between them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from simulator.scenarios import Scenario
from simulator.truth import long_run_values, twins
from simulator.world import World
from troth.errors import InvalidArgument


@pytest.fixture
def email(world: World) -> NDArray[np.int64]:
    """A discount by e-mail for everyone."""
    return np.full(world.size, world.catalogue.index("engagement/2/ten_percent/email"))


@pytest.fixture
def nothing(world: World) -> NDArray[np.int64]:
    """No contact for anyone."""
    return np.zeros(world.size, dtype=np.int64)


def test_the_same_action_makes_no_difference(
    world: World, email: NDArray[np.int64], policies: SimpleNamespace
) -> None:
    """Twins with one action are one life: every difference is zero to the bit."""
    same = twins(world, email, email, 6, policies.uniform, replicates=2)
    for part in (same.reward_minor, same.purchases, same.opt_outs):
        assert not part.by_day.any()
        assert not part.total_stderr.any()
    assert world.day == 0


def test_swapping_the_twins_swaps_the_sign(
    world: World,
    email: NDArray[np.int64],
    nothing: NDArray[np.int64],
    policies: SimpleNamespace,
) -> None:
    """What a has more, b has less; the days add up to the total."""
    there = twins(world, email, nothing, 6, policies.silence, replicates=2).reward_minor
    back = twins(world, nothing, email, 6, policies.silence, replicates=2).reward_minor
    assert there.by_day.any()
    np.testing.assert_array_equal(there.by_day, -back.by_day)
    np.testing.assert_array_equal(there.by_day_stderr, back.by_day_stderr)
    np.testing.assert_allclose(there.by_day.sum(axis=1), there.total, atol=1e-9)
    assert there.population.mean == pytest.approx(there.total.mean())


def test_only_those_who_got_something_differ(
    world: World,
    email: NDArray[np.int64],
    nothing: NDArray[np.int64],
    policies: SimpleNamespace,
) -> None:
    """A customer for whom the action was not eligible lives the very same life."""
    reached = world.mask()[np.arange(world.size), email]
    assert reached.any()
    assert not reached.all()
    found = twins(world, email, nothing, 5, policies.uniform)
    assert not found.reward_minor.by_day[~reached].any()
    assert np.isnan(found.reward_minor.total_stderr).all()


def test_differences_are_those_of_the_roll_outs(
    world: World,
    email: NDArray[np.int64],
    nothing: NDArray[np.int64],
    policies: SimpleNamespace,
) -> None:
    """Totals and their paired errors are those of two long-run values on the same futures."""
    found = twins(world, email, nothing, 8, policies.uniform, replicates=3).reward_minor
    paired = [
        long_run_values(world, policies.uniform, first, 8, replicates=3)
        for first in (email, nothing)
    ]
    gap = paired[0] - paired[1]
    np.testing.assert_allclose(found.total, gap.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(found.total_stderr, gap.std(axis=0, ddof=1) / np.sqrt(3), atol=1e-9)


def test_the_first_day_is_what_the_oracle_expects(
    busy: Scenario, policies: SimpleNamespace
) -> None:
    """Over many lives the first day's difference is that of the exact expected rewards."""
    world = World(busy, 3000, 3)
    sms = np.full(world.size, world.catalogue.index("engagement/2/ten_percent/sms"))
    none = np.zeros(world.size, dtype=np.int64)
    eligible = np.where(world.mask()[np.arange(world.size), sms], sms, 0)
    truth = world.expected_rewards(actions=eligible) - world.expected_rewards(actions=none)
    gap = twins(world, sms, none, 1, policies.silence, replicates=4).reward_minor.by_day[:, 0]
    error = (gap - truth).std(ddof=1) / np.sqrt(gap.size)
    assert abs((gap - truth).mean()) < 4 * error
    assert abs(truth.mean()) > 4 * error


@pytest.mark.parametrize(
    ("field", "options"),
    [("days", {"days": 0}), ("replicates", {"replicates": 0})],
)
def test_bad_horizons_are_named(
    world: World,
    nothing: NDArray[np.int64],
    policies: SimpleNamespace,
    field: str,
    options: dict[str, int],
) -> None:
    """A horizon or count below one is refused by name."""
    with pytest.raises(InvalidArgument, match=field):
        twins(world, nothing, nothing, policy_after=policies.silence, **{"days": 1, **options})


def test_bad_actions_are_named(
    world: World, nothing: NDArray[np.int64], policies: SimpleNamespace
) -> None:
    """Actions of another shape, or that the catalogue does not have, are refused."""
    for bad in (nothing[:5], nothing + 10_000, nothing - 1):
        with pytest.raises(InvalidArgument, match="actions"):
            twins(world, bad, nothing, 1, policies.silence)
