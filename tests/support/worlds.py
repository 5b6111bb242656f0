"""Scenarios to test mechanisms with, and what to do to the people who live in them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.scenarios import Scenario, load
from simulator.world import World
from troth.policy import normalise

Actions = NDArray[np.int64]

SHORT = {
    "open": {"median_days": 0.3, "sigma": 0.8},
    "click": {"median_days": 0.3, "sigma": 0.8},
    "visit": {"median_days": 0.3, "sigma": 0.8},
    "redeem": {"median_days": 2.0, "sigma": 0.5},
    "buy": {"median_days": 2.0, "sigma": 0.5},
}
"""Delays that are over within a month."""

PARETO = {"model": "pareto_nbd", "r": 6.0, "alpha_weeks": 5.0, "s": 1.0, "beta_weeks": 40.0}
"""Members who buy every week and stay for most of a year."""

PLAIN = Path(__file__).with_name("plain.toml")
"""A scenario for tests, so that they do not move with what ships."""


def altered(scenario: Scenario, **whole: Any) -> Scenario:
    """``scenario`` with whole sections put in place of its own, tuples and lists too."""
    return Scenario.model_validate({**scenario.model_dump(mode="python"), **whole})


def all_channels(scenario: Scenario, **changes: float) -> dict[Any, Any]:
    """The section ``channels`` with ``changes`` made to every channel."""
    return {name: {**row.model_dump(), **changes} for name, row in scenario.channels.items()}


def all_groups(scenario: Scenario, **changes: float) -> dict[str, Any]:
    """The section ``persuadability`` with ``changes`` made to every group."""
    groups = scenario.persuadability.model_dump()
    return {name: {**row, **changes} for name, row in groups.items()}


@cache
def still() -> Scenario:
    """Own purchases and nothing else: what a test is about is switched on by ``replace``."""
    plain = load(PLAIN)
    return plain.replace(
        warm_up={"days": 0},
        calendar={"month_factors": [1.0] * 12, "weekday_factors": [1.0] * 7, "weather_effect": 0.0},
        population={"engagement_sigma": 0.0, "hour_sensitivity": 0.0, "novelty": 0.0},
        channels=all_channels(plain, affinity_sigma=0.0, reach=1.0, delivery=1.0, opt_out=0.0),
        kinds={name: {**k.model_dump(), "fit_sigma": 0.0} for name, k in plain.kinds.items()},
        response={"take_up_power": 1.0},
        visits={"fade_shock": 0.0},
        fatigue={
            "irritation": 0.0,
            "app_removal_per_day": 0.0,
            "app_removal_on_opt_out": 0.0,
            "address_lost_per_day": 0.0,
            "cap_contacts": 28,
            "cap_days": 28,
        },
        mood={
            "ticket_per_purchase": 0.0,
            "ticket_per_day": 0.0,
            "leaves_per_open_day": 0.0,
            "leaves_per_complaint": 0.0,
            "signal_per_day": 0.0,
            "nps_per_purchase": 0.0,
        },
        loyalty={
            "tier_gradient": 0.0,
            "points_gradient": 0.0,
            "birthday_points": 0,
            "surprise_per_day": 0.0,
            "gift_lift": 0.0,
            "demotion_shock": 0.0,
            "demotion_drop": 0.0,
        },
        challenges={"goal_gradient": 0.0},
        firm={"outages_per_year": 0.0, "rival_contacts_per_day": 0.0},
        identity={"late_share": 0.0, "wrong_share": 0.0, "stranger_per_day": 0.0},
        fraud={"adversary_share": 0.0, "attempts_per_day": 0.0},
    )


@cache
def lively() -> Scenario:
    """Everything there is happens often, so that small samples show it."""
    plain = load(PLAIN)
    return altered(plain, purchases=PARETO).replace(
        warm_up={"days": 5},
        population={"tenure_days_max": 300, "price_sensitivity_sigma": 0.2},
        spend={"sigma_between": 0.2, "sigma_within": 0.3},
        delays=SHORT,
        offers={name: {"redeems": 0.6} for name in plain.offers},
        channels={
            name: {
                **row.model_dump(),
                "reach": 0.95,
                "delivery": 0.6,
                "opt_out": 0.05,
                "clicked": 0.3,
                "opened": 0.6,
                "response": 10.0 + 10.0 * row.response,
                "affinity_sigma": 0.3,
            }
            for name, row in plain.channels.items()
        },
        response={"ceiling": 0.4, "take_up_power": 1.4},
        fatigue={
            "app_removal_per_day": 0.005,
            "address_lost_per_day": 0.003,
            "irritation": 0.002,
            "cap_contacts": 28,
            "cap_days": 28,
        },
        mood={"ticket_per_day": 0.03, "nps_per_purchase": 0.5, "leaves_per_complaint": 0.1},
        loyalty={"surprise_per_day": 0.02},
        challenges={"target_min": 2, "days": 30},
        firm={"outages_per_year": 20.0, "rival_contacts_per_day": 0.05},
        identity={
            "late_share": 0.4, "link_days": 20.0, "wrong_share": 0.2, "stranger_per_day": 0.03,
        },
        fraud={"adversary_share": 0.1, "attempts_per_day": 0.01, "ask_points": 800},
    )  # fmt: skip


class Anything:
    """The policy that takes any eligible action, all alike."""

    def distribution(self, contexts: Any, actions: Any, mask: Any) -> Any:
        """Uniform over ``mask``."""
        return normalise(np.ones(mask.shape), mask)


def any_contact(world: World, rng: np.random.Generator) -> Actions:
    """One random eligible contact each, or none where none is eligible."""
    mask = world.mask()
    noise = np.where(mask, rng.random(mask.shape), -1.0)
    noise[:, 0] = 0.0
    return noise.argmax(axis=1)


def nobody(world: World) -> Actions:
    """No contact for anyone."""
    return np.zeros(world.size, dtype=np.int64)


def everybody(world: World, action_id: str) -> Actions:
    """One action for all who may have it."""
    k = world.catalogue.index(action_id)
    return np.where(world.mask()[:, k], k, 0)


def clock(world: World) -> int:
    """Today, on the clock that the columns of a population are counted by."""
    return world.day + world.scenario.warm_up.days


def refreshed(world: World) -> World:
    """A fork that has noticed what a test wrote into the columns of ``world``."""
    twin = world.fork()
    twin.set_programme(twin.programme)
    return twin


@cache
def eager() -> Scenario:
    """Nobody buys unasked; whoever is contacted opens, clicks, visits and buys, all for sure."""
    calm = still()
    return calm.replace(
        purchases={"r": 1e-4, "alpha_weeks": 1000.0},
        channels=all_channels(calm, opened=1.0, clicked=1.0, response=100.0),
        kinds={name: {"response": 100.0, "fit_sigma": 0.0} for name in calm.kinds},
        persuadability=all_groups(calm, gain=1.0, click=1.0, hurt=0.0, opt_out=1.0),
        population={"price_sensitivity_sigma": 0.0},
        response={"ceiling": 1.0, "visit_given_click": 1.0},
        visits={"per_purchase": 0.0},
        delays=SHORT,
    )
