"""The oracle and long-run values."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenarios import Scenario, load
from simulator.truth import (
    choose,
    long_run,
    long_run_values,
    one_step_oracle,
)
from simulator.world import World
from troth.errors import InvalidArgument
from troth.policy import Policy, check_distribution, normalise


class Uniform:
    """Any eligible action, no contact among them."""

    def distribution(self, contexts, actions, mask):  # type: ignore[no-untyped-def]
        """All alike."""
        return normalise(np.ones(mask.shape), mask)


class Silence:
    """Never contacts anyone."""

    def distribution(self, contexts, actions, mask):  # type: ignore[no-untyped-def]
        """All mass on no contact."""
        return normalise(np.zeros(mask.shape), mask)


def test_oracle_is_greedy_under_the_mask(world: World) -> None:
    """It takes the best eligible action of the day for everyone."""
    oracle = one_step_oracle(world)
    assert isinstance(oracle, Policy)
    mask = world.mask()
    chosen = oracle.distribution(world.contexts(), world.catalogue, mask)
    check_distribution(chosen, mask)
    best = np.where(mask, world.expected_rewards(), -np.inf).argmax(axis=1)
    assert np.array_equal(chosen.argmax(axis=1), best)


def test_oracle_refuses_another_batch(world: World) -> None:
    """It knows the hidden state of its own world's customers only."""
    with pytest.raises(InvalidArgument, match="mask"):
        one_step_oracle(world).distribution(world.contexts(), world.catalogue, world.mask()[:5])


def test_oracle_beats_uniform_and_silence(reference: Scenario) -> None:
    """Over 90 days it earns clearly more; the same people live the same lives throughout."""
    world = World(reference, 4000, 7)
    oracle = long_run_values(world, one_step_oracle(world), None, 90)[0]
    for other in (Uniform(), Silence()):
        gain = oracle - long_run_values(world, other, None, 90)[0]
        assert gain.mean() > 6 * gain.std() / np.sqrt(gain.size)


def test_first_action_then_policy(world: World) -> None:
    """With a horizon of a day the value is the day's reward of the first action."""
    best = choose(world, one_step_oracle(world))
    value = long_run_values(world, Silence(), best, 1)[0]
    sampled = world.scenario.objective.reward(world.fork().step(best).components)
    assert np.array_equal(value, sampled)
    assert world.day == 0


def test_no_other_kind_of_reward(world: World) -> None:
    """The error names the argument."""
    with pytest.raises(InvalidArgument, match="reward: 'exact' is not 'sampled' or 'expected'"):
        long_run_values(world, Silence(), None, 1, reward="exact")  # type: ignore[arg-type]


def test_ineligible_first_actions_count_as_no_contact(world: World) -> None:
    """Values exist for every action, so that a table of them can be filled."""
    everyone = np.full(world.size, world.catalogue.index("engagement/1/news/push"))
    assert not world.mask()[:, everyone[0]].all()
    assert long_run_values(world, Silence(), everyone, 2).shape == (1, world.size)


def test_expectations_have_the_same_mean_and_less_noise(brisk: Scenario) -> None:
    """Counting each day with its expectation changes the mean by noise alone, and cuts that."""
    world = World(brisk, 1500, 5)
    email = np.full(world.size, world.catalogue.index("engagement/1/news/email"))
    nothing = np.zeros(world.size, dtype=np.int64)
    sampled, expected = (
        long_run_values(world, Uniform(), email, 12, replicates=6, reward=reward)
        for reward in ("sampled", "expected")
    )
    apart = (sampled - expected).mean(axis=0)
    assert abs(apart.mean()) < 4 * apart.std() / np.sqrt(apart.size)
    effects = [
        (
            long_run_values(world, Silence(), email, 12, reward=reward)
            - long_run_values(world, Silence(), nothing, 12, reward=reward)
        )[0]
        for reward in ("sampled", "expected")
    ]
    assert effects[0].var() > 5 * effects[1].var()


def test_expected_values_of_a_day_are_exact(world: World) -> None:
    """With a horizon of a day nothing is left to chance, and a shared budget is respected."""
    best = choose(world, one_step_oracle(world))
    value = long_run_values(world, Silence(), best, 1, replicates=2, reward="expected")
    exact = world.expected_rewards(actions=best)
    np.testing.assert_allclose(value, np.stack((exact, exact)))
    poor = World(
        world.scenario.replace(firm={"budget_minor_per_customer": 0.1}), world.size, world.seed
    )
    served = poor.affordable(best)
    assert (served != best).any()
    value = long_run_values(poor, Silence(), best, 1, reward="expected")[0]
    np.testing.assert_allclose(value, poor.expected_rewards(actions=served))


def test_common_random_numbers_sharpen_differences(brisk: Scenario) -> None:
    """The effect of one e-mail is far less noisy on the same lives than on different ones."""
    world = World(brisk, 2000, 5)
    email = np.full(world.size, world.catalogue.index("engagement/1/news/email"))
    nothing = np.zeros(world.size, dtype=np.int64)
    with_email = long_run_values(world, Silence(), email, 20)[0]
    without = long_run_values(world, Silence(), nothing, 20)[0]
    elsewhere = long_run_values(world.fork(1), Silence(), nothing, 20)[0]
    assert (with_email - elsewhere).var() > 10 * (with_email - without).var()


def test_replicates_are_alternative_futures(world: World) -> None:
    """Each replicate is another future, the first that of the world itself."""
    values = long_run_values(world, Uniform(), None, 10, replicates=2)
    assert np.array_equal(values[:1], long_run_values(world, Uniform(), None, 10))
    assert np.array_equal(values[1:], long_run_values(world.fork(1), Uniform(), None, 10))
    assert not np.array_equal(values[0], values[1])


def test_long_run_sums_up(world: World) -> None:
    """Means and errors are those of the values: per customer over replicates, then clustered."""
    values = long_run_values(world, Uniform(), None, 6, replicates=3, discount=0.9)
    found = long_run(world, Uniform(), None, 6, replicates=3, discount=0.9)
    np.testing.assert_allclose(found.per_customer, values.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(
        found.per_customer_stderr, values.std(axis=0, ddof=1) / np.sqrt(3), atol=1e-9
    )
    each = values.mean(axis=0)
    assert found.population.stderr == pytest.approx(each.std(ddof=1) / np.sqrt(each.size))
    assert np.isnan(long_run(world, Uniform(), None, 1).per_customer_stderr).all()


def test_discount_is_geometric(world: World) -> None:
    """Day d counts discount ** d: values of longer horizons differ by the last day's share."""
    whole = [long_run_values(world, Silence(), None, days)[0] for days in (1, 2, 3)]
    discounted = long_run_values(world, Silence(), None, 3, discount=0.5)[0]
    by_hand = whole[0] + 0.5 * (whole[1] - whole[0]) + 0.25 * (whole[2] - whole[1])
    np.testing.assert_allclose(discounted, by_hand, atol=1e-9)


@pytest.mark.parametrize(
    ("field", "options"),
    [("days", {"days": 0}), ("replicates", {"replicates": 0}), ("discount", {"discount": 1.5})],
)
def test_bad_options_are_named(world: World, field: str, options: dict[str, float]) -> None:
    """A horizon, a count or a discount out of range is refused by name."""
    with pytest.raises(InvalidArgument, match=field):
        long_run_values(world, Silence(), None, **{"days": 1, **options})


class Regular:
    """A plain message on a cheap channel whenever the last contact is long enough ago."""

    def __init__(self, every_days: int) -> None:
        self.every_days = every_days

    def distribution(self, contexts, actions, mask):  # type: ignore[no-untyped-def]
        """All eligible plain messages alike."""
        plain = [
            a.kind in ("content", "points", "early_access", "reminder")
            and a.channel in ("email", "push", "in_app", "web")
            for a in actions.actions
        ]
        due = contexts.column("days_since_contact") >= self.every_days
        return normalise((mask & np.array(plain) & due[:, None]).astype(float), mask)


@pytest.mark.slow
def test_daily_contact_does_harm_in_the_long_run() -> None:
    """In the world we ship, seven contacts a month beat both daily ones and none (Zhang et al.)."""
    shipped = load("reference")
    world = World(shipped.replace(fatigue={"cap_contacts": 28, "cap_days": 28}), 3000, 7)
    weekly = long_run_values(world, Regular(4), None, 270)[0]
    for other in (Regular(1), Silence()):
        gain = weekly - long_run_values(world, other, None, 270)[0]
        assert gain.mean() > 3 * gain.std() / np.sqrt(gain.size)
