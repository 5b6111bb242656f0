"""Worlds to be timed, with the contacts of each day chosen beforehand."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.harness import Stretch
from simulator.compiled import kernel
from simulator.scenarios import Scenario, load
from simulator.world import StepResult, World

CUSTOMERS = 100_000
CONTACTED = 0.2
SEED = 7
WARM_UP_DAYS = 7
"""Shorter than the reference scenario's: what a day costs depends little on it."""
EPISODE_DAYS = 60
"""Then life begins anew: members leave, and those who have left cost less."""


def reference() -> Scenario:
    """The reference scenario after a short warm-up."""
    return load("reference").replace(warm_up={"days": WARM_UP_DAYS})


class BusyWorld:
    """A world of which a share is contacted every day.

    Args:
        customers: n.
        share: of the customers; see :func:`contacts`.
        threads: of the world.
    """

    def __init__(self, customers: int, share: float, *, threads: int = 1) -> None:
        self._threads, self._share = threads, share
        self.world = self._begin(customers)
        self._generator = np.random.Generator(np.random.Philox(SEED))
        self._mask: NDArray[np.bool_] | None = None
        self._day: StepResult | None = None

    def actions(self) -> NDArray[np.int64]:
        """Today's; the morning's mask, which a step checks them by, is worked out here."""
        if self.world.day >= EPISODE_DAYS:
            self.world = self._begin(self.world.size)
        self._mask = self.world.mask(self._mask)
        return contacts(self._mask, self._share, self._generator)

    def step(self) -> tuple[float, StepResult]:
        """Seconds of one day without the choice of its actions, and what it brought.

        What it brought is written over by the next one.
        """
        actions = self.actions()
        began = time.perf_counter()
        self._day = self.world.step(actions, self._day)
        return time.perf_counter() - began, self._day

    def stretch(self) -> Stretch:
        """Days for so many seconds; customer-days per second."""

        def run(seconds: float) -> float:
            days, spent = 0, 0.0
            while True:
                spent += self.step()[0]
                days += 1
                if spent >= seconds:
                    return days * self.world.size / spent

        return run

    def _begin(self, customers: int) -> World:
        return World(reference(), customers, SEED, threads=self._threads)


def contacts(
    mask: NDArray[np.bool_], share: float, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Any eligible contact, all alike, for about ``share`` of all customers.

    They are drawn among those who have one; if they are fewer, everyone of them has it.

    Args:
        mask: bool (n, K).
        share: in [0, 1].
        generator: draws whom and what.

    Returns:
        int64 (n,), 0 for the others.
    """
    n = len(mask)
    actions = np.zeros(n, dtype=np.int64)
    able = mask[:, 1:].any(axis=1)
    if share > 0.0 and able.any():
        wanted = able & (generator.random(n) < share / able.mean())
        kernel.pick(actions, mask, wanted, generator.random(n))
    return actions


def conditions(share: float = CONTACTED) -> str:
    """What a row of these worlds says about its conditions."""
    who = f"{share:.0%} contacted each day with any eligible action" if share else "no contacts"
    return f"{who}; the mask was worked out beforehand; one core"
