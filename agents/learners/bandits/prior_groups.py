"""Which weights of the bilinear model share a prior variance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.learners.bandits.empirical_bayes import FLAT


def prior_groups(
    columns: Sequence[str], action_features: Sequence[str], actions: int
) -> NDArray[np.int64]:
    """Group the weights of Theta (D+1, A+1), and actions' own effects, by what they are about.

    Action features of one family (``channel=email`` is of the family ``channel``) share a
    variance: one for their main effects, one for their interactions with the context. Where
    a context column is about the action's own level (``response_email`` for
    ``channel=email``, ``discount_affinity`` for ``kind=discount``), the interaction belongs
    to a group of its own, because there, if anywhere, is something to find: the eight
    weights of a channel's past response on that channel are not shrunk like the hundreds
    that ask whether mail clicks foretell calls. Actions' own effects are a
    group.

    Args:
        columns: names of the D encoded context columns.
        action_features: names of the A action features.
        actions: K, how many actions have effects of their own.

    Returns:
        int64 ((D+1) * (A+1) + K,), Theta row-major: groups from 0, :data:`FLAT` for the
        constant.
    """
    numbers: dict[tuple[str, ...], int] = {}
    groups = np.empty((len(columns) + 1, len(action_features) + 1), dtype=np.int64)
    for i, column in enumerate(("", *columns)):
        for j, feature in enumerate(("", *action_features)):
            key = _key(column, feature)
            groups[i, j] = numbers.setdefault(key, len(numbers)) if key else FLAT
    return np.concatenate((groups.reshape(-1), np.full(actions, len(numbers))))


def _key(column: str, feature: str) -> tuple[str, ...]:
    """Name of the group of one weight; empty for the constant."""
    family, _, level = feature.partition("=")
    if not column:
        return ("main", family) if feature else ()
    if level and column.startswith(f"{level}_"):
        return ("own", family, column.removeprefix(level))
    if level and column.endswith(f"_{level}"):
        return ("own", family, column.removesuffix(level))
    return ("interaction", family)
