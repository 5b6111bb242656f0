"""Fatigue and permissions: what contacts wear down, and how a channel is lost."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.model import fatigue
from simulator.scenarios import Scenario
from simulator.world import World
from tests.support.worlds import (
    Actions,
    all_channels,
    all_groups,
    any_contact,
    clock,
    eager,
    everybody,
    nobody,
    refreshed,
    still,
)
from troth.catalogue import CHANNELS, Channel

NEWS = "engagement/1/news/"
EMAIL, PUSH, IN_APP = (CHANNELS.index(c) for c in (Channel.EMAIL, Channel.PUSH, Channel.IN_APP))


def news(world: World, channel: str) -> Actions:
    """The news to all who may have it on ``channel``."""
    return everybody(world, NEWS + channel)


def test_equations_by_hand() -> None:
    """exp(-(wear * own + general * all)), opt_out * group * (1 + gain * load) * ticket."""
    assert fatigue.tired(0.15, 2.0, 0.06, 3.0) == pytest.approx(np.exp(-0.48))
    assert fatigue.opts_out(0.01, 3.0, 0.3, 2.0, 3.0) == pytest.approx(0.144)
    assert fatigue.opts_out(0.5, 3.0, 0.3, 2.0, 3.0) == 1.0
    assert fatigue.irritates(0.01, 5.0) == pytest.approx(0.05)


def test_load_adds_up_and_fades() -> None:
    """Each arrival adds one; days in between heal with the channel's time constant."""
    world = World(eager(), 50, 3, newcomers=True)
    days = world.scenario.channels[Channel.EMAIL].recovery_days
    for _ in range(2):
        world.step(news(world, "email"))
    assert world.people.wear[EMAIL] == pytest.approx(1 + np.exp(-1 / days))
    for _ in range(6):
        world.step(nobody(world))
    world.step(news(world, "push"))
    after = (1 + np.exp(-1 / days)) * np.exp(-7 / days)
    assert world.people.wear[EMAIL] == pytest.approx(after, rel=1e-5)
    assert (world.people.wear[PUSH] == 1.0).all()
    assert (world.people.delivered[EMAIL] == 2).all()


def test_what_does_not_arrive_does_not_wear() -> None:
    """Half of the contacts arrive, those and only those count."""
    scenario = eager().replace(channels=all_channels(eager(), delivery=0.5))
    world = World(scenario, 2000, 3, newcomers=True)
    result = world.step(news(world, "email"))
    assert np.array_equal(world.people.wear[EMAIL], result.delivered)
    assert np.array_equal(world.people.delivered[EMAIL], result.delivered)
    assert result.delivered.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2000))


def test_a_tired_customer_responds_less() -> None:
    """The expected response to the next e-mail falls as the equation says."""
    scenario = eager().replace(persuadability=all_groups(eager(), gain=1e-4))
    world = World(scenario, 50, 3, newcomers=True)
    world.people.rate[:] = 0.0
    fresh = refreshed(world).expected_components(news(world, "email"))["margin_minor"]
    world.people.wear[EMAIL], world.people.wear[PUSH] = 3.0, 2.0
    world.people.wear_day[:] = clock(world)
    worn = refreshed(world).expected_components(news(world, "email"))["margin_minor"]
    wear = scenario.channels[Channel.EMAIL].wear
    assert worn == pytest.approx(fresh * np.exp(-(wear * 3.0 + scenario.fatigue.wear * 5.0)))


def test_other_departments_tire_him_too() -> None:
    """Their e-mails add to the load and to nothing that the programme counts."""
    scenario = still().replace(firm={"rival_contacts_per_day": 0.5})
    world = World(scenario, 2000, 3, newcomers=True)
    world.step(nobody(world))
    people = world.people
    assert set(people.wear[EMAIL]) == {0.0, 1.0}
    assert people.wear[EMAIL].mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2000))
    assert not people.wear[EMAIL + 1 :].any()
    assert not people.delivered.any()
    assert not world.contexts().column("contacts_7d").any()


def test_the_cap_is_that_of_the_past_days(still: Scenario) -> None:
    """Three contacts close the mask until the first of them is a week old."""
    world = World(still.replace(fatigue={"cap_contacts": 3, "cap_days": 7}), 20, 3, newcomers=True)
    open_ = []
    for _ in range(16):
        mask = world.mask()[:, 1:].any(axis=1)
        assert mask.all() == mask.any()
        open_.append(bool(mask.any()))
        world.step(any_contact(world, np.random.default_rng(0)))
    # Days 0-2, then not before day 8, when day 0 is no longer one of the past seven.
    assert open_ == [True] * 3 + [False] * 5 + [True] * 3 + [False] * 5


def test_contact_features_remember_28_days(still: Scenario) -> None:
    """A contact counts for 7 and for 28 mornings, then is forgotten."""
    world = World(still, 20, 3, newcomers=True)
    week, month, since = [], [], []
    for day in range(34):
        contexts = world.contexts()
        for seen, name in ((week, "contacts_7d"), (month, "contacts_28d")):
            seen.append(int(contexts.column(name)[0]))
        since.append(int(contexts.column("days_since_contact")[0]))
        world.step(news(world, "email") if day in (0, 3) else nobody(world))
    assert month == [0, 1, 1, 1, *[2] * 25, 1, 1, 1, 0, 0]
    assert week == [0, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, *[0] * 23]
    assert since[1:6] == [1, 2, 3, 1, 2]


def test_refusals_close_one_channel_for_good() -> None:
    """The permission goes, the others stay, and the mask follows."""
    scenario = still().replace(channels=all_channels(still(), opt_out=0.3))
    world = World(scenario, 2000, 3, newcomers=True)
    result = world.step(news(world, "email"))
    share = result.opted_out.mean()
    assert share == pytest.approx(0.3 * _mean_opt_out(world), abs=4 * np.sqrt(0.21 / world.size))
    assert np.array_equal(world.permissions[:, EMAIL], ~result.opted_out)
    assert world.permissions[:, EMAIL + 1 :].all()
    assert np.array_equal(result.components["opt_outs"], result.opted_out)
    by_email = world.catalogue.channel == EMAIL
    assert not world.mask()[result.opted_out][:, by_email].any()


def _mean_opt_out(world: World) -> float:
    groups = world.scenario.persuadability
    factors = [groups.sure_thing, groups.persuadable, groups.lost_cause, groups.sleeping_dog]
    return float(np.mean([factors[g].opt_out for g in world.people.group]))


def test_refusing_push_may_take_the_whole_app_along() -> None:
    """The share given removes the app: push and in-app are gone, at once and for good."""
    scenario = still().replace(
        channels=all_channels(still(), opt_out=1.0),
        fatigue={"app_removal_on_opt_out": 0.4},
        persuadability=all_groups(still(), opt_out=1.0),
    )
    world = World(scenario, 4000, 3, newcomers=True)
    assert world.step(news(world, "push")).opted_out.all()
    assert not world.permissions[:, PUSH].any()
    kept = world.permissions[:, IN_APP]
    assert 1 - kept.mean() == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / 4000))
    reached = (world.people.reach >> IN_APP) & 1
    assert np.array_equal(reached, kept)


@pytest.mark.parametrize(
    ("fatigue", "lost"),
    [
        ({"address_lost_per_day": 1.0}, {"email"}),
        ({"app_removal_per_day": 1.0}, {"push", "in_app"}),
    ],
)
def test_a_lost_address_bounces_once(fatigue: dict[str, float], lost: set[str]) -> None:
    """The firm learns of it by the first contact that fails; then the mask closes."""
    world = World(still().replace(fatigue=fatigue), 100, 3, newcomers=True)
    world.step(nobody(world))
    assert world.permissions.all()  # nobody has told the firm yet
    offers = {"email": NEWS + "email", "push": NEWS + "push",
              "in_app": "engagement/3/points_500/in_app", "web": NEWS + "web"}  # fmt: skip
    for channel, action in offers.items():
        twin = world.fork()
        actions = everybody(twin, action)
        assert (actions > 0).all()
        expected = twin.expected_components(actions)
        result = twin.step(actions)
        at = CHANNELS.index(Channel(channel))
        assert result.delivered.all() != (channel in lost)
        assert result.delivered.any() != (channel in lost)
        assert twin.permissions[:, at].all() != (channel in lost)
        others = np.arange(len(CHANNELS)) != at
        assert twin.permissions[:, others].all()
        cost = world.catalogue.cost_minor[actions]
        assert np.array_equal(result.components["contact_minor"], cost)
        if channel in lost:
            assert not result.components["opt_outs"].any()
            assert not expected["opt_outs"].any()
            assert not (everybody(twin, action) > 0).any()
            assert not twin.people.wear[at].any()


def test_too_many_contacts_drive_members_away() -> None:
    """Per arrival, with the chance given per recent contact; never without one."""
    scenario = still().replace(fatigue={"irritation": 0.1})
    world = World(scenario, 4000, 3, newcomers=True)
    world.people.rate[:] = 0.0
    world.people.wear[EMAIL] = 2.0
    world.people.wear_day[:] = clock(world)
    world = refreshed(world)
    quiet = world.fork()
    quiet.step(nobody(quiet))
    assert not (quiet.people.leaves == 1).any()
    world.step(news(world, "web"))
    gone = (world.people.leaves == 1).mean()
    assert gone == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 4000))


def test_reach_is_the_share_who_agreed(reference: Scenario) -> None:
    """Permissions on joining have the scenario's shares, channel by channel."""
    world = World(reference.replace(warm_up={"days": 0}), 8000, 3)
    assert world.permissions[:, 0].all()
    for c, name in enumerate(CHANNELS[1:], start=1):
        share = reference.channels[name].reach
        error = np.sqrt(share * (1 - share) / 8000)
        assert world.permissions[:, c].mean() == pytest.approx(share, abs=4 * error), name
