"""The value of a policy: its error is honest, and common chances sharpen a comparison."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from simulator.scenarios import Scenario
from simulator.truth import (
    OneStepOracle,
    long_run_values,
    one_step_oracle,
    policy_difference,
    policy_value,
    twins,
)
from simulator.world import World
from troth.errors import InvalidArgument


def test_value_is_that_of_the_roll_out(brisk: Scenario, policies: SimpleNamespace) -> None:
    """A fresh population under a policy earns what a roll-out from its first morning does."""
    found = policy_value(brisk, policies.uniform, 200, 7, 3, replicates=2, discount=0.9)
    lived = long_run_values(
        World(brisk, 200, 3), policies.uniform, None, 7, replicates=2, discount=0.9
    )
    np.testing.assert_array_equal(found.lives, lived)
    np.testing.assert_array_equal(found.per_customer, lived.mean(axis=0))
    assert found.mean == pytest.approx(lived.mean())
    assert found.stderr == pytest.approx(lived.mean(axis=0).std(ddof=1) / np.sqrt(200))


def test_components_add_up(brisk: Scenario, policies: SimpleNamespace) -> None:
    """Undiscounted, the parts weighted by the objective are the value."""
    found = policy_value(brisk, policies.uniform, 200, 7, 3)
    parts = {name: np.array([part.mean]) for name, part in found.components.items()}
    assert brisk.objective.reward(parts)[0] == pytest.approx(found.mean)


def test_expected_rewards_sharpen_a_comparison(busy: Scenario, policies: SimpleNamespace) -> None:
    """The same comparison with less noise, and the parts still add up."""
    sampled, expected = (
        policy_difference(
            busy, policies.uniform, policies.silence, 400, 5, 3, replicates=2, reward=reward
        )
        for reward in ("sampled", "expected")
    )
    assert expected.difference.stderr < 0.6 * sampled.difference.stderr
    apart = expected.difference.mean - sampled.difference.mean
    assert abs(apart) < 4 * sampled.difference.stderr
    parts = {name: np.array([part.mean]) for name, part in expected.a.components.items()}
    assert busy.objective.reward(parts)[0] == pytest.approx(expected.a.mean)


def test_a_population_can_be_split(brisk: Scenario, policies: SimpleNamespace) -> None:
    """The lives of a population are those of its parts."""
    whole = policy_value(brisk, policies.uniform, 90, 4, 3).lives
    parts = [
        policy_value(brisk, policies.uniform, size, 4, 3, first_customer=first).lives
        for first, size in ((0, 40), (40, 50))
    ]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))


def test_the_standard_error_is_honest(busy: Scenario, policies: SimpleNamespace) -> None:
    """Means of independent populations scatter by about the standard error each one states."""
    found = [policy_value(busy, policies.silence, 150, 3, seed) for seed in range(40)]
    scatter = np.std([value.mean for value in found], ddof=1)
    stated = np.mean([value.stderr for value in found])
    assert 0.7 < stated / scatter < 1.4  # 40 draws: the scatter itself is known to 11 %


def test_common_chances_sharpen_a_comparison(busy: Scenario, policies: SimpleNamespace) -> None:
    """On the same lives the oracle's lead takes many times fewer customers to see."""
    found = policy_difference(busy, one_step_oracle, policies.silence, 3000, 10, 5, replicates=2)
    assert found.difference.mean > 4 * found.difference.stderr
    assert found.difference.mean == pytest.approx(found.a.mean - found.b.mean)
    assert found.variance_reduction > 10.0
    assert found.luck_reduction is not None
    assert 5.0 < found.luck_reduction < found.variance_reduction
    alone = np.hypot(found.a.stderr, found.b.stderr)
    assert found.difference.stderr < alone


def test_a_policy_against_itself(brisk: Scenario, policies: SimpleNamespace) -> None:
    """There is no difference and no error, and all the variance is gone."""
    found = policy_difference(brisk, policies.uniform, policies.uniform, 100, 5, 5)
    assert (found.difference.mean, found.difference.stderr) == (0.0, 0.0)
    assert found.variance_reduction == float("inf")
    assert found.luck_reduction is None


@pytest.mark.parametrize(
    ("field", "options"),
    [("customers", {"customers": 0}), ("days", {"days": 0}), ("discount", {"discount": 0.0})],
)
def test_bad_arguments_are_named(
    brisk: Scenario, policies: SimpleNamespace, field: str, options: dict[str, float]
) -> None:
    """Numbers out of range are refused by name."""
    with pytest.raises(InvalidArgument, match=field):
        policy_value(brisk, policies.silence, **{"customers": 5, "days": 1, "seed": 1, **options})


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (lambda mask: mask.astype(np.float64), "away from summing to 1"),
        (lambda mask: np.full(mask.shape, np.nan), "non-finite"),
        (lambda mask: np.ones((len(mask), 3)) / 3.0, "is not float64"),
    ],
)
def test_what_is_no_distribution_has_no_value(brisk: Scenario, weights: Any, says: str) -> None:
    """A policy that forgets to normalise, or divides by nought, is not worth some number."""

    class Broken:
        """Gives what it should not."""

        def distribution(self, contexts: Any, actions: Any, mask: Any) -> Any:
            """One row per customer, or not."""
            return weights(mask)

    with pytest.raises(InvalidArgument, match=f"distribution: .*{says}"):
        policy_value(brisk, Broken(), 20, 2, 1)


def test_what_is_no_policy_or_scenario_is_named(brisk: Scenario) -> None:
    """A scenario's name, a policy's class, a number, or floats for actions: each by its name."""
    with pytest.raises(InvalidArgument, match=r"scenario: 'reference' is no Scenario"):
        policy_value("reference", one_step_oracle, 20, 2, 1)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="policy: the class OneStepOracle is no policy"):
        policy_value(brisk, OneStepOracle, 20, 2, 1)
    world = World(brisk, 20, 1)
    nobody = np.zeros(20, dtype=np.int64)
    with pytest.raises(InvalidArgument, match=r"policy: .* is no policy"):
        twins(world, nobody, nobody, 2, one_step_oracle)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match=r"actions: float64 \(20,\) is not integer"):
        twins(world, nobody * 1.0, nobody, 2, one_step_oracle(world))  # type: ignore[arg-type]
    listed = twins(world, nobody.tolist(), nobody, 2, one_step_oracle(world))
    assert not listed.reward_minor.total.any()
