"""Which environments exist, under which versioned ids."""

from __future__ import annotations

import gymnasium

NEXT_BEST_ACTION = "troth/NextBestAction-v0"

ENVIRONMENTS = (NEXT_BEST_ACTION,)
"""Every id that :func:`register` makes known; the conformance tests run on each."""


def register() -> None:
    """Make the environments known to Gymnasium; doing so twice changes nothing.

    ``max_episode_steps`` is not set: the horizon is the environment's own argument, since
    Gymnasium hands it on to a vector environment instead of applying it.
    """
    if NEXT_BEST_ACTION in gymnasium.registry:
        return
    gymnasium.register(
        id=NEXT_BEST_ACTION,
        entry_point="envs.next_best_action:NextBestActionEnv",
        vector_entry_point="envs.next_best_action:NextBestActionVectorEnv",
    )
