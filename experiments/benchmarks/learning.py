"""Learners and estimators against plain references."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from agents.learners.bandits.linear_thompson import LinearThompson
from agents.learners.rl.masked_ppo import MaskedPpo
from agents.ope.data import OpeData
from agents.ope.evaluate import evaluate_policy
from agents.ope.reward_model import cross_fit
from agents.policies.linear import LinearThompsonPolicy
from agents.policies.uniform import NeverContact, UniformPolicy
from envs.bridges.sb3 import PopulationVecEnv
from envs.problems.next_best_action import NextBestActionEnv, NextBestActionVectorEnv
from experiments.benchmarks.harness import BenchmarkRow, Timing, Work, compare, paired_row
from experiments.runs.rollout import record
from simulator.known_facts import day_start
from simulator.scenarios import load
from simulator.world import World
from troth.logs.batches import LoggedBatch
from troth.streams import generator

POPULATION = 2048
SINGLE = 8
BATCH = 1024
HORIZON_DAYS = 90
LOGGED = 4000
TRAININGS = 1
LEARNINGS = 3

_Result = TypeVar("_Result")


def ppo(timing: Timing) -> list[BenchmarkRow]:
    """Masked PPO, collecting and learning, on the population against single environments.

    Both learn with the same batch size and epochs; a rollout of the population holds more
    customers and fewer days.
    """
    scenario = load("reference")

    def train(env: VecEnv, days: int) -> Work:
        learner = MaskedPpo(
            total_steps=1, rollout_days=days, batch_size=512, epochs=2, hidden=(64, 64)
        )

        def learn() -> int:
            found = learner.train(env, schema=scenario.schema, catalogue=scenario.catalogue, seed=7)
            return found.curve[-1].steps

        return learn

    batched = PopulationVecEnv(NextBestActionVectorEnv(POPULATION, horizon_days=28))
    single = DummyVecEnv([lambda: NextBestActionEnv(horizon_days=28) for _ in range(SINGLE)])
    rows = [
        compare(
            f"masked PPO, population of {POPULATION:,}",
            "customer-days/s",
            train(batched, 4),
            train(single, 64),
            against=f"the same learner on {SINGLE} single environments",
            timing=replace(timing, rounds=min(timing.rounds, LEARNINGS)),
            goal=4.0,
        )
    ]
    batched.close()
    single.close()
    return rows


def ppo_share(timing: Timing) -> list[BenchmarkRow]:
    """Share of training that masked PPO, as it comes, spends in the population environment.

    Steps, masks, observations and the cohorts that are made when an episode ends all count. A
    share needs no rounds: both of its terms are measured in the same training.
    """
    scenario, rows = load("reference"), []
    for population in (4096, POPULATION):
        env = Watched(NextBestActionVectorEnv(population, horizon_days=HORIZON_DAYS))
        learner = MaskedPpo(total_steps=population * (HORIZON_DAYS + 4))

        def train(env: Watched = env, learner: MaskedPpo = learner) -> tuple[float, float]:
            env.seconds, began = 0.0, time.perf_counter()
            learner.train(env, schema=scenario.schema, catalogue=scenario.catalogue, seed=7)
            return env.seconds, time.perf_counter() - began

        rows.append(
            paired_row(
                f"masked PPO, time in the environment of {population:,} customers",
                "s",
                [train() for _ in range(TRAININGS)],
                against="the whole training",
                better="lower",
                goal=0.15,
                note=f"{learner.total_steps:,} customer-days, one core",
            )
        )
        env.close()
    return rows


class Watched(PopulationVecEnv):
    """A population that counts the seconds spent in it."""

    seconds = 0.0

    def reset(self) -> NDArray[np.float32]:
        """Begin, on the clock."""
        return self._timed(super().reset)

    def step_wait(self) -> Any:
        """Live the day, on the clock."""
        return self._timed(super().step_wait)

    def env_method(self, method_name: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Call a method, on the clock."""
        return self._timed(lambda: super(Watched, self).env_method(method_name, *args, **kwargs))

    def _timed(self, work: Callable[[], _Result]) -> _Result:
        began = time.perf_counter()
        result = work()
        self.seconds += time.perf_counter() - began
        return result


def thompson(timing: Timing) -> list[BenchmarkRow]:
    """Linear Thompson sampling, one context and a batch, against one draw at a time."""
    log = _log(timing.scaled(LOGGED))
    policy = LinearThompson(iterations=2).fit(log, generator("bench", 7))
    rows = []
    for name, size in (("one context", 1), (f"batch of {BATCH:,}", BATCH)):
        part = log.take(slice(0, size))
        contexts, catalogue, mask = part.contexts, part.catalogue, part.mask
        _ = contexts.encoded
        features = np.hstack((np.ones((len(catalogue), 1)), catalogue.features))
        rows.append(
            compare(
                f"linear Thompson distribution, {name}",
                "contexts/s",
                lambda c=contexts, k=catalogue, m=mask: len(policy.distribution(c, k, m)),  # type: ignore[misc]
                lambda p=part, f=features: _plain_thompson(policy, p, f),  # type: ignore[misc]
                against="NumPy, one posterior draw at a time",
                timing=timing,
            )
        )
    return rows


def off_policy(timing: Timing) -> list[BenchmarkRow]:
    """All estimators with intervals and diagnostics against the bare mean of weighted rewards.

    And several policies on one log, whose own matters are found once, against each on its own.
    """
    log = _log(timing.scaled(LOGGED))
    distribution = UniformPolicy().distribution(log.contexts, log.catalogue, log.mask)
    never = NeverContact().distribution(log.contexts, log.catalogue, log.mask)
    policies = (distribution, never) * 3
    q_hat = cross_fit(log)

    def bare() -> int:
        weight = distribution[np.arange(len(log)), log.action] / log.propensity
        float((weight * log.reward_minor).mean())
        return len(log)

    def panel() -> int:
        evaluate_policy(log, distribution, q_hat=q_hat)
        return len(log)

    def together() -> int:
        data = OpeData.of(log)
        for each in policies:
            evaluate_policy(data, each, q_hat=q_hat)
        return len(log) * len(policies)

    def apart() -> int:
        for each in policies:
            evaluate_policy(log, each, q_hat=q_hat)
        return len(log) * len(policies)

    return [
        compare(
            f"{len(policies)} policies on one log",
            "rows/s",
            together,
            apart,
            against="the same, each on the log by itself",
            timing=timing,
        ),
        compare(
            "IPS, SNIPS, DM and DR with clustered intervals and diagnostics",
            "rows/s",
            panel,
            bare,
            against="NumPy IPS, the mean alone",
            timing=timing,
        ),
    ]


def _plain_thompson(
    policy: LinearThompsonPolicy, log: LoggedBatch, features: NDArray[np.float64]
) -> int:
    """Shares of draws by the textbook: score all actions under each draw, take the best."""
    rows = np.hstack((np.ones((len(log), 1)), log.contexts.encoded.astype(np.float64)))
    shares = np.zeros(log.mask.shape)
    if policy.own_effects is None:
        own = np.zeros((len(policy.draws), len(log.catalogue)))
    else:
        own = policy.own_effects.of(log.catalogue)
    for draw, effect in zip(policy.draws, own, strict=True):
        scores = np.where(log.mask, rows @ draw @ features.T + effect, -np.inf)
        shares[np.arange(len(rows)), scores.argmax(axis=1)] += 1.0 / len(policy.draws)
    return len(shares)


def _log(customers: int, days: int = 10) -> LoggedBatch:
    scenario = load("reference")
    return record(
        World(scenario, customers, 7),
        UniformPolicy(),
        days,
        start=day_start(scenario.start),
        policy_digest="0" * 64,
        objective=scenario.objective,
    ).batch
