"""The smaller decision problems against their rules written out, customer by customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from envs.problems.channel_selection import ChannelSelectionVectorEnv
from envs.problems.journey_arbitration import JourneyArbitrationVectorEnv
from envs.problems.messages import Messages
from envs.problems.offer_choice import OfferChoiceVectorEnv
from simulator.scenarios import Scenario
from troth.catalogue import CHANNELS, Action

CUSTOMERS = 150
PRIORITY = (
    "service_recovery", "welcome", "post_purchase", "churn_recovery", "tier_upgrade",
    "points_reminder", "challenge", "engagement",
)  # fmt: skip
"""Of the reference: recovery first, always-on last, the others as the scenario lists them."""


def mornings(env: Any) -> Any:
    """Some days of random play: the day's number, observation and table of columns."""
    env.action_space.seed(4)
    observation, _ = env.reset(seed=4)
    for day in range(5):
        yield day, observation, env.cohort.columns()
        observation = env.step(env.action_space.sample())[0]


def eligible_actions(env: Any, i: int) -> list[tuple[int, Action]]:
    """What customer ``i`` could be sent, as rows of the catalogue."""
    actions = env.scenario.catalogue.actions
    return [(int(k), actions[k]) for k in env.world.mask()[i].nonzero()[0] if k]


def liking(env: Any, i: int) -> dict[str, float]:
    """How much more than usual customer ``i`` clicks, by channel."""
    encoded, columns = env.world.observe(), env.scenario.schema.columns
    return {str(c): encoded[i, columns.index(f"response_{c}")] for c in CHANNELS[1:]}


def test_journeys_are_ranked_by_pressure(brisk: Scenario) -> None:
    """Service recovery goes before all; what is always on waits for all."""
    priority = Messages.of(brisk).priority
    assert tuple(brisk.catalogue.journeys[j] for j in priority) == PRIORITY


def test_messages_hold_every_contact_once(brisk: Scenario) -> None:
    """Each message offers exactly the contacts of its journey's step."""
    messages = Messages.of(brisk)
    offered = messages.columns[messages.columns > 0]
    assert sorted(offered) == list(range(1, len(brisk.catalogue)))
    for name, columns in zip(messages.names, messages.columns, strict=True):
        for k in columns[columns > 0]:
            action = brisk.catalogue.actions[k]
            assert f"{action.journey}/{action.step}" == name


@pytest.mark.parametrize("day", [0, 1, 5])
def test_steps_take_turns(brisk: Scenario, day: int) -> None:
    """A journey of three steps is at step 1, 2, 3, 1, ... day by day."""
    messages = Messages.of(brisk)
    for journey, m in zip(PRIORITY, messages.in_turn(day), strict=True):
        assert messages.names[m] == f"{journey}/{1 + day % len(brisk.journeys[journey].steps)}"


def test_a_message_goes_on_the_channels_it_can(brisk: Scenario) -> None:
    """The most pressing message of the day that can reach the customer, on all its channels."""
    env = ChannelSelectionVectorEnv(CUSTOMERS, scenario=brisk)
    journeys, width = brisk.catalogue.journeys, brisk.schema.width
    given = set()
    for day, observation, columns in mornings(env):
        for i in range(CUSTOMERS):
            wanted = np.full(len(CHANNELS), -1)
            wanted[0] = 0
            message, told = None, np.zeros(len(journeys))
            for journey in PRIORITY:
                steps = len(brisk.journeys[journey].steps)
                step = 1 + day % steps
                for k, action in eligible_actions(env, i):
                    if (action.journey, action.step) == (journey, step):
                        wanted[CHANNELS.index(action.channel)] = k
                        message = f"{journey}/{step}"
                        told[journeys.index(journey)] = step / steps
                if message:
                    break
            assert columns[i].tolist() == wanted.tolist()
            assert observation[i, width:] == pytest.approx(told)
            given.add(message)
    assert len(given) > 8


def test_offers_go_on_the_preferred_channel(brisk: Scenario) -> None:
    """The channel clicked most relative to what is usual, with one contact per offer."""
    env = OfferChoiceVectorEnv(CUSTOMERS, scenario=brisk)
    offers, width = env.cohort.problem.actions, brisk.schema.width
    for _, observation, columns in mornings(env):
        for i in range(CUSTOMERS):
            likes, possible = liking(env, i), eligible_actions(env, i)
            open_channels = {str(action.channel) for _, action in possible}
            channels = [c for c in map(str, CHANNELS[1:]) if c in open_channels]
            channel = max(channels, key=lambda c: likes[c]) if channels else None
            wanted = np.full(len(offers), -1)
            wanted[0] = 0
            ranked = sorted(possible, key=lambda p: (PRIORITY.index(p[1].journey), p[1].step))
            for k, action in reversed(ranked):
                if action.channel == channel:
                    wanted[offers.index(action.offer)] = k
            assert columns[i].tolist() == wanted.tolist()
            told = [str(CHANNELS[1 + c]) for c in observation[i, width:].nonzero()[0]]
            assert told == ([channel] if channel else [])


def test_journeys_send_their_step_in_turn(brisk: Scenario) -> None:
    """The step of the day or the next that can reach them, on the channel they prefer of it."""
    env = JourneyArbitrationVectorEnv(CUSTOMERS, scenario=brisk)
    journeys, width = brisk.catalogue.journeys, brisk.schema.width
    for day, observation, columns in mornings(env):
        for i in range(CUSTOMERS):
            likes, possible = liking(env, i), eligible_actions(env, i)
            for j, journey in enumerate(journeys):
                steps = len(brisk.journeys[journey].steps)
                wanted, share = -1, 0.0
                for later in range(steps):
                    step = 1 + (day + later) % steps
                    found = [
                        (likes[str(a.channel)], -CHANNELS.index(a.channel), k)
                        for k, a in possible
                        if (a.journey, a.step) == (journey, step)
                    ]
                    if found:
                        wanted, share = max(found)[2], step / steps
                        break
                assert columns[i, 1 + j] == wanted
                assert observation[i, width + j] == pytest.approx(share)


@pytest.mark.parametrize(
    "cls", [ChannelSelectionVectorEnv, OfferChoiceVectorEnv, JourneyArbitrationVectorEnv]
)
def test_truth_is_that_of_the_contact_behind(brisk: Scenario, cls: Any) -> None:
    """An action is worth, and costs, what the column of the catalogue is that it stands for."""
    env = cls(60, scenario=brisk)
    _, info = env.reset(seed=9)
    truth, costs = env.expected_rewards(), env.contact_costs()
    world, columns = env.world.expected_rewards() / 100.0, env.cohort.columns()
    assert np.array_equal(np.isfinite(truth), info["action_mask"])
    for i, a in zip(*info["action_mask"].nonzero(), strict=True):
        assert truth[i, a] == world[i, columns[i, a]]
        assert costs[i, a] == brisk.catalogue.cost_minor[columns[i, a]]
    actions = env.action_space.sample()
    *_, info = env.step(actions)
    wanted = np.where(info["refused"], 0, columns[np.arange(60), actions])
    assert np.array_equal(info["served"], wanted)
