"""Both learners are worth their keep in the reference world, against the champion and truth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest

from agents.baselines.rfm import RfmRules
from agents.learners.bandits.linear_thompson import LinearThompson
from agents.policies.uniform import NeverContact, UniformPolicy
from simulator.scenarios import Scenario, load
from simulator.truth import choose, one_step_oracle
from simulator.world import World
from troth.contexts import ContextBatch
from troth.logs.batches import LoggedBatch
from troth.policy import Policy, sample
from troth.streams import generator

CUSTOMERS = 3_000
DAYS = 28
LEAST_SHARE = 0.4
"""Share of the gap between uniform and the one-step oracle that a trained policy closes."""


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The shipped scenario."""
    return load("reference")


def log_uniform(scenario: Scenario, customers: int, days: int, seed: int) -> LoggedBatch:
    """What the uniform policy leaves behind."""
    world, rng = World(scenario, customers, seed), generator("log", seed)
    parts = []
    for day in range(days):
        contexts, mask = world.contexts(), world.mask().copy()
        answer = UniformPolicy().distribution(contexts, scenario.catalogue, mask)
        action = sample(answer, rng.random(customers))
        reward = scenario.objective.reward(world.step(action).components)
        parts.append(
            LoggedBatch(
                contexts=ContextBatch(scenario.schema, contexts.raw),
                catalogue=scenario.catalogue,
                mask=mask,
                action=action,
                propensity=answer[np.arange(customers), action],
                reward_minor=reward,
                censored=np.zeros(customers, dtype=bool),
                customer_id=world.customer_ids,
                episode=np.arange(customers, dtype=np.int64),
                step=np.full(customers, day, dtype=np.int64),
                decided_at=np.full(customers, np.datetime64(scenario.start + timedelta(day), "us")),
                decision_id=np.array([f"{day}-{i}" for i in range(customers)]),
                policy_digest=np.full(customers, "0" * 64),
            )
        )
    return LoggedBatch.concatenate(parts)


@dataclass(frozen=True)
class Judge:
    """Expected reward per customer over four weeks of a population nobody has seen."""

    scenario: Scenario

    def __call__(self, policy: Policy | None) -> np.ndarray:
        """Minor units per customer, float64 (n,); without a policy, the oracle's."""
        world = World(self.scenario, CUSTOMERS, seed=4_242)
        total = np.zeros(CUSTOMERS)
        for _ in range(DAYS):
            actions = choose(world, policy or one_step_oracle(world))
            # The exact expectation of each day given the path: same mean, far less noise.
            total += world.expected_rewards(actions=actions)
            world.step(actions)
        return total


@pytest.fixture(scope="module")
def judge(scenario: Scenario) -> Judge:
    """The one population that all are judged on."""
    return Judge(scenario)


@pytest.fixture(scope="module")
def marks(judge: Judge) -> dict[str, np.ndarray]:
    """What the policies are worth that nothing is learned for, and the oracle."""
    known = {"uniform": UniformPolicy(), "oracle": None, "rules": RfmRules()}
    return {name: judge(policy) for name, policy in known.items()}


def judged(judge: Judge, marks: dict[str, np.ndarray], policy: Policy) -> tuple[float, float]:
    """Share of the gap closed, and how many standard errors better than the RFM rules."""
    value, uniform = judge(policy), marks["uniform"]
    ahead = value - marks["rules"]
    share = (value - uniform).mean() / (marks["oracle"] - uniform).mean()
    return float(share), float(ahead.mean() / (ahead.std() / np.sqrt(CUSTOMERS)))


def test_rules_are_a_champion_worth_beating(judge: Judge, marks: dict[str, np.ndarray]) -> None:
    """The marketing team's plan earns more than silence and than writing at random."""
    silence = judge(NeverContact()).mean()
    assert marks["rules"].mean() > silence > marks["uniform"].mean()


def test_bandit_beats_the_rules(
    scenario: Scenario, judge: Judge, marks: dict[str, np.ndarray]
) -> None:
    """From 100,000 uniform decisions it beats the rules and closes enough of the gap."""
    log = log_uniform(scenario, 5_000, 20, seed=31)
    policy = LinearThompson(draws=32).fit(log, np.random.default_rng(0))
    share, errors = judged(judge, marks, policy)
    assert share > LEAST_SHARE
    assert errors > 3.0


@pytest.mark.slow
def test_ppo_beats_the_rules(
    scenario: Scenario, judge: Judge, marks: dict[str, np.ndarray]
) -> None:
    """Trained for 200,000 customer-days in the environment, it does the same."""
    from agents.learners.rl.masked_ppo import MaskedPpo
    from envs.bridges.sb3 import PopulationVecEnv
    from envs.problems.next_best_action import NextBestActionVectorEnv

    native = NextBestActionVectorEnv(2_048, scenario=scenario, horizon_days=28, reward="expected")
    env = PopulationVecEnv(native)
    env.seed(5)
    result = MaskedPpo(total_steps=200_000).train(
        env, schema=scenario.schema, catalogue=scenario.catalogue, seed=5
    )
    share, errors = judged(judge, marks, result.policy)
    assert share > LEAST_SHARE
    assert errors > 3.0
