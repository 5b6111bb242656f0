"""The network policy: a masked softmax, bound to one catalogue."""

from __future__ import annotations

import numpy as np
import pytest

from agents.policies.network import NetworkPolicy, Nonlinearity
from troth.catalogue import NO_CONTACT_ACTION, Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument
from troth.features import Feature, FeatureKind, FeatureSchema

SCHEMA = FeatureSchema((Feature(name="a", kind=FeatureKind.NUMERIC, low=-5, high=5),))
NOTHING = NO_CONTACT_ACTION
MAIL, PUSH = (
    Action(
        action_id=str(channel),
        journey="j",
        step=0,
        offer="o",
        kind=OfferKind.CONTENT,
        channel=channel,
    )
    for channel in (Channel.EMAIL, Channel.PUSH)
)
CATALOGUE = Catalogue((NOTHING, MAIL, PUSH), ("j",))
F32 = np.float32


def policy(**changes: object) -> NetworkPolicy:
    """Hidden unit tanh(2a) or relu(2a); logits 0, h + log 2 and -h."""
    values = {
        "weights": (np.array([[2.0]], F32), np.array([[0.0, 1.0, -1.0]], F32)),
        "biases": (np.zeros(1, F32), np.array([0.0, np.log(2.0), 0.0], F32)),
        "activation": Nonlinearity.TANH,
        "schema_digest": SCHEMA.digest,
        "catalogue_digest": CATALOGUE.digest,
        **changes,
    }
    return NetworkPolicy(**values)  # type: ignore[arg-type]


def ask(subject: NetworkPolicy, a: float, mask: tuple[bool, ...] = (True, True, True)) -> list:
    """One row of its distribution."""
    batch = ContextBatch(SCHEMA, np.array([[a]], F32))
    row: list = subject.distribution(batch, CATALOGUE, np.array([mask])).tolist()[0]
    return row


def test_by_hand() -> None:
    """At a = 0 the weights are 1, 2 and 1, masked or not."""
    assert ask(policy(), 0.0) == pytest.approx([0.25, 0.5, 0.25], abs=1e-7)
    assert ask(policy(), 0.0, (True, True, False)) == pytest.approx([1 / 3, 2 / 3, 0.0], abs=1e-7)


@pytest.mark.parametrize(
    ("activation", "a", "hidden"),
    [
        (Nonlinearity.TANH, 0.5, np.tanh(1.0)),
        (Nonlinearity.RELU, 0.5, 1.0),
        (Nonlinearity.RELU, -0.5, 0.0),
    ],
)
def test_activations(activation: Nonlinearity, a: float, hidden: float) -> None:
    """The hidden unit goes through the activation, the output does not."""
    weights = np.array([1.0, 2.0 * np.exp(hidden), np.exp(-hidden)])
    assert ask(policy(activation=activation), a) == pytest.approx(weights / weights.sum(), abs=1e-6)


def test_temperature_sharpens() -> None:
    """At half the temperature, weights are squared."""
    assert ask(policy(temperature=0.5), 0.0) == pytest.approx([1 / 6, 4 / 6, 1 / 6], abs=1e-7)


def test_exploration_gives_full_support() -> None:
    """Half of the mass is uniform over eligible actions."""
    row = ask(policy(exploration=0.5, temperature=0.01), 0.0, (True, True, False))
    assert row == pytest.approx([0.25, 0.75, 0.0], abs=1e-6)


def test_large_logits_do_not_overflow() -> None:
    """Logits in the thousands still give a distribution."""
    biases = (np.zeros(1, F32), np.array([0.0, 5000.0, -5000.0], F32))
    assert ask(policy(biases=biases), 1.0) == pytest.approx([0.0, 1.0, 0.0])


def test_refuses_another_catalogue() -> None:
    """Output k is action k: a reordered catalogue must not be scored."""
    other = Catalogue((NOTHING, PUSH, MAIL), ("j",))
    with pytest.raises(FailedPrecondition, match="catalogue"):
        policy().distribution(
            ContextBatch(SCHEMA, np.zeros((1, 1), F32)), other, np.ones((1, 3), dtype=bool)
        )


def test_refuses_another_schema() -> None:
    """Features that mean something else are not scored."""
    other = FeatureSchema((Feature(name="b", kind=FeatureKind.NUMERIC, low=-5, high=5),))
    with pytest.raises(FailedPrecondition, match="schema"):
        policy().distribution(
            ContextBatch(other, np.zeros((1, 1), F32)), CATALOGUE, np.ones((1, 3), dtype=bool)
        )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"exploration": -0.1}, "exploration"),
        ({"weights": ()}, "weights"),
        ({"weights": (np.zeros((1, 2), F32), np.zeros((1, 3), F32))}, r"weights\[0\]"),
        ({"weights": (np.zeros((1, 1), F32), np.zeros((2, 3), F32))}, r"weights\[1\]"),
        ({"biases": (np.full(1, np.nan, F32), np.zeros(3, F32))}, r"weights\[0\]"),
    ],
)
def test_refuses_bad_state(changes: dict[str, object], field: str) -> None:
    """What cannot be a policy is refused when it is made, naming the field."""
    with pytest.raises(InvalidArgument, match=field):
        policy(**changes)


def test_unreadable_state_is_data_loss() -> None:
    """A missing layer, a layer of another type and an unknown activation are refused."""
    parameters, tensors = policy().to_state()
    with pytest.raises(DataLoss, match="weight_1"):
        NetworkPolicy.from_state(parameters, {k: v for k, v in tensors.items() if k != "weight_1"})
    with pytest.raises(DataLoss, match="bias_0"):
        NetworkPolicy.from_state(parameters, {**tensors, "bias_0": np.zeros(1)})
    with pytest.raises(DataLoss, match="activation"):
        NetworkPolicy.from_state({**parameters, "activation": "swish"}, tensors)
