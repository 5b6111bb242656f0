"""Programmes side by side: what the knobs mean, what a week is, who meets whom."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.problems.programme_design import ProgrammeDesignVectorEnv
from envs.problems.programmes import KNOBS
from simulator.scenarios import Scenario
from troth.errors import FailedPrecondition, InvalidArgument

PRIORITY = (
    "service_recovery", "welcome", "post_purchase", "churn_recovery", "tier_upgrade",
    "points_reminder", "challenge", "engagement",
)  # fmt: skip
NOTHING = np.zeros((3, 4), dtype=np.float32)


def programmes(scenario: Scenario, **more: Any) -> ProgrammeDesignVectorEnv:
    """Three programmes of eight members for two weeks."""
    arguments: dict[str, Any] = {"members": 8, "horizon_weeks": 2, **more}
    return ProgrammeDesignVectorEnv(3, scenario=scenario, **arguments)


def test_nought_is_the_scenarios_own_programme(brisk: Scenario) -> None:
    """The middle of every knob changes nothing; its ends are the span away."""
    env = programmes(brisk, span=4.0)
    env.reset(seed=0)
    own = [float(np.mean(getattr(env.world.programme, name))) for name in KNOBS]
    assert own[0] == brisk.wallet.points_per_major
    assert own[2] == brisk.wallet.redeem_from
    actions = np.array([[0.0] * 4, [1.0] * 4, [-1.0, 0.5, -0.5, 1.0]])
    for g, factors in enumerate(([1.0] * 4, [4.0] * 4, [0.25, 2.0, 0.5, 4.0])):
        programme = env.programmes.programme(actions)
        for name, value, factor in zip(KNOBS, own, factors, strict=True):
            members = getattr(programme, name)[8 * g : 8 * g + 8]
            assert members == pytest.approx(value * factor)


def test_a_step_is_a_week_of_plain_contacts(brisk: Scenario) -> None:
    """Rewards are the week's weighed components per member, in major units."""
    env = programmes(brisk, members=40)
    env.reset(seed=1)
    twin = env.world.fork()
    twin.set_programme(env.programmes.programme(NOTHING))
    total = np.zeros(120)
    contacts = np.zeros(120, dtype=int)
    for day in range(7):
        assert twin.day == day
        chosen = plain(twin, brisk)
        contacts += chosen > 0
        total += brisk.objective.reward(twin.step(chosen).components)
    observation, rewards, *_, info = env.step(NOTHING)
    assert rewards == pytest.approx(total.reshape(3, 40).mean(axis=1) / 100.0)
    assert contacts.max() == 1
    assert contacts.sum() > 60
    assert info["contacted"] == pytest.approx(contacts.reshape(3, 40).mean(axis=1) / 7)
    encoded = twin.observe().reshape(3, 40, -1)
    assert observation[:, : brisk.schema.width] == pytest.approx(encoded.mean(axis=1), abs=1e-5)
    assert observation[:, -2] == pytest.approx(info["bought"])


def plain(world: Any, scenario: Scenario) -> np.ndarray:
    """The contact rule written out, customer by customer."""
    chosen = np.zeros(world.size, dtype=np.int64)
    for i in range(world.size):
        if (world.first_customer + i) % 7 != world.day % 7:
            continue
        possible = [(int(k), scenario.catalogue.actions[k]) for k in world.mask()[i].nonzero()[0]]
        for journey in PRIORITY:
            steps = len(scenario.journeys[journey].steps)
            for later in range(steps):
                step = 1 + (world.day + later) % steps
                found = [
                    (a.cost_minor, k) for k, a in possible if (a.journey, a.step) == (journey, step)
                ]
                if found:
                    break
            if found:
                chosen[i] = min(found)[1]
                break
    return chosen


def test_programmes_do_not_meet(brisk: Scenario) -> None:
    """What one programme does changes nothing for the members of another."""
    left, right = programmes(brisk), programmes(brisk)
    left.reset(seed=2)
    right.reset(seed=2)
    other = NOTHING.copy()
    other[1] = (1.0, -1.0, -1.0, 1.0)
    for _ in range(2):
        seen, rewards, *_, info = left.step(NOTHING)
        changed, others, *_, told = right.step(other)
        seen, changed = info.get("final_obs", seen), told.get("final_obs", changed)
        assert np.array_equal(seen[[0, 2]], changed[[0, 2]])
        assert np.array_equal(rewards[[0, 2]], others[[0, 2]])
        assert not np.array_equal(seen[1], changed[1])


def test_new_episodes_begin_with_the_scenarios_programme(brisk: Scenario) -> None:
    """Knobs and last week's figures are told from 0 again."""
    env = programmes(brisk)
    observation, _ = env.reset(seed=3)
    assert not observation[:, -6:].any()
    observation, *_ = env.step(NOTHING + 0.5)
    assert (observation[:, -6:-2] == 0.5).all()
    observation, *_, info = env.step(NOTHING - 0.25)
    assert (info["final_obs"][:, -6:-2] == -0.25).all()
    assert not observation[:, -6:].any()


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("members", {"members": 0}),
        ("members", {"members": 2.5}),
        ("horizon_weeks", {"horizon_weeks": 0}),
        ("span", {"span": 1.0}),
        ("span", {"span": float("inf")}),
        ("span", {"span": "3"}),
    ],
)
def test_bad_arguments_are_named(brisk: Scenario, field: str, arguments: dict[str, Any]) -> None:
    """Programmes that cannot be are refused with the argument's name."""
    with pytest.raises(InvalidArgument, match=field):
        programmes(brisk, **arguments)


def test_a_span_beyond_what_a_programme_may_be_is_refused(brisk: Scenario) -> None:
    """At the reset already, not in the week that goes there."""
    with pytest.raises(InvalidArgument, match="challenge_difficulty"):
        programmes(brisk, span=20.0).reset(seed=0)


def test_bad_knobs_are_refused(brisk: Scenario) -> None:
    """Neither beyond the ends nor no number at all; and no books before a week is over."""
    env = programmes(brisk)
    env.reset(seed=0)
    with pytest.raises(FailedPrecondition, match="step"):
        env.booked_rewards()
    for bad in (1.01, np.nan):
        actions = NOTHING.copy()
        actions[1, 2] = bad
        with pytest.raises(InvalidArgument, match="action"):
            env.step(actions)
    assert env.world.day == 0
