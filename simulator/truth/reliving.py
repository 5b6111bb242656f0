"""Living a log again: the truth beside a log that was recorded without it.

A simulated log is a function of scenario, seed and the actions served. Stepping a fresh world
through the same actions passes through the same states, where every expected reward can be
asked for; mask and reward are compared on the way, so a log of another world is found out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.scenarios import Scenario
from simulator.world import World
from troth.errors import FailedPrecondition, InvalidArgument
from troth.logs.batches import LoggedBatch
from troth.objective import Objective

Float = NDArray[np.float64]

_ROUNDING = 1e-9


def relive(
    log: LoggedBatch,
    scenario: Scenario,
    seed: int,
    *,
    replicate: int = 0,
    objective: Objective | None = None,
) -> Float:
    """The expected reward of every action in every state of a simulated ``log``.

    Args:
        log: n decisions: of customers with consecutive numbers (``episode``), every one of them
            once on each day (``step``) from day 0 on; in any order.
        scenario: of the world it was recorded in.
        seed: of that world.
        replicate: of that world.
        objective: of its rewards; the scenario's by default.

    Returns:
        float64 (n, K), minor units, in the order of the log.

    Raises:
        InvalidArgument: if customers or days are missing, or the catalogue is another.
        FailedPrecondition: if the log was not recorded in this world.
    """
    if log.catalogue.digest != scenario.catalogue.digest:
        raise InvalidArgument("is not the scenario's", field="log.catalogue")
    goal = objective or scenario.objective
    rows = _days_by_customers(log)
    world = World(
        scenario,
        rows.shape[1],
        seed,
        first_customer=int(log.episode[rows[0, 0]]),
        replicate=replicate,
    )
    expected = np.empty((len(log), len(log.catalogue)))
    for today in rows:
        day = world.day
        _require_same((log.mask[today] == world.mask()).all(axis=1), "mask", world, day)
        expected[today] = world.expected_rewards(objective)
        reward = goal.reward(world.step(log.action[today]).components)
        # A log that has been in major units is off in the last bit.
        same = np.isclose(log.reward_minor[today], reward, rtol=_ROUNDING, atol=_ROUNDING)
        _require_same(same, "reward_minor", world, day)
    return expected


def _days_by_customers(log: LoggedBatch) -> NDArray[np.int64]:
    """int64 (days, customers): the row of each decision."""
    order = np.lexsort((log.episode, log.step))
    customers = np.unique(log.episode)
    days = np.unique(log.step)
    complete = (
        len(log) == customers.size * days.size > 0
        and customers[-1] - customers[0] + 1 == customers.size
        and days[0] == 0
        and days[-1] + 1 == days.size
        and np.array_equal(log.episode[order], np.tile(customers, days.size))
        and np.array_equal(log.step[order], np.repeat(days, customers.size))
    )
    if not complete:
        raise InvalidArgument(
            "does not hold consecutive customers, each once on every day from day 0",
            field="log",
        )
    return order.reshape(days.size, customers.size)


def _require_same(same: NDArray[np.bool_], what: str, world: World, day: int) -> None:
    """Refuse at the first customer of whom ``same`` (n,) does not hold."""
    if not same.all():
        who = world.customer_ids[int(same.argmin())]
        raise FailedPrecondition(
            f"customer {who} on day {day} is not as this scenario and seed have it",
            field=f"log.{what}",
        )
