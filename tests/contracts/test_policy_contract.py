"""What every policy promises, run on every kind that an artifact may hold."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from agents.artifacts.artifact import FILES, MANIFEST, ArtifactStore
from agents.artifacts.kinds import KINDS
from agents.baselines.rfm import RfmRules
from agents.policies.linear import LinearThompsonPolicy
from agents.policies.network import NetworkPolicy, Nonlinearity
from agents.policies.own_effects import OwnEffects
from agents.policies.storable import StorablePolicy
from agents.policies.uniform import NeverContact, UniformPolicy
from troth.catalogue import CHANNELS, Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.errors import DataLoss, TrothError
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.policy import Mask, Policy, check_distribution

JOURNEYS = ("welcome", "churn_recovery", "service_recovery")


def _catalogue() -> Catalogue:
    rows = [("none", 0, OfferKind.NONE, Channel.NONE, 0, 0.0, 0)]
    rows += [("welcome", 1, OfferKind.CONTENT, c, 1, 0.0, 0) for c in CHANNELS[1:]]
    # Two steps of one journey look the same to a model: their probability must be shared.
    rows += [("churn_recovery", s, OfferKind.DISCOUNT, Channel.EMAIL, 1, 0.1, 0) for s in (1, 2)]
    rows += [("churn_recovery", 3, OfferKind.POINTS, Channel.SMS, 8, 0.0, 500)]
    rows += [("service_recovery", 1, OfferKind.APOLOGY, Channel.CALL_CENTRE, 400, 0.0, 0)]
    actions = tuple(
        Action(
            action_id=f"action_{at}",
            journey=journey,
            step=step,
            offer="offer",
            kind=kind,
            channel=channel,
            cost_minor=cost,
            discount=discount,
            points=points,
        )
        for at, (journey, step, kind, channel, cost, discount, points) in enumerate(rows)
    )
    return Catalogue(actions, JOURNEYS)


def _schema() -> FeatureSchema:
    logs = {
        "recency_days": 720.0,
        "frequency_365": 100.0,
        "monetary_minor": 1e6,
        "days_since_contact": 365.0,
    }
    counts = {"contacts_28d": 28.0, "open_tickets": 5.0}
    return FeatureSchema(
        (
            *(Feature(name=n, kind=FeatureKind.LOG, low=0, high=h) for n, h in logs.items()),
            *(Feature(name=n, kind=FeatureKind.NUMERIC, low=0, high=h) for n, h in counts.items()),
            *(
                Feature(name=f"permit_{c}", kind=FeatureKind.FLAG, low=0, high=1)
                for c in CHANNELS[1:]
            ),
            *(
                Feature(name=f"response_{c}", kind=FeatureKind.NUMERIC, low=0, high=1)
                for c in CHANNELS[1:]
            ),
        )
    )


CATALOGUE = _catalogue()
SCHEMA = _schema()


def _linear(exploration: float, known: int = 0) -> LinearThompsonPolicy:
    rng = np.random.default_rng(5)
    width = (SCHEMA.width + 1, len(CATALOGUE.feature_names) + 1)
    draws = rng.standard_normal((32, *width))
    own = OwnEffects(
        action_ids=tuple(action.action_id for action in CATALOGUE.actions[:known]),
        draws=rng.standard_normal((32, known)),
        newcomer=rng.standard_normal(32),
    )
    return LinearThompsonPolicy(
        draws=draws,
        schema_digest=SCHEMA.digest,
        action_features=CATALOGUE.feature_names,
        exploration=exploration,
        own_effects=own if known else None,
    )


def _network(activation: Nonlinearity) -> NetworkPolicy:
    rng = np.random.default_rng(6)
    widths = (SCHEMA.width, 16, 8, len(CATALOGUE))
    pairs = list(pairwise(widths))
    return NetworkPolicy(
        weights=tuple(rng.standard_normal(pair).astype(np.float32) for pair in pairs),
        biases=tuple(rng.standard_normal(out).astype(np.float32) for _, out in pairs),
        activation=activation,
        schema_digest=SCHEMA.digest,
        catalogue_digest=CATALOGUE.digest,
    )


POLICIES: dict[str, Callable[[], StorablePolicy]] = {
    "uniform": UniformPolicy,
    "never_contact": NeverContact,
    "rfm_rules": RfmRules,
    "linear_thompson": lambda: _linear(0.0),
    "linear_thompson, exploring": lambda: _linear(0.1),
    "linear_thompson, own effects": lambda: _linear(0.0, known=len(CATALOGUE) - 3),
    "network, tanh": lambda: _network(Nonlinearity.TANH),
    "network, relu": lambda: _network(Nonlinearity.RELU),
}


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> StorablePolicy:
    """Each policy in turn."""
    made: StorablePolicy = POLICIES[request.param]()
    return made


def _contexts(n: int, seed: int = 0, missing: float = 0.1) -> ContextBatch:
    rng = np.random.default_rng(seed)
    low = np.array([f.low for f in SCHEMA.features])
    high = np.array([f.high for f in SCHEMA.features])
    raw = low + (high - low) * rng.random((n, SCHEMA.raw_width)) ** 3
    flags = np.array([f.kind is FeatureKind.FLAG for f in SCHEMA.features])
    raw[:, flags] = raw[:, flags] > 0.1
    raw[rng.random(raw.shape) < missing] = np.nan
    return ContextBatch(SCHEMA, raw.astype(np.float32))


def _mask(n: int, seed: int = 1) -> Mask:
    mask = np.random.default_rng(seed).random((n, len(CATALOGUE))) < 0.5
    mask[:, 0] = True
    return mask


def test_every_kind_is_tested() -> None:
    """A kind that is registered without a policy here would escape the contract."""
    assert {make().kind for make in POLICIES.values()} == set(KINDS)


def test_is_a_policy(policy: StorablePolicy) -> None:
    """It can be used wherever a policy is asked for."""
    assert isinstance(policy, Policy)
    assert isinstance(policy, StorablePolicy)


@pytest.mark.parametrize("n", [0, 1, 7, 600])
def test_gives_a_distribution_under_the_mask(policy: StorablePolicy, n: int) -> None:
    """Rows sum to one and masked actions have exactly no mass, in any batch size."""
    mask = _mask(n)
    check_distribution(policy.distribution(_contexts(n), CATALOGUE, mask), mask)


def test_is_pure(policy: StorablePolicy) -> None:
    """The same question gets the same answer to the bit, and is not written on."""
    contexts, mask = _contexts(100), _mask(100)
    raw, asked = contexts.raw.copy(), mask.copy()
    first = policy.distribution(contexts, CATALOGUE, mask)
    policy.distribution(_contexts(50, seed=9), CATALOGUE, _mask(50))
    second = policy.distribution(contexts, CATALOGUE, mask)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(contexts.raw, raw)
    np.testing.assert_array_equal(mask, asked)
    first[:] = -1.0
    np.testing.assert_array_equal(policy.distribution(contexts, CATALOGUE, mask), second)


def test_rows_do_not_see_each_other(policy: StorablePolicy) -> None:
    """A decision served alone is the decision evaluated in a batch."""
    contexts, mask = _contexts(300), _mask(300)
    together = policy.distribution(contexts, CATALOGUE, mask)
    alone = [
        policy.distribution(contexts.take(slice(i, i + 1)), CATALOGUE, mask[i : i + 1])
        for i in range(300)
    ]
    np.testing.assert_allclose(np.vstack(alone), together, rtol=0, atol=1e-12)


def test_nothing_eligible_means_no_contact(policy: StorablePolicy) -> None:
    """With everything masked but row 0, all mass is on no contact."""
    mask = np.zeros((20, len(CATALOGUE)), dtype=bool)
    mask[:, 0] = True
    answer = policy.distribution(_contexts(20), CATALOGUE, mask)
    np.testing.assert_allclose(answer[:, 0], 1.0, rtol=0, atol=1e-15)


def test_refuses_a_mask_of_another_shape(policy: StorablePolicy) -> None:
    """A mask for other columns is an error, not a broadcast."""
    with pytest.raises(TrothError, match="mask"):
        policy.distribution(_contexts(3), CATALOGUE, np.ones((3, 2), dtype=bool))


def test_state_holds_everything(policy: StorablePolicy) -> None:
    """Rebuilt from its state it is the same policy to the bit."""
    again = type(policy).from_state(*policy.to_state())
    contexts, mask = _contexts(200), _mask(200)
    np.testing.assert_array_equal(
        again.distribution(contexts, CATALOGUE, mask),
        policy.distribution(contexts, CATALOGUE, mask),
    )


def _save(store: ArtifactStore, policy: StorablePolicy) -> str:
    return store.save(
        policy,
        schema=SCHEMA,
        catalogue=CATALOGUE,
        contexts=_contexts(90),
        mask=_mask(90),
        training={"rows": 90},
    )


def test_artifact_gives_the_policy_back(policy: StorablePolicy, tmp_path: Path) -> None:
    """Loaded from disk it answers as before to the bit, and its digest is stable."""
    store = ArtifactStore(tmp_path)
    digest = _save(store, policy)
    assert _save(store, policy) == digest
    loaded = store.load(digest)
    contexts, mask = _contexts(200), _mask(200)
    np.testing.assert_array_equal(
        loaded.policy.distribution(contexts, loaded.catalogue, mask),
        policy.distribution(contexts, CATALOGUE, mask),
    )
    assert (loaded.kind, type(loaded.policy)) == (policy.kind, type(policy))
    assert (loaded.schema.digest, loaded.catalogue.digest) == (SCHEMA.digest, CATALOGUE.digest)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_artifact_refuses_a_changed_byte(policy: StorablePolicy, tmp_path: Path, name: str) -> None:
    """One flipped bit in any file is found, with or without the self-test."""
    store = ArtifactStore(tmp_path)
    digest = _save(store, policy)
    path = tmp_path / digest / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    for verify in (True, False):
        with pytest.raises(DataLoss, match=name):
            store.load(digest, verify=verify)
