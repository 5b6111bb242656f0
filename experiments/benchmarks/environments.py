"""The environment over a population against Gymnasium's own native one."""

from __future__ import annotations

import time

import gymnasium
import numpy as np

from envs.problems.next_best_action import NextBestActionVectorEnv
from experiments.benchmarks.harness import (
    BenchmarkRow,
    Stretch,
    Timing,
    Work,
    compare_stretches,
    stretch,
)
from experiments.benchmarks.worlds import CONTACTED, SEED, BusyWorld, contacts, reference

CARTS = 4096
SIZES = (4096, 100_000)
HORIZON_DAYS = 90


def environment(timing: Timing) -> list[BenchmarkRow]:
    """Days with observation and mask against Gymnasium's native CartPole.

    Beside the whole, what it takes to write observation and mask alone: no world, however
    fast, could be further ahead of CartPole than that.
    """
    cart = stretch(_cart_pole())
    rows = [
        compare_stretches(
            f"observation and mask of {SIZES[-1]:,} customers, without the day",
            "customer-days/s",
            _mornings(BusyWorld(SIZES[-1], CONTACTED)),
            cart,
            against=f"Gymnasium's native CartPole, {CARTS:,} environments",
            timing=timing,
            note="written to memory that is given; the day before is outside the time taken",
        )
    ]
    for size in SIZES:
        env = NextBestActionVectorEnv(size, scenario=reference(), horizon_days=HORIZON_DAYS)
        rows.append(
            compare_stretches(
                f"environment of {size:,} customers, with observation and mask",
                "customer-days/s",
                _days(env),
                cart,
                against=f"Gymnasium's native CartPole, {CARTS:,} environments",
                timing=timing,
                goal=4.0,
                note=f"{CONTACTED:.0%} contacted each day with any eligible action, which is "
                "chosen, as the first day of a cohort is made, outside the time taken",
            )
        )
        env.close()
    return rows


def _days(env: NextBestActionVectorEnv) -> Stretch:
    """Episodes, one after another."""
    generator, n = np.random.Generator(np.random.Philox(SEED)), env.num_envs
    mask = env.reset(seed=SEED)[1]["action_mask"]
    lived = 0

    def run(seconds: float) -> float:
        nonlocal mask, lived
        days, spent = 0, 0.0
        while True:
            if lived == HORIZON_DAYS - 1:  # the last step would begin the next cohort
                mask, lived = env.reset()[1]["action_mask"], 0
            actions = contacts(mask, CONTACTED, generator)
            began = time.perf_counter()
            mask = env.step(actions)[4]["action_mask"]
            spent += time.perf_counter() - began
            lived, days = lived + 1, days + 1
            if spent >= seconds:
                return days * n / spent

    return run


def _mornings(lives: BusyWorld) -> Stretch:
    """Observations and masks of one day after another."""
    width, size = lives.world.schema.width, lives.world.size
    out, mask = np.empty((width, size), dtype=np.float32), lives.world.mask()

    def run(seconds: float) -> float:
        nonlocal mask
        days, spent = 0, 0.0
        while True:
            lives.step()
            began = time.perf_counter()
            lives.world.observe(out)
            mask = lives.world.mask(mask)
            spent += time.perf_counter() - began
            days += 1
            if spent >= seconds:
                return days * size / spent

    return run


def _cart_pole() -> Work:
    env = gymnasium.make_vec("CartPole-v1", num_envs=CARTS, vectorization_mode="vector_entry_point")
    env.reset(seed=SEED)
    actions = np.arange(CARTS, dtype=np.int64) % 2

    def step() -> int:
        env.step(actions)
        return CARTS

    return step
