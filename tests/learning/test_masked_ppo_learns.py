"""Masked PPO masters a small problem with masks, in which the future counts."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from agents.learners.learner import TrainedPolicy
from agents.learners.rl.masked_ppo import MaskedPpo
from agents.learners.rl.toy_env import DAYS, ToyEnv
from agents.policies.network import Nonlinearity
from troth.errors import InvalidArgument

CONFIG = MaskedPpo(
    total_steps=60_000,
    rollout_days=DAYS,
    batch_size=512,
    epochs=4,
    learning_rate=3e-3,
    gamma=0.0,
    hidden=(32,),
)


def train(problem: Any, seed: int = 0, **changes: Any) -> TrainedPolicy:
    """Train on the toy."""
    return MaskedPpo(**{**CONFIG.model_dump(), **changes}).train(
        ToyEnv(problem, seed),
        schema=problem.schema,
        catalogue=problem.catalogue,
        seed=seed,
    )


def test_closes_the_gap(problem: Any) -> None:
    """It learns most of what there is to learn, and its curve shows it."""
    result = train(problem)
    assert problem.closed(result.policy) > 0.8
    assert result.curve[-1].steps >= CONFIG.total_steps
    rewards = [point.mean_reward for point in result.curve]
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.2


@pytest.mark.parametrize("activation", list(Nonlinearity))
def test_same_seed_same_weights(problem: Any, activation: Nonlinearity) -> None:
    """Training is a function of its seed, and leaves the global generators alone."""
    random.seed(1)
    torch.manual_seed(1)
    expected = (random.random(), torch.rand(1).item())
    random.seed(1)
    torch.manual_seed(1)
    short = {"total_steps": 4_096, "activation": activation}
    first, again, other = (train(problem, seed, **short).policy for seed in (0, 0, 1))
    assert (random.random(), torch.rand(1).item()) == expected
    for a, b, c in zip(first.weights, again.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


@pytest.mark.parametrize("activation", list(Nonlinearity))
def test_export_computes_what_torch_computes(problem: Any, activation: Nonlinearity) -> None:
    """Layer by layer in torch, the exported network gives the same probabilities."""
    policy = train(problem, total_steps=4_096, activation=activation).policy
    rng = np.random.default_rng(0)
    contexts, mask = problem.contexts(500, rng), problem.mask(500, rng)
    hidden = torch.from_numpy(contexts.encoded)
    act = torch.tanh if activation is Nonlinearity.TANH else torch.relu
    for at, (weight, bias) in enumerate(zip(policy.weights, policy.biases, strict=True)):
        hidden = hidden @ torch.from_numpy(weight) + torch.from_numpy(bias)
        hidden = act(hidden) if at < len(policy.weights) - 1 else hidden
    hidden[~torch.from_numpy(mask)] = -1e8
    expected = torch.softmax(hidden, dim=1).numpy()
    answer = policy.distribution(contexts, problem.catalogue, mask)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-5)


def test_reports_progress(problem: Any) -> None:
    """Progress counts up to the whole, in whole rollouts."""
    seen: list[tuple[int, int, float]] = []
    MaskedPpo(total_steps=5_000, rollout_days=DAYS, batch_size=512).train(
        ToyEnv(problem, 0),
        schema=problem.schema,
        catalogue=problem.catalogue,
        seed=0,
        on_progress=lambda *row: seen.append(row),
    )
    assert [row[:2] for row in seen] == [(2_048, 6_144), (4_096, 6_144), (6_144, 6_144)]
    assert all(np.isfinite(row[2]) for row in seen)


def test_refuses_an_environment_of_another_width(problem: Any) -> None:
    """Observations must be what the schema encodes, or serving would feed something else."""
    with pytest.raises(InvalidArgument, match="env"):
        CONFIG.train(
            ToyEnv(problem, 0, width=5),
            schema=problem.schema,
            catalogue=problem.catalogue,
            seed=0,
        )
