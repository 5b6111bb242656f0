"""What learners through Stable-Baselines3 share. Brings torch."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from agents.learners.learner import LearningPoint, Progress
from agents.policies.network import Nonlinearity
from troth.catalogue import Catalogue
from troth.errors import InvalidArgument
from troth.features import FeatureSchema

ADAM = {"eps": 1e-5, "fused": True}
"""Stable-Baselines3's own epsilon. Fused, because otherwise MKL takes the square roots, and those
alone differ by processor whatever it is held to; ATen's are rounded as IEEE 754 says."""
MODULES = {Nonlinearity.TANH: torch.nn.Tanh, Nonlinearity.RELU: torch.nn.ReLU}


class Curve(BaseCallback):
    """Keeps the mean reward of each rollout, before normalisation."""

    def __init__(self, total: int, on_progress: Progress | None) -> None:
        super().__init__()
        self.points: list[LearningPoint] = []
        self._total = total
        self._on_progress = on_progress
        self._sums: list[float] = []

    def _on_step(self) -> bool:
        env = self.training_env
        assert isinstance(env, VecNormalize)  # noqa: S101  (the learner made it)
        self._sums.append(float(env.get_original_reward().mean()))
        return True

    def _on_rollout_end(self) -> None:
        mean = float(np.mean(self._sums))
        self._sums.clear()
        self.points.append(LearningPoint(self.num_timesteps, mean))
        if self._on_progress is not None:
            self._on_progress(self.num_timesteps, self._total, mean)


def check_spaces(env: VecEnv, schema: FeatureSchema, catalogue: Catalogue) -> None:
    """Refuse an environment whose spaces do not fit, or that has no masks.

    Raises:
        InvalidArgument: naming ``env``.
    """
    if env.observation_space.shape != (schema.width,):
        raise InvalidArgument(
            f"observations {env.observation_space.shape} are not ({schema.width},)", field="env"
        )
    action_space = env.action_space
    if not isinstance(action_space, spaces.Discrete) or action_space.n != len(catalogue):
        raise InvalidArgument(f"{action_space} is not Discrete({len(catalogue)})", field="env")
    if not env.has_attr("action_masks"):
        raise InvalidArgument("has no method action_masks", field="env")


def transposed(parameter: torch.Tensor) -> NDArray[np.float32]:
    """A parameter as it is exported: torch keeps (out, in), we keep float32 (in, out)."""
    return np.ascontiguousarray(parameter.detach().numpy().T, dtype=np.float32)


@contextmanager
def isolated(*, threads: int) -> Iterator[None]:
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
