"""A day's step as the validity report reads it: orders, spend, answers to contacts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.scenarios import Scenario
from simulator.spend import MINOR_PER_MAJOR
from simulator.world import StepResult

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Booked:
    """What was bought on a day, per customer.

    Attributes:
        orders: int64 (n,) purchases booked.
        spend: float64 (n,) major units.
    """

    orders: NDArray[np.int64]
    spend: Float


def booked(scenario: Scenario, result: StepResult) -> Booked:
    """Purchases on the day they are booked.

    A world that tells no spend tells its margin: spend is that over the margin share.
    """
    orders = getattr(result, "orders", None)
    if orders is not None:
        spend = np.asarray(getattr(result, "spend_minor")) / MINOR_PER_MAJOR  # noqa: B009
        return Booked(np.asarray(orders, dtype=np.int64), spend)
    share = scenario.economics.margin_share * MINOR_PER_MAJOR
    return Booked(result.purchased.astype(np.int64), result.components["margin_minor"] / share)


def answers(result: StepResult, name: str) -> NDArray[np.bool_] | None:
    """Bool (n,): what comes of today's contact, sooner or later; ``None`` if it is not told.

    Args:
        result: of a step.
        name: ``visited``, ``redeemed`` and the like.
    """
    found = getattr(result, name, None)
    return None if found is None else np.asarray(found, dtype=np.bool_)


def waits(result: StepResult, name: str) -> NDArray[np.int64] | None:
    """int64 (n,): days until the answer lands, -1 where there is none; ``None`` if not told."""
    found = getattr(result, "delay", {}).get(name)
    return None if found is None else np.asarray(found, dtype=np.int64)
