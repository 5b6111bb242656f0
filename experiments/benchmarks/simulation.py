"""The simulator against plain references: random numbers, a day's step, the environment."""

from __future__ import annotations

from collections.abc import Callable

import gymnasium
import numpy as np
from numpy.typing import NDArray

from envs.next_best_action import NextBestActionVectorEnv
from experiments.benchmarks.harness import Row, Timing, Work, compare
from simulator.kernel import uniforms
from simulator.scenarios import load
from simulator.world import World

CUSTOMERS = 4096
NUMBERS = 1 << 18


def streams(timing: Timing) -> list[Row]:
    """Keyed Philox uniforms against NumPy's sequential PCG64."""
    customers = np.arange(NUMBERS // 4, dtype=np.int64)
    sequential = np.random.Generator(np.random.PCG64(7))

    def keyed() -> int:
        return int(uniforms(7, customers, purpose=1, step=1).size)

    return [
        compare(
            "keyed uniforms",
            "numbers/s",
            keyed,
            lambda: sequential.random(NUMBERS).size,
            against="NumPy PCG64, sequential",
            timing=timing,
        )
    ]


def world(timing: Timing) -> list[Row]:
    """A day of the world, and the environment over it, against Gymnasium's native CartPole."""
    scenario = load("reference")
    cart = _cart_pole()
    lives = World(scenario, CUSTOMERS, 7)
    nobody = np.zeros(CUSTOMERS, dtype=np.int64)

    def day() -> int:
        lives.step(nobody)
        return CUSTOMERS

    env = NextBestActionVectorEnv(CUSTOMERS, horizon_days=10_000)
    env.reset(seed=7)
    choose = _first_eligible(env)

    def env_day() -> int:
        env.step(choose())
        return CUSTOMERS

    against = f"Gymnasium's native CartPole, {CUSTOMERS:,} environments"
    rows = [
        compare("world step", "customer-days/s", day, cart, against=against, timing=timing),
        compare(
            "environment step with observation and mask",
            "customer-days/s",
            env_day,
            cart,
            against=against,
            timing=timing,
        ),
    ]
    env.close()
    return rows


def _first_eligible(env: NextBestActionVectorEnv) -> Callable[[], NDArray[np.int64]]:
    """Actions that are cheap to choose and eligible: the last one of each mask."""

    def choose() -> NDArray[np.int64]:
        mask = env.action_masks()
        last: NDArray[np.int64] = mask.shape[1] - 1 - np.argmax(mask[:, ::-1], axis=1)
        return last

    return choose


def _cart_pole() -> Work:
    env = gymnasium.make_vec(
        "CartPole-v1", num_envs=CUSTOMERS, vectorization_mode="vector_entry_point"
    )
    env.reset(seed=7)
    actions = np.arange(CUSTOMERS, dtype=np.int64) % 2

    def step() -> int:
        env.step(actions)
        return CUSTOMERS

    return step
