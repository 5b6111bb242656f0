"""Exact expectations against many alternative days, mechanism by mechanism."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simulator.model.offers import GROUPS
from simulator.model.programme import Programme
from simulator.scenarios import Scenario
from simulator.state.columns import DUE_BASKET, NEVER
from simulator.world import World
from tests.support.worlds import (
    Actions,
    all_groups,
    altered,
    any_contact,
    clock,
    lively,
    refreshed,
)
from troth.objective import COMPONENTS, Objective

MARGIN, DISCOUNT, POINTS, CONTACT, OPT_OUTS = COMPONENTS
BOUND = 4.0
"""Standard errors that a correct expectation stays within; seeds are fixed."""


def alternatives(world: World, actions: Actions, days: int) -> dict[str, np.ndarray]:
    """Live one day ``days`` times over: what it brought, int32 (days, n) by component."""
    values = {name: np.empty((days, world.size), dtype=np.int32) for name in COMPONENTS}
    for replicate in range(days):
        components = world.fork(replicate + 1).step(actions).components
        for name in COMPONENTS:
            values[name][replicate] = components[name]
    return values


def compare(
    expected: dict[str, np.ndarray], lived: dict[str, np.ndarray], *known: str
) -> list[str]:
    """What is not as expected; the components ``known`` must be known to 5 %."""
    found = []
    for name, values in lived.items():
        mean, error = values.mean(axis=0), values.std(axis=0) / np.sqrt(len(values))
        total = np.sqrt((error**2).sum())
        off = mean - expected[name]
        if abs(off.sum()) > BOUND * total + 1e-6:
            found.append(f"{name}: {mean.sum():.6g} not {expected[name].sum():.6g}")
        # Customers of whom enough was seen to know their error.
        often = (values > values.min(axis=0)).sum(axis=0) >= 30
        if (np.abs(off[often]) > 5.5 * error[often] + 1e-6).any():
            found.append(f"{name} of one customer")
        if name in known:
            assert BOUND * total < 0.05 * expected[name].sum(), f"{name} is not known well enough"
            assert expected[name].sum() > 0.0
    return found


def disagreement(world: World, actions: Actions, days: int, *known: str) -> list[str]:
    """:func:`compare` what ``actions`` are expected to bring with what they bring."""
    expected, lived = world.expected_components(actions), alternatives(world, actions, days)
    return compare(expected, lived, *known)


def lived_in(scenario: Scenario, size: int = 600, days: int = 20, seed: int = 3) -> World:
    """A world in which tickets, challenges, fatigue, lapsed customers and thefts are about."""
    world = World(scenario, size, seed)
    rng = np.random.default_rng(seed)
    for _ in range(days):
        world.step(any_contact(world, rng))
    return world


@pytest.fixture(scope="module")
def lively_day() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Expected and lived components of a morning on which everything is about."""
    world = lived_in(lively())
    actions = any_contact(world, np.random.default_rng(0))
    people, now = world.people, clock(world)
    for state in (
        people.tickets > 0, people.leaves <= now, people.adversary > 0, people.due_day == now,
        (people.due_day > now) & (people.due_day < NEVER), people.redeem_day < NEVER,
        people.challenge_end > now, people.link_day > now, people.stranger > 0,
        people.group == 3,
    ):  # fmt: skip
        assert 5 < state.sum() < world.size
    return world.expected_components(actions), alternatives(world, actions, 1600)


def test_a_lively_day_is_expected_exactly(lively_day) -> None:  # type: ignore[no-untyped-def]
    """Everything at once: what is sampled averages its expectation, for all and for each."""
    expected, lived = lively_day
    assert compare(expected, lived, *COMPONENTS) == []


@pytest.mark.parametrize("name", COMPONENTS)
@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_an_error_would_be_found(lively_day, name: str, factor: float) -> None:  # type: ignore[no-untyped-def]
    """A component that is a twentieth off is reported, by its name."""
    expected, lived = lively_day
    wrong = {**expected, name: factor * expected[name]}
    assert any(line.startswith(f"{name}:") for line in compare(wrong, lived))


def _birthdays(scenario: Scenario) -> Scenario:
    return scenario.replace(loyalty={"surprise_per_day": 0.0})


def _gifts(world: World) -> None:
    world.people.birthday[: world.size // 2] = world._morning.today.record["day_of_year"]


def _surprised(scenario: Scenario) -> Scenario:
    return scenario.replace(loyalty={"surprise_per_day": 0.3, "birthday_points": 0})


def _one_purchase_short(world: World) -> None:
    people, now = world.people, clock(world)
    people.challenge_end[:] = now + 5
    people.challenge_target[:] = 3
    people.challenge_done[:] = 2


def _landing(world: World) -> None:
    """A purchase lands today, worth enough for the next tier; it is the last but one of two."""
    people, now = world.people, clock(world)
    _one_purchase_short(world)
    people.challenge_done[::2] = 1
    people.due_day[:] = now
    people.ints[DUE_BASKET] = 40_000
    people.spend[:] = 5_000
    people.tier[:] = 0


def _unlinked(world: World) -> None:
    world.people.link_day[:] = clock(world) + 10
    _one_purchase_short(world)


def _departed(world: World) -> None:
    world.people.leaves[:] = clock(world) - 3


def _under_way(world: World) -> None:
    world.people.due_day[:] = clock(world) + 3


def _used(world: World) -> None:
    world.people.redeem_day[:] = clock(world) + 3


def _tickets(world: World) -> None:
    world.people.tickets[:] = 1


def _nothing(world: World) -> None:
    """As it is."""


def _calm(scenario: Scenario) -> Scenario:
    return scenario.replace(loyalty={"surprise_per_day": 0.0, "birthday_points": 0})


def _no_own_points(scenario: Scenario) -> Scenario:
    return scenario.replace(wallet={"points_per_major": 0.0})


def _only(group: str) -> Callable[[Scenario], Scenario]:
    def change(scenario: Scenario) -> Scenario:
        rows = all_groups(scenario, share=0.0)
        rows[group]["share"] = 1.0
        return scenario.replace(persuadability=rows)

    return change


def _adversaries(scenario: Scenario) -> Scenario:
    return scenario.replace(fraud={"adversary_share": 1.0})


def _bg_nbd(scenario: Scenario) -> Scenario:
    figures = {"model": "bg_nbd", "r": 6.0, "alpha_weeks": 5.0, "a": 0.3, "b": 5.0}
    return altered(scenario, purchases=figures)


def _shocked(scenario: Scenario) -> Scenario:
    shock = {
        "name": "fair", "start_day": 0, "days": 60, "rate": 1.4, "basket": 1.5, "response": 0.6,
        "delivery": {"email": 0.5, "sms": 0.0},
    }  # fmt: skip
    return altered(scenario, shocks=(shock,))


def _not_forgotten(scenario: Scenario) -> Scenario:
    return scenario.replace(response={"lapsed": 1.0})


def _both(*changes: Callable[[Scenario], Scenario]) -> Callable[[Scenario], Scenario]:
    def change(scenario: Scenario) -> Scenario:
        for one in changes:
            scenario = one(scenario)
        return scenario

    return change


@pytest.mark.parametrize(
    ("scenario", "state", "known"),
    [
        (_both(_no_own_points, _birthdays), _gifts, (POINTS,)),
        (_both(_no_own_points, _surprised), _nothing, (POINTS,)),
        (_both(_no_own_points, _calm), _one_purchase_short, (POINTS,)),
        (_calm, _landing, (POINTS, MARGIN)),
        (_calm, _unlinked, (POINTS,)),
        (_both(_calm, _not_forgotten), _departed, (MARGIN, DISCOUNT, POINTS, OPT_OUTS)),
        (_calm, _under_way, (MARGIN, DISCOUNT, POINTS)),
        (_both(_calm, _only(GROUPS[1])), _used, (MARGIN, POINTS)),
        (_calm, _tickets, (MARGIN, DISCOUNT, POINTS, OPT_OUTS)),
        (_both(_calm, _adversaries), _nothing, (MARGIN, DISCOUNT, POINTS)),
        (_both(_calm, _only(GROUPS[0])), _nothing, (MARGIN, DISCOUNT, POINTS, OPT_OUTS)),
        (_both(_calm, _only(GROUPS[1])), _nothing, (MARGIN, DISCOUNT, POINTS, OPT_OUTS)),
        (_both(_calm, _only(GROUPS[3])), _nothing, (MARGIN, DISCOUNT, POINTS, OPT_OUTS)),
        (_both(_calm, _bg_nbd), _nothing, (MARGIN, DISCOUNT, POINTS, OPT_OUTS)),
        (_both(_calm, _shocked), _nothing, (MARGIN, DISCOUNT, POINTS, OPT_OUTS)),
    ],
    ids=[
        "birthdays", "surprises", "awards", "landing", "unlinked", "departed", "under_way",
        "offer_in_use",
        "tickets", "adversaries", "sure_things", "persuadables", "sleeping_dogs", "bg_nbd",
        "shock",
    ],
)  # fmt: skip
def test_each_mechanism_is_expected_exactly(
    scenario: Callable[[Scenario], Scenario],
    state: Callable[[World], None],
    known: tuple[str, ...],
) -> None:
    """A state that one mechanism dominates is expected to a few per cent, or better."""
    world = lived_in(scenario(lively()), size=500, days=8)
    state(world)
    world = refreshed(world)
    actions = any_contact(world, np.random.default_rng(1))
    assert (actions > 0).mean() > 0.8
    assert disagreement(world, actions, 1500, *known) == []


def test_terms_of_each_member_are_expected_exactly(lively: Scenario) -> None:
    """Earn rate, point value and thresholds that differ between members enter the expectation."""
    world = lived_in(_calm(lively), size=300, days=8)
    share = np.arange(world.size) / world.size
    world.set_programme(Programme(20.0 * share, 3.0 - 2.0 * share, 100 + 900 * share, 0.5 + share))
    actions = any_contact(world, np.random.default_rng(1))
    assert disagreement(world, actions, 1200, MARGIN, POINTS) == []


def test_expectations_agree_however_asked(world: World) -> None:
    """The table, the chosen actions and the fused rewards are one set of numbers."""
    actions = any_contact(world, np.random.default_rng(1))
    rows = np.arange(world.size)
    table = world.expected_components()
    chosen = world.expected_components(actions)
    goal = Objective(opt_outs=-150.0)
    for name in COMPONENTS:
        assert table[name].shape == (world.size, len(world.catalogue))
        assert np.array_equal(table[name][rows, actions], chosen[name])
    rewards = world.expected_rewards(goal)
    assert rewards == pytest.approx(goal.reward(table), abs=1e-9)
    assert world.expected_rewards(goal, actions) == pytest.approx(rewards[rows, actions], abs=1e-9)
    assert world.expected_rewards() == pytest.approx(
        world.scenario.objective.reward(table), abs=1e-9
    )


def test_no_contact_costs_nothing(world: World) -> None:
    """Column 0 is the customer's own buying, no cost and no risk to permissions."""
    table = world.expected_components()
    for name in (DISCOUNT, CONTACT, OPT_OUTS):
        assert not table[name][:, 0].any()


def test_contacts_can_hurt_and_help(world: World) -> None:
    """Sleeping dogs buy less when contacted, persuadables more; who has left loses nothing."""
    margin = world.expected_components()[MARGIN]
    added = margin[:, 1:] - margin[:, :1]
    people = world.people
    member = people.leaves > clock(world)
    dogs = people.group == GROUPS.index("sleeping_dog")
    persuadable = (people.group == GROUPS.index("persuadable")) & (people.tickets == 0)
    assert (added[dogs] <= 1e-9).all()
    assert (added[dogs & member] < -0.01).any()
    assert (added[persuadable] >= -1e-9).all()
    assert (added[persuadable] > 0.01).any()
    assert not margin[~member, 0].any()


def test_asking_changes_nothing(world: World) -> None:
    """Expectations, masks and features are looked at, not lived."""
    before = world.people.copy()
    world.expected_components()
    world.expected_rewards()
    world.observe()
    world.mask()
    for name, block in world.people.blocks().items():
        np.testing.assert_array_equal(block, before.blocks()[name])
