"""Proximal policy optimisation with invalid-action masking, through Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from agents.learners.learner import Learner, Progress, TrainedPolicy
from agents.policies.network import NetworkPolicy, Nonlinearity
from troth.catalogue import Catalogue
from troth.features import FeatureSchema

if TYPE_CHECKING:  # bring torch
    from sb3_contrib import MaskablePPO
    from stable_baselines3.common.vec_env import VecEnv


class MaskedPpo(Learner):
    """Masked PPO: an actor and a critic, learning in a simulated programme.

    Short rollouts of many customers, so that the policy is renewed every few days; batches
    of a thousand, because rewards are mostly noise; and a short horizon, because contacts
    work within days, while what is discounted less adds noise to every advantage.

    Attributes:
        total_steps: customer-days; rounded up to whole rollouts.
        rollout_days: steps per environment between updates.
        batch_size: customer-days per gradient step.
        epochs: passes over a rollout.
        learning_rate: Adam's; falls linearly to 0.
        gamma: discount per day.
        gae_lambda: bias against variance of the advantage.
        clip_range: how far the probability ratio may move per rollout.
        entropy: weight of the entropy bonus.
        value_weight: weight of the critic's squared error.
        gradient_norm: largest norm of a gradient step.
        hidden: units per hidden layer of actor and of critic, which share none.
        activation: between layers.
        temperature, exploration: of the policy that is returned; see
            :class:`agents.policies.network.NetworkPolicy`.

    References:
        J. Schulman, F. Wolski, P. Dhariwal, A. Radford & O. Klimov, "Proximal Policy
        Optimization Algorithms", arXiv 1707.06347, eq. 7. S. Huang & S. Ontanon, "A Closer
        Look at Invalid Action Masking in Policy Gradient Algorithms", FLAIRS 2022.
    """

    title: ClassVar[str] = "Masked PPO"
    practice: ClassVar[Mapping[str, Any]] = {
        "total_steps": 20_000,
        "rollout_days": 8,
        "batch_size": 512,
        "epochs": 4,
        "gamma": 0.0,
        "hidden": (32,),
    }

    total_steps: int = Field(default=300_000, ge=1)
    rollout_days: int = Field(default=4, ge=1)
    batch_size: int = Field(default=1_024, ge=2)
    epochs: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=4e-3, gt=0.0)
    gamma: float = Field(default=0.3, ge=0.0, le=1.0)
    gae_lambda: float = Field(default=0.8, ge=0.0, le=1.0)
    clip_range: float = Field(default=0.2, gt=0.0)
    entropy: float = Field(default=0.001, ge=0.0)
    value_weight: float = Field(default=0.5, ge=0.0)
    gradient_norm: float = Field(default=0.5, gt=0.0)
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (64, 64)
    activation: Nonlinearity = Nonlinearity.RELU
    temperature: float = Field(default=1.0, gt=0.0)
    exploration: float = Field(default=0.0, ge=0.0, le=1.0)

    def train(
        self,
        env: VecEnv,
        *,
        schema: FeatureSchema,
        catalogue: Catalogue,
        seed: int,
        on_progress: Progress | None = None,
    ) -> TrainedPolicy:
        """Train in ``env`` and export the actor to NumPy; see :class:`EnvLearner`.

        Rewards are divided by the running standard deviation of the discounted return and not
        clipped: baskets are heavy-tailed, and a clipped mean is another objective. Advantages
        are normalised per batch. Actor and critic share no layer, because the critic's error,
        mostly noise, would otherwise drive the features.

        The same seed and environment give the same weights. Torch's, NumPy's and Python's
        global generators, which Stable-Baselines3 seeds, and torch's thread count are put back.

        Raises:
            InvalidArgument: if the spaces do not fit schema and catalogue, or ``env`` has no
                ``action_masks``.
        """
        from sb3_contrib import MaskablePPO
        from stable_baselines3.common.vec_env import VecNormalize

        from agents.learners.rl.stable_baselines import (
            ADAM,
            MODULES,
            Curve,
            check_spaces,
            isolated,
        )

        check_spaces(env, schema, catalogue)
        with isolated(threads=1):
            normalised = VecNormalize(
                env, norm_obs=False, norm_reward=True, clip_reward=np.inf, gamma=self.gamma
            )
            rollout = self.rollout_days * env.num_envs
            learner = MaskablePPO(
                "MlpPolicy",
                normalised,
                learning_rate=lambda remaining: self.learning_rate * remaining,
                n_steps=self.rollout_days,
                batch_size=min(self.batch_size, rollout),
                n_epochs=self.epochs,
                gamma=self.gamma,
                gae_lambda=self.gae_lambda,
                clip_range=self.clip_range,
                ent_coef=self.entropy,
                vf_coef=self.value_weight,
                max_grad_norm=self.gradient_norm,
                policy_kwargs={
                    "net_arch": {"pi": list(self.hidden), "vf": list(self.hidden)},
                    "activation_fn": MODULES[self.activation],
                    "optimizer_kwargs": ADAM,
                },
                seed=seed,
                device="cpu",
            )
            curve = Curve(-(-self.total_steps // rollout) * rollout, on_progress)
            learner.learn(self.total_steps, callback=curve)
            policy = self._exported(learner, schema, catalogue)
        return TrainedPolicy(policy, tuple(curve.points))

    def _exported(
        self, learner: MaskablePPO, schema: FeatureSchema, catalogue: Catalogue
    ) -> NetworkPolicy:
        """The actor as float32 arrays."""
        from torch import nn

        from agents.learners.rl.stable_baselines import transposed

        actor = learner.policy
        layers = [m for m in actor.mlp_extractor.policy_net if isinstance(m, nn.Linear)]
        layers.append(actor.action_net)
        return NetworkPolicy(
            weights=tuple(transposed(layer.weight) for layer in layers),
            biases=tuple(transposed(layer.bias) for layer in layers),
            activation=self.activation,
            schema_digest=schema.digest,
            catalogue_digest=catalogue.digest,
            temperature=self.temperature,
            exploration=self.exploration,
        )
