"""A policy is asked about a world in one place: in pieces, checked, drawn with the world's keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simulator import rollout
from simulator.compiled.purposes import Purpose
from simulator.rollout import (
    DecisionRound,
    WorldBound,
    choose,
    customer_numbers,
    decide,
    draws,
    earn,
    live,
    permitted,
    results,
)
from simulator.scenarios import Scenario
from simulator.truth import OneStepOracle, one_step_oracle
from simulator.world import World
from troth.catalogue import NO_CONTACT
from troth.errors import InvalidArgument
from troth.policy import Policy, normalise
from troth.streams import uniforms


class Rising:
    """Prefers later actions, so that a wrong column or propensity shows."""

    def distribution(self, contexts: Any, actions: Any, mask: Any) -> Any:
        """Weight k + 1 on column k."""
        return normalise(np.where(mask, 1.0 + np.arange(mask.shape[1]), 0.0), mask)


class Answers:
    """Answers whatever ``make`` makes of the mask."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self.make = make

    def distribution(self, contexts: Any, actions: Any, mask: Any) -> Any:
        """What it was told to."""
        return self.make(mask)


class Without:
    """A policy that never takes one of the actions in ``columns`` (K,)."""

    def __init__(self, policy: Policy, columns: Any) -> None:
        self.policy, self.columns = policy, columns

    def distribution(self, contexts: Any, actions: Any, mask: Any) -> Any:
        """Asks for all, and again for those to whom one of the actions was open."""
        answer = self.policy.distribution(contexts, actions, mask).copy()
        again = np.flatnonzero((mask & self.columns).any(axis=1))
        answer[again] = self.policy.distribution(
            contexts.take(again), actions, mask[again] & ~self.columns
        )
        return answer


def by_email(world: World) -> Any:
    """Bool (K,): actions that use e-mail."""
    return np.array([action.channel == "email" for action in world.catalogue.actions])


def test_a_draw_is_the_customers_own(world: World) -> None:
    """Propensities are the policy's own; draws are keyed by customer, day and replicate."""
    asked = DecisionRound.of(world)
    found = decide(asked, Rising())
    rows = np.arange(world.size)
    whole = Rising().distribution(asked.contexts, world.catalogue, asked.mask)
    np.testing.assert_array_equal(found.propensity, whole[rows, found.action])
    below = np.cumsum(whole, axis=1)[rows, found.action]
    u = draws(world)[0]
    np.testing.assert_array_equal(
        draws(world),
        uniforms(world.seed, customer_numbers(world), purpose=Purpose.POLICY, step=world.day),
    )
    assert ((below - found.propensity <= u + 1e-12) & (u <= below + 1e-12)).all()
    part = World(world.scenario, 50, world.seed, first_customer=120)
    np.testing.assert_array_equal(choose(part, Rising()), found.action[120:170])
    assert not np.array_equal(choose(world.fork(1), Rising()), found.action)


def test_pieces_do_not_matter(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that is asked about a few customers at a time decides as when asked at once."""
    whole = decide(DecisionRound.of(world), Rising())
    assert (whole.action > 0).any()
    asked: list[int] = []
    policy = Answers(lambda mask: asked.append(len(mask)) or Rising().distribution(0, 0, mask))
    monkeypatch.setattr(rollout, "PIECE", 70)
    parts = decide(DecisionRound.of(world), policy)
    assert asked == [70, 70, 70, 70, 20]
    np.testing.assert_array_equal(parts.action, whole.action)
    np.testing.assert_array_equal(parts.propensity, whole.propensity)
    assert np.array_equal(
        choose(world, one_step_oracle(world)), choose(world, OneStepOracle(world))
    )


def test_a_policy_is_bound_to_the_world_it_decides_in(world: World) -> None:
    """In a roll-out the oracle looks at the roll-out's world, not at the one it was made for."""
    fork = world.fork()
    for _ in range(5):
        fork.step(choose(fork, Rising()))
    oracle = one_step_oracle(world)
    assert isinstance(oracle, WorldBound)
    assert not isinstance(Rising(), WorldBound)
    assert oracle.bind(world) is oracle
    best = np.where(fork.mask(), fork.expected_rewards(), -np.inf).argmax(axis=1)
    assert not np.array_equal(best, choose(world, oracle))
    np.testing.assert_array_equal(choose(fork, oracle), best)
    for day in live(fork, oracle, 2, expected=True):
        assert day.expected_minor is not None
        best = np.where(day.mask, day.expected_minor, -np.inf).argmax(axis=1)
        np.testing.assert_array_equal(day.action, best)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda mask: np.full(mask.shape, 1.0 / mask.shape[1]), "masked action"),
        (lambda mask: np.eye(mask.shape[1])[np.zeros(len(mask), int)] * 0.9, "summing to 1"),
        (lambda mask: np.eye(mask.shape[1])[np.zeros(len(mask), int)] * np.nan, "non-finite"),
        (
            lambda mask: (2.0 * np.eye(mask.shape[1])[0] - np.eye(mask.shape[1])[1])[None].repeat(
                len(mask), axis=0
            ),
            "negative",
        ),
        (lambda mask: np.eye(mask.shape[1])[:1], "is not float64"),
        (lambda mask: [[1.0] + [0.0] * (mask.shape[1] - 1)] * len(mask), "a list is no"),
    ],
)
def test_what_is_no_distribution_is_refused(
    world: World, make: Callable[[Any], Any], complaint: str
) -> None:
    """Wherever a policy meets a world, a wrong answer is found before anybody is contacted."""
    policy = Answers(make)
    for ask in (
        lambda: choose(world, policy),
        lambda: next(live(world, policy, 1)),
        lambda: next(results(world, policy, 1)),
        lambda: next(iter(earn(world, policy, 1, reward="expected"))),
    ):
        with pytest.raises(InvalidArgument, match=f"distribution: .*{complaint}"):
            ask()
    assert world.day == 0


def test_what_is_no_policy_is_named(world: World) -> None:
    """A class instead of a policy, or anything else, is said in one line."""
    with pytest.raises(InvalidArgument, match="policy: the class Rising is no policy"):
        choose(world, Rising)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="policy: 'uniform' is no policy"):
        next(live(world, "uniform", 1))  # type: ignore[arg-type]


def test_a_round_may_leave_less_to_choose(world: World) -> None:
    """A mask of one's own holds for everyone, and for the check."""
    narrow = world.mask() & ~by_email(world)
    assert (decide(DecisionRound.of(world), Rising()).action != 0).any()
    found = decide(DecisionRound.of(world, narrow), Rising())
    assert not by_email(world)[found.action].any()
    with pytest.raises(InvalidArgument, match="masked action"):
        decide(
            DecisionRound.of(world, narrow),
            Answers(lambda _: Rising().distribution(0, 0, world.mask())),
        )


def test_a_guard_stands_between(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees each morning once and whole, and is asked in the policy's place piece by piece."""
    monkeypatch.setattr(rollout, "PIECE", 128)
    mornings: list[int] = []
    pieces: list[slice] = []

    def no_email(policy: Policy, asked: DecisionRound) -> Callable[[slice], Policy]:
        assert len(asked.contexts) == len(asked.mask) == asked.world.size
        mornings.append(asked.world.day)

        def of(rows: slice) -> Policy:
            pieces.append(rows)
            return Without(policy, by_email(world))

        return of

    free = [day.action for day in live(world.fork(), Rising(), 3)]
    assert by_email(world)[np.concatenate(free)].any()
    for day in live(world.fork(), Rising(), 3, guard=no_email):
        assert not by_email(world)[day.action].any()
        assert (day.mask & by_email(world)).any()
        allowed = day.mask & ~by_email(world)
        expected = Rising().distribution(day.contexts, world.catalogue, allowed)
        chances = expected[np.arange(world.size), day.action]
        np.testing.assert_array_equal(day.propensity, chances)
    assert mornings == [0, 1, 2]
    assert pieces == 3 * [slice(0, 128), slice(128, 256), slice(256, 300)]
    pieces.clear()
    world.step(choose(world, one_step_oracle(world)))
    oracle = one_step_oracle(world.fork(7))
    assert by_email(world)[choose(world, oracle)].any()
    for day in live(world, oracle, 2, guard=no_email, expected=True):
        assert day.expected_minor is not None
        allowed = day.mask & ~by_email(world)
        best = np.where(allowed, day.expected_minor, -np.inf).argmax(axis=1)
        np.testing.assert_array_equal(day.action, best)
    assert pieces == 2 * [slice(0, 300)]


def test_a_guard_may_not_widen(world: World) -> None:
    """What comes out from behind it is checked as a policy's own answer is."""
    second = Answers(lambda mask: np.eye(mask.shape[1])[np.ones(len(mask), int)])
    assert not world.mask()[:, 1].all()
    with pytest.raises(InvalidArgument, match="masked action"):
        decide(
            DecisionRound.of(world), Rising(), guard=lambda _policy, _asked: lambda _rows: second
        )


def test_days_follow_each_other(world: World) -> None:
    """Every way to live gives the same days; expectations change what is counted, not lived."""
    lived = list(live(world.fork(), Rising(), 4))
    assert [day.day for day in lived] == [0, 1, 2, 3]
    for day, result in zip(lived, results(world.fork(), Rising(), 4), strict=True):
        np.testing.assert_array_equal(day.result.money, result.money)
    for day, components in zip(lived, earn(world.fork(), Rising(), 4), strict=True):
        for name, values in components.items():
            np.testing.assert_array_equal(day.result.components[name], values)
    a, b = world.fork(), world.fork()
    assert all(day.expected_minor is None for day in live(a, Rising(), 4))
    assert len(list(earn(b, Rising(), 4, reward="expected"))) == 4
    for one, other in zip(a.people.memory, b.people.memory, strict=True):
        np.testing.assert_array_equal(one, other)


def test_first_actions_come_first(world: World) -> None:
    """Given for the first day, and where one is not eligible nobody is contacted."""
    push = np.full(world.size, world.catalogue.index("engagement/1/news/push"))
    open_to = world.mask()[:, push[0]]
    assert 0 < open_to.sum() < world.size
    np.testing.assert_array_equal(permitted(world, push), np.where(open_to, push, NO_CONTACT))
    given = next(results(world.fork(), Rising(), 2, first_actions=push))
    np.testing.assert_array_equal(given.money, world.fork().step(permitted(world, push)).money)


def test_a_shared_budget_binds_first_customers_first(brisk: Scenario) -> None:
    """What is expected of a day is of the contacts that are paid for."""
    poor = World(brisk.replace(firm={"budget_minor_per_customer": 0.1}), 300, 11)
    chosen = choose(poor, Rising())
    paid = poor.affordable(chosen)
    assert (paid != chosen).any()
    expected = poor.expected_components(paid)
    day = next(iter(earn(poor, Rising(), 1, reward="expected")))
    for name, values in expected.items():
        np.testing.assert_array_equal(day[name], values)
