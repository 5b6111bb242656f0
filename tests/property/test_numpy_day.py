"""The compiled day is the day that plain NumPy lives by the same equations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from experiments.benchmarks.numpy_day import live_day
from experiments.benchmarks.numpy_events import NumpyResult
from simulator.compiled import kernel
from simulator.model.programme import Programme
from simulator.model.rules import Rules
from simulator.scenarios import Scenario, load
from simulator.state import columns as col
from simulator.state.population import Population
from simulator.world import StepResult, World

CUSTOMERS, DAYS = 3000, 75


def lively() -> Scenario:
    """The reference with everything that seldom happens made frequent, BG/NBD purchases."""
    return load("reference").replace(
        warm_up={"days": 12},
        purchases={"model": "bg_nbd", "r": 2.0, "alpha_weeks": 3.0, "a": 0.8, "b": 2.4},
        population={"novelty": 0.8, "novelty_days": 100},
        offers={"ten_percent": {"redeems": 0.3}},
        mood={"ticket_per_day": 0.02, "leaves_per_open_day": 0.02, "nps_per_purchase": 0.5},
        fatigue={"irritation": 0.002, "app_removal_per_day": 0.004, "cap_contacts": 6},
        loyalty={"surprise_per_day": 0.01, "demotion_days": 20},
        identity={
            "late_share": 0.4,
            "link_days": 20.0,
            "wrong_share": 0.3,
            "stranger_per_day": 0.03,
        },
        fraud={"adversary_share": 0.1, "attempts_per_day": 0.01},
        firm={"outages_per_year": 20.0},
        challenges={"target_min": 1, "days": 25},
        response={"ceiling": 0.9, "take_up": 0.9, "take_up_power": 1.5},
        email={"conversion_given_visit_email": 0.6},
    )  # fmt: skip


def departing() -> Scenario:
    """Likewise with unobserved lifetimes, Pareto/NBD, which a purchase can begin anew."""
    purchases = {
        "model": "pareto_nbd", "r": 1.0, "alpha_weeks": 4.0, "s": 1.2, "beta_weeks": 12.0,
    }  # fmt: skip
    values = lively().model_dump(mode="python")
    return Scenario.model_validate({**values, "purchases": purchases})


def answers(result: StepResult, by_hand: NumpyResult) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(Name, compiled, NumPy) of every field of the day's result."""
    flat = ("orders", "spend_minor", "category", "store")
    return [
        *((f"credited {k}", result.components[k], v) for k, v in by_hand.components.items()),
        *((f"landed {k}", result.landed[k], v) for k, v in by_hand.landed.items()),
        *((f"delay {k}", result.delay[k], v) for k, v in by_hand.delay.items()),
        *((k, getattr(result, k), v) for k, v in by_hand.answers.items()),
        *((k, getattr(result, k), getattr(by_hand, k)) for k in flat),
    ]


def count(seen: Counter[str], before: Population, after: Population, by_hand: NumpyResult) -> None:
    """Count what happened, so that a comparison of nothing does not pass for one."""
    seen.update({f"{k} credited": int((v != 0).sum()) for k, v in by_hand.components.items()})
    seen.update({k: int(v.sum()) for k, v in by_hand.answers.items()})
    seen["tier up"] += int((after.tier > before.tier).sum())
    seen["tier down"] += int((after.tier < before.tier).sum())
    seen["won back"] += int((after.leaves - 1 > before.leaves).sum())
    seen["linked"] += int((after.shadow_orders < before.shadow_orders).sum())
    seen["unseen"] += int((after.shadow_orders > before.shadow_orders).sum())
    seen["challenge started"] += int((after.challenge_end > before.challenge_end).sum())
    seen["challenge over"] += int((after.challenge_end < before.challenge_end).sum())
    seen["redeemed points"] += int((after.redeemed > before.redeemed).sum())
    seen["expired points"] += int((after.expired > before.expired).sum())
    seen["reach lost"] += int((after.reach != before.reach).sum())
    seen["surveyed"] += int((after.nps != before.nps).sum())
    seen["ticket solved"] += int((after.tickets < before.tickets).sum())
    seen["two clicks under way"] += int((after.ints[col.CLICK + 1] != 0).sum())
    seen["several orders in a day"] += int((by_hand.orders > 1).sum())
    seen["a stranger's order"] += int(
        ((after.orders > before.orders) & (by_hand.orders == 0)).sum()
    )


@pytest.mark.parametrize(
    ("make", "seed", "first"), [(lively, 11, 0), (departing, 2**63 + 5, 2**31 + 17)]
)
def test_compiled_day_is_the_numpy_day(make: Callable[[], Scenario], seed: int, first: int) -> None:
    """Every column and every result of 75 days is the same, period ends and own terms included.

    Both start each day from the same morning, so that a difference shows where it arises.
    """
    scenario = make()
    rules, seen = Rules.of(scenario), Counter[str]()
    world = World(scenario, CUSTOMERS, seed, first_customer=first).fork(3)
    generator = np.random.Generator(np.random.Philox(seed))
    actions = np.empty(CUSTOMERS, dtype=np.int64)
    for day in range(DAYS):
        if day == 20:
            world.set_programme(
                Programme(
                    points_per_major=generator.uniform(5.0, 30.0, CUSTOMERS),
                    point_value_minor=generator.uniform(0.5, 2.0, CUSTOMERS),
                    redeem_from=generator.integers(100, 900, CUSTOMERS).astype(np.float64),
                    challenge_difficulty=generator.uniform(0.5, 1.5, CUSTOMERS),
                )
            )
        wanted = generator.random(CUSTOMERS) < 0.5
        kernel.pick(actions, world.mask(), wanted, generator.random(CUSTOMERS))
        before, people = world.people.copy(), world.people.copy()
        by_hand = live_day(
            people,
            rules,
            rules.today(seed, day),
            actions,
            seed=seed,
            replicate=world.replicate,
        )
        result = world.step(actions)
        for name, compiled, numpy in answers(result, by_hand):
            assert np.array_equal(compiled, numpy), (day, name)
        # No threshold of these lives lies within the last bit in which compiled and NumPy's
        # exponentials and logarithms may differ; if one did, an integer would.
        for name, block in world.people.blocks().items():
            equal = block == people.blocks()[name]
            if name == "floats":
                equal = np.isclose(block, people.floats, rtol=1e-5, atol=1e-6)
            assert equal.all(), (day, name, np.argwhere(~equal)[:5])
        count(seen, before, people, by_hand)
    assert {name for name, times in seen.items() if times == 0} == set(), seen


def test_another_seed_is_another_day() -> None:
    """The comparison can fail: with other draws the day is another one."""
    world = World(lively(), 500, 7)
    rules = Rules.of(world.scenario)
    nobody = np.zeros(500, dtype=np.int64)
    people = world.people.copy()
    by_hand = live_day(people, rules, rules.today(7, 0), nobody, seed=8)
    result = world.step(nobody)
    assert not np.array_equal(result.spend_minor, by_hand.spend_minor)
