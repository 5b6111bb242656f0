"""Own effects: by the action's id, from the prior for an action that nobody has seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.policies.linear import LinearThompsonPolicy
from agents.policies.own_effects import OwnEffects
from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.errors import DataLoss, InvalidArgument
from troth.features import Feature, FeatureKind, FeatureSchema

SCHEMA = FeatureSchema(
    tuple(Feature(name=n, kind=FeatureKind.NUMERIC, low=-5, high=5) for n in ("a", "b"))
)
WIDTH = SCHEMA.width + 1
SAMPLES = 32


def action(action_id: str, channel: Channel = Channel.EMAIL) -> Action:
    """A content of journey ``j``; mails differ by their id alone."""
    none = channel is Channel.NONE
    return Action(
        action_id=action_id,
        journey="none" if none else "j",
        step=0 if none else 1,
        offer="o",
        kind=OfferKind.NONE if none else OfferKind.CONTENT,
        channel=channel,
    )


NOTHING, PUSH = action("no_contact", Channel.NONE), action("push", Channel.PUSH)
CATALOGUE = Catalogue((NOTHING, action("first"), action("second"), PUSH), ("j",))
IDS = ("no_contact", "first", "second", "push")


def effects(seed: int = 3, **changes: object) -> OwnEffects:
    """Random draws for the four actions."""
    rng = np.random.default_rng(seed)
    values = {
        "action_ids": IDS,
        "draws": rng.standard_normal((SAMPLES, len(IDS))),
        "newcomer": rng.standard_normal(SAMPLES),
        **changes,
    }
    return OwnEffects(**values)  # type: ignore[arg-type]


def policy(own: OwnEffects | None) -> LinearThompsonPolicy:
    """Random draws of the shared weights."""
    shape = (SAMPLES, WIDTH, len(CATALOGUE.feature_names) + 1)
    return LinearThompsonPolicy(
        draws=np.random.default_rng(4).standard_normal(shape),
        schema_digest=SCHEMA.digest,
        action_features=CATALOGUE.feature_names,
        own_effects=own,
    )


def contexts(n: int, seed: int = 0) -> ContextBatch:
    """Standard normal contexts."""
    rng = np.random.default_rng(seed)
    return ContextBatch(SCHEMA, rng.standard_normal((n, 2)).astype(np.float32))


def everything(n: int, catalogue: Catalogue = CATALOGUE) -> np.ndarray:
    """A mask without a masked action."""
    return np.ones((n, len(catalogue)), dtype=bool)


def test_is_the_share_of_draws_counted_one_by_one() -> None:
    """Each draw scores [1, x]' Theta [1, a] + b_a; an unknown action has the newcomer's b."""
    wider = Catalogue((*CATALOGUE.actions, action("third")), ("j",))
    own = effects()
    subject, batch = policy(own), contexts(40)
    mask = np.random.default_rng(2).random((40, 5)) < 0.6
    mask[:, 0] = True
    each = np.column_stack((own.draws, own.newcomer))
    expected, mean = np.zeros((40, 5)), np.zeros((40, 5))
    for row in range(40):
        x = np.concatenate(([1.0], batch.encoded[row]))
        for theta, b in zip(subject.draws, each, strict=True):
            score = [
                x @ theta @ np.concatenate(([1.0], a)) + b[k] for k, a in enumerate(wider.features)
            ]
            mean[row] += np.array(score) / SAMPLES
            expected[row, np.argmax(np.where(mask[row], score, -np.inf))] += 1 / SAMPLES
    np.testing.assert_allclose(subject.distribution(batch, wider, mask), expected, atol=1e-12)
    np.testing.assert_allclose(subject.scores(batch, wider), mean, atol=1e-12)


def test_twins_are_told_apart() -> None:
    """Two mails of the same attributes have scores and probabilities of their own."""
    subject, batch = policy(effects()), contexts(200)
    scores = subject.scores(batch, CATALOGUE)
    assert np.abs(scores[:, 1] - scores[:, 2]).min() > 0.0
    answer = subject.distribution(batch, CATALOGUE, everything(200))
    assert (answer[:, 1] != answer[:, 2]).mean() > 0.5


def test_twins_with_the_same_effects_share_evenly() -> None:
    """What cannot be told apart has the same probability, and one gets both if alone."""
    own = effects()
    draws = own.draws.copy()
    draws[:, 2] = draws[:, 1]
    subject, batch, mask = policy(replace(own, draws=draws)), contexts(200), everything(200)
    answer = subject.distribution(batch, CATALOGUE, mask)
    np.testing.assert_array_equal(answer[:, 1], answer[:, 2])
    mask[:, 2] = False
    alone = subject.distribution(batch, CATALOGUE, mask)
    np.testing.assert_allclose(alone[:, 1], answer[:, 1] + answer[:, 2], rtol=0, atol=1e-15)


def test_effects_follow_the_id() -> None:
    """Another order, other neighbours and another step change nothing for an action."""
    first = replace(CATALOGUE.actions[1], step=4)
    turned = Catalogue((NOTHING, PUSH, CATALOGUE.actions[2], first), ("j",))
    subject, batch = policy(effects()), contexts(50)
    straight = subject.scores(batch, CATALOGUE)
    np.testing.assert_allclose(subject.scores(batch, turned)[:, [0, 3, 2, 1]], straight, atol=1e-12)
    without = Catalogue((NOTHING, PUSH), ("j",))
    np.testing.assert_allclose(subject.scores(batch, without), straight[:, [0, 3]], atol=1e-12)


def test_newcomers_of_the_same_attributes_share_evenly() -> None:
    """Of two actions added yesterday nothing is known that parts them."""
    wider = Catalogue((*CATALOGUE.actions, action("third"), action("fourth")), ("j",))
    answer = policy(effects()).distribution(contexts(200), wider, everything(200, wider))
    np.testing.assert_array_equal(answer[:, 4], answer[:, 5])
    assert answer[:, 4].sum() > 0.0


def test_state_holds_them() -> None:
    """Ids as a parameter, draws as tensors, and the same policy back."""
    own = effects()
    parameters, tensors = policy(own).to_state()
    assert parameters["action_ids"] == list(IDS)
    assert set(tensors) == {"draws", "own_effects", "newcomer"}
    again = LinearThompsonPolicy.from_state(parameters, tensors).own_effects
    assert again is not None
    assert again.action_ids == IDS
    np.testing.assert_array_equal(again.draws, own.draws)
    np.testing.assert_array_equal(again.newcomer, own.newcomer)


@pytest.mark.parametrize("part", ["action_ids", "own_effects", "newcomer"])
def test_a_state_with_a_part_missing_is_refused(part: str) -> None:
    """Half of the own effects is no policy of attributes alone."""
    parameters, tensors = policy(effects()).to_state()
    parameters = {k: v for k, v in parameters.items() if k != part}
    tensors = {k: v for k, v in tensors.items() if k != part}
    with pytest.raises(DataLoss, match=part):
        LinearThompsonPolicy.from_state(parameters, tensors)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"action_ids": ("a", "a", "b", "c")}, "twice"),
        ({"action_ids": ("a", "b")}, "for 2 actions"),
        ({"newcomer": np.zeros(SAMPLES + 1)}, "are not"),
        ({"newcomer": np.full(SAMPLES, np.nan)}, "newcomer"),
        ({"draws": np.zeros((SAMPLES, 4), dtype=np.float32)}, "draws"),
    ],
)
def test_effects_that_do_not_fit_are_refused(changes: dict[str, object], match: str) -> None:
    """Ids, shapes and values are checked by name."""
    with pytest.raises(InvalidArgument, match=match):
        effects(**changes)


def test_effects_of_another_model_are_refused() -> None:
    """Draws of own effects go with draws of the shared weights, one to one."""
    short = effects(draws=np.zeros((4, 4)), newcomer=np.zeros(4))
    with pytest.raises(InvalidArgument, match="own_effects"):
        policy(short)
