"""Artifacts that earlier versions saved decide as they did: their bytes are what was approved."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agents.artifacts.artifact import ArtifactStore
from agents.policies.linear import LinearThompsonPolicy
from troth.contexts import ContextBatch

ARTIFACTS = ArtifactStore(Path(__file__).parent / "artifacts")
ATTRIBUTES_ALONE = "5ec9e62e768d4114f7dd1fba0d0ae62197fba43d3ac56339f62cca0c342d9dfa"
"""A linear Thompson policy from before actions had effects of their own; two of its mails have
the same attributes."""


def test_a_bandit_of_attributes_alone_decides_as_before() -> None:
    """To the bit, its exploration and the even share of its twins included."""
    saved = ARTIFACTS.load(ATTRIBUTES_ALONE)
    contexts = ContextBatch(saved.schema, saved.self_test.raw)
    answer = saved.policy.distribution(contexts, saved.catalogue, saved.self_test.mask)
    np.testing.assert_array_equal(answer, saved.self_test.distribution)
    both = saved.self_test.mask[:, 1] & saved.self_test.mask[:, 2]
    assert both.sum() > 10
    np.testing.assert_array_equal(answer[both, 1], answer[both, 2])


def test_its_state_is_what_it_was() -> None:
    """Saved again it has the same parameters and tensors, and so could keep its name."""
    saved = ARTIFACTS.load(ATTRIBUTES_ALONE)
    assert isinstance(saved.policy, LinearThompsonPolicy)
    parameters, tensors = saved.policy.to_state()
    assert parameters == saved.manifest["parameters"]
    assert set(tensors) == {"draws"}
