"""Proximal policy optimisation with invalid-action masking, through Stable-Baselines3."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from sb3_contrib import MaskablePPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from agents.policies.network import NetworkPolicy, Nonlinearity
from agents.policies.storable import require_share
from troth.catalogue import Catalogue
from troth.errors import InvalidArgument
from troth.features import FeatureSchema

Progress = Callable[[int, int, float], None]
"""Called after each rollout with steps done, steps in all, and the rollout's mean reward."""

_ADAM = {"eps": 1e-5, "fused": True}
"""Stable-Baselines3's own epsilon. Fused, because otherwise MKL takes the square roots, and those
alone differ by processor whatever it is held to; ATen's are rounded as IEEE 754 says."""
_MODULES = {Nonlinearity.TANH: torch.nn.Tanh, Nonlinearity.RELU: torch.nn.ReLU}


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedPpoConfig:
    """How to train.

    Short rollouts of many customers, so that the policy is renewed every few days; batches
    of a thousand, because rewards are mostly noise; and a short horizon, because contacts
    work within days, while what is discounted less adds noise to every advantage.

    Attributes:
        total_steps: customer-days, >= 1; rounded up to whole rollouts.
        rollout_days: steps per environment between updates, >= 1.
        batch_size: customer-days per gradient step, >= 2.
        epochs: passes over a rollout, >= 1.
        learning_rate: Adam's, > 0; falls linearly to 0.
        gamma: discount per day, in [0, 1].
        gae_lambda: bias against variance of the advantage, in [0, 1].
        clip_range: how far the probability ratio may move per rollout, > 0.
        entropy: weight of the entropy bonus, >= 0.
        value_weight: weight of the critic's squared error, >= 0.
        gradient_norm: largest norm of a gradient step, > 0.
        hidden: units per hidden layer of actor and of critic, which share none.
        activation: between layers.
        temperature, exploration: of the policy that is returned; see
            :class:`agents.policies.network.NetworkPolicy`.
    """

    total_steps: int = 300_000
    rollout_days: int = 4
    batch_size: int = 1_024
    epochs: int = 2
    learning_rate: float = 4e-3
    gamma: float = 0.3
    gae_lambda: float = 0.8
    clip_range: float = 0.2
    entropy: float = 0.001
    value_weight: float = 0.5
    gradient_norm: float = 0.5
    hidden: tuple[int, ...] = (64, 64)
    activation: Nonlinearity = Nonlinearity.RELU
    temperature: float = 1.0
    exploration: float = 0.0

    def __post_init__(self) -> None:
        for name in ("total_steps", "rollout_days", "epochs"):
            if getattr(self, name) < 1:
                raise InvalidArgument(f"{getattr(self, name)} is below 1", field=name)
        if self.batch_size < 2:
            raise InvalidArgument(f"{self.batch_size} is below 2", field="batch_size")
        for name in ("gamma", "gae_lambda", "exploration"):
            require_share(getattr(self, name), name)
        for name in ("learning_rate", "clip_range", "gradient_norm", "temperature"):
            if not getattr(self, name) > 0:
                raise InvalidArgument(f"{getattr(self, name)} is not above 0", field=name)
        for name in ("entropy", "value_weight"):
            if getattr(self, name) < 0:
                raise InvalidArgument(f"{getattr(self, name)} is below 0", field=name)
        if not all(units >= 1 for units in self.hidden):
            raise InvalidArgument(f"{self.hidden} has an empty layer", field="hidden")


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """One rollout of training.

    Attributes:
        steps: customer-days so far.
        mean_reward: reward per customer-day in this rollout, in the environment's units.
    """

    steps: int
    mean_reward: float


@dataclass(frozen=True)
class PpoResult:
    """What training gives: a policy that needs no torch, and how it came about."""

    policy: NetworkPolicy
    curve: tuple[LearningPoint, ...]


def train_masked_ppo(
    env: VecEnv,
    config: MaskedPpoConfig,
    *,
    schema: FeatureSchema,
    catalogue: Catalogue,
    seed: int,
    on_progress: Progress | None = None,
) -> PpoResult:
    """Train a policy in ``env`` and export it to NumPy.

    Rewards are divided by the running standard deviation of the discounted return and not
    clipped: baskets are heavy-tailed, and a clipped mean is another objective. Advantages
    are normalised per batch. Actor and critic share no layer, because the critic's error,
    mostly noise, would otherwise drive the features.

    The same seed and environment give the same weights. Torch's, NumPy's and Python's
    global generators, which Stable-Baselines3 seeds, and torch's thread count are put back.

    Args:
        env: a vector environment over encoded contexts, float32 (D,), and K discrete
            actions, with a method ``action_masks`` giving bool (num_envs, K). It is seeded
            with ``seed``, whatever it was seeded with before, reset, and left open.
        config: see there.
        schema: what the observations are encoded with; D columns.
        catalogue: what the actions are; K rows.
        seed: in [0, 2**32).
        on_progress: see :data:`Progress`.

    Raises:
        InvalidArgument: if the spaces do not fit schema and catalogue, or ``env`` has no
            ``action_masks``.

    References:
        J. Schulman, F. Wolski, P. Dhariwal, A. Radford & O. Klimov, "Proximal Policy
        Optimization Algorithms", arXiv 1707.06347, eq. 7. S. Huang & S. Ontanon, "A Closer
        Look at Invalid Action Masking in Policy Gradient Algorithms", FLAIRS 2022.
    """
    _check_spaces(env, schema, catalogue)
    with _isolated(threads=1):
        normalised = VecNormalize(
            env, norm_obs=False, norm_reward=True, clip_reward=np.inf, gamma=config.gamma
        )
        rollout = config.rollout_days * env.num_envs
        learner = MaskablePPO(
            "MlpPolicy",
            normalised,
            learning_rate=lambda remaining: config.learning_rate * remaining,
            n_steps=config.rollout_days,
            batch_size=min(config.batch_size, rollout),
            n_epochs=config.epochs,
            gamma=config.gamma,
            gae_lambda=config.gae_lambda,
            clip_range=config.clip_range,
            ent_coef=config.entropy,
            vf_coef=config.value_weight,
            max_grad_norm=config.gradient_norm,
            policy_kwargs={
                "net_arch": {"pi": list(config.hidden), "vf": list(config.hidden)},
                "activation_fn": _MODULES[config.activation],
                "optimizer_kwargs": _ADAM,
            },
            seed=seed,
            device="cpu",
        )
        callback = _Curve(-(-config.total_steps // rollout) * rollout, on_progress)
        learner.learn(config.total_steps, callback=callback)
        policy = _export(learner, config, schema, catalogue)
    return PpoResult(policy, tuple(callback.points))


class _Curve(BaseCallback):
    """Keeps the mean reward of each rollout, before normalisation."""

    def __init__(self, total: int, on_progress: Progress | None) -> None:
        super().__init__()
        self.points: list[LearningPoint] = []
        self._total = total
        self._on_progress = on_progress
        self._sums: list[float] = []

    def _on_step(self) -> bool:
        env = self.training_env
        assert isinstance(env, VecNormalize)  # noqa: S101  (train_masked_ppo made it)
        self._sums.append(float(env.get_original_reward().mean()))
        return True

    def _on_rollout_end(self) -> None:
        mean = float(np.mean(self._sums))
        self._sums.clear()
        self.points.append(LearningPoint(self.num_timesteps, mean))
        if self._on_progress is not None:
            self._on_progress(self.num_timesteps, self._total, mean)


def _check_spaces(env: VecEnv, schema: FeatureSchema, catalogue: Catalogue) -> None:
    if env.observation_space.shape != (schema.width,):
        raise InvalidArgument(
            f"observations {env.observation_space.shape} are not ({schema.width},)", field="env"
        )
    action_space = env.action_space
    if not isinstance(action_space, spaces.Discrete) or action_space.n != len(catalogue):
        raise InvalidArgument(f"{action_space} is not Discrete({len(catalogue)})", field="env")
    if not env.has_attr("action_masks"):
        raise InvalidArgument("has no method action_masks", field="env")


def _export(
    learner: MaskablePPO, config: MaskedPpoConfig, schema: FeatureSchema, catalogue: Catalogue
) -> NetworkPolicy:
    """The actor as float32 arrays; torch keeps (out, in), we keep (in, out)."""
    actor = learner.policy
    layers = [m for m in actor.mlp_extractor.policy_net if isinstance(m, torch.nn.Linear)]
    layers.append(actor.action_net)

    def array(parameter: torch.Tensor) -> NDArray[np.float32]:
        return np.ascontiguousarray(parameter.detach().numpy().T, dtype=np.float32)

    return NetworkPolicy(
        weights=tuple(array(layer.weight) for layer in layers),
        biases=tuple(array(layer.bias) for layer in layers),
        activation=config.activation,
        schema_digest=schema.digest,
        catalogue_digest=catalogue.digest,
        temperature=config.temperature,
        exploration=config.exploration,
    )


@contextmanager
def _isolated(*, threads: int) -> Iterator[None]:
    """Put global random states and torch's thread count back afterwards.

    One thread, so that sums are taken in the same order on every machine.
    """
    python, before = random.getstate(), torch.get_num_threads()
    legacy = np.random.get_state()  # noqa: NPY002  (Stable-Baselines3 seeds it)
    try:
        torch.set_num_threads(threads)
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
