"""Uniform over eligible actions, and silence."""

from __future__ import annotations

import numpy as np

from agents.policies.uniform import NeverContact, UniformPolicy
from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.features import Feature, FeatureKind, FeatureSchema

SCHEMA = FeatureSchema((Feature(name="a", kind=FeatureKind.NUMERIC, low=0, high=1),))
CATALOGUE = Catalogue(
    tuple(
        Action(action_id=str(c), journey="j", step=0, offer="o", kind=k, channel=c)
        for k, c in (
            (OfferKind.NONE, Channel.NONE),
            (OfferKind.CONTENT, Channel.EMAIL),
            (OfferKind.CONTENT, Channel.PUSH),
        )
    ),
    ("j",),
)
CONTEXTS = ContextBatch(SCHEMA, np.zeros((2, 1), dtype=np.float32))
MASK = np.array([[True, True, True], [True, False, True]])


def test_uniform_by_hand() -> None:
    """One over the number of eligible actions."""
    answer = UniformPolicy().distribution(CONTEXTS, CATALOGUE, MASK)
    np.testing.assert_array_equal(answer, [[1 / 3, 1 / 3, 1 / 3], [0.5, 0.0, 0.5]])


def test_never_contacts() -> None:
    """All mass on no contact."""
    answer = NeverContact().distribution(CONTEXTS, CATALOGUE, MASK)
    np.testing.assert_array_equal(answer, [[1.0, 0.0, 0.0]] * 2)
