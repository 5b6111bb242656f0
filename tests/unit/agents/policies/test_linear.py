"""Linear Thompson sampling: the distribution is the share of draws, counted exactly."""

from __future__ import annotations

import numpy as np
import pytest

from agents.policies import linear
from agents.policies.linear import LinearThompsonPolicy
from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument
from troth.features import Feature, FeatureKind, FeatureSchema

SCHEMA = FeatureSchema(
    (
        Feature(name="a", kind=FeatureKind.NUMERIC, low=-5, high=5),
        Feature(name="b", kind=FeatureKind.NUMERIC, low=-5, high=5),
    )
)


def action(action_id: str, kind: OfferKind, channel: Channel, step: int = 0) -> Action:
    """One row of journey ``j``."""
    journey = "none" if kind is OfferKind.NONE else "j"
    return Action(
        action_id=action_id, journey=journey, step=step, offer="o", kind=kind, channel=channel
    )


NOTHING = action("no_contact", OfferKind.NONE, Channel.NONE)
MAIL = action("mail", OfferKind.CONTENT, Channel.EMAIL)
MAIL_AGAIN = action("mail_again", OfferKind.CONTENT, Channel.EMAIL, step=2)
PUSH = action("push", OfferKind.CONTENT, Channel.PUSH)
CATALOGUE = Catalogue((NOTHING, MAIL, MAIL_AGAIN, PUSH), ("j",))


def policy(
    samples: int, rng: np.random.Generator | None = None, **changes: object
) -> LinearThompsonPolicy:
    """Random draws, or zeros without a generator."""
    shape = (samples, 3, len(CATALOGUE.feature_names) + 1)
    values = {
        "draws": np.zeros(shape) if rng is None else rng.standard_normal(shape),
        "schema_digest": SCHEMA.digest,
        "action_features": CATALOGUE.feature_names,
        **changes,
    }
    return LinearThompsonPolicy(**values)  # type: ignore[arg-type]


def contexts(n: int, seed: int = 0) -> ContextBatch:
    """Standard normal contexts."""
    return ContextBatch(
        SCHEMA, np.random.default_rng(seed).standard_normal((n, 2)).astype(np.float32)
    )


def test_is_the_share_of_draws_counted_one_by_one() -> None:
    """Against a loop over customers and draws, each scoring [1, x]' Theta [1, a]."""
    subject = policy(16, np.random.default_rng(1))
    batch = contexts(40)
    mask = np.random.default_rng(2).random((40, 4)) < 0.6
    mask[:, 0] = True
    expected = np.zeros((40, 4))
    for row in range(40):
        x = np.concatenate(([1.0], batch.encoded[row]))
        for theta in subject.draws:
            score = [x @ theta @ np.concatenate(([1.0], a)) for a in CATALOGUE.features]
            eligible = [k for k in range(4) if mask[row, k]]
            top = max(round(score[k], 9) for k in eligible)
            best = [k for k in eligible if round(score[k], 9) == top]
            expected[row, best] += 1 / 16 / len(best)
    answer = subject.distribution(batch, CATALOGUE, mask)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-12)


def test_actions_that_look_the_same_share_evenly() -> None:
    """Two steps with the same features have the same probability, and one gets both if alone."""
    subject = policy(64, np.random.default_rng(3))
    mask = np.ones((200, 4), dtype=bool)
    answer = subject.distribution(contexts(200), CATALOGUE, mask)
    np.testing.assert_array_equal(answer[:, 1], answer[:, 2])
    mask[:, 2] = False
    alone = subject.distribution(contexts(200), CATALOGUE, mask)
    np.testing.assert_allclose(alone[:, 1], answer[:, 1] + answer[:, 2], rtol=0, atol=1e-15)


def test_order_of_the_catalogue_does_not_matter() -> None:
    """Permuted rows get permuted probabilities."""
    subject = policy(32, np.random.default_rng(4))
    turned = Catalogue((NOTHING, PUSH, MAIL_AGAIN, MAIL), ("j",))
    mask = np.ones((50, 4), dtype=bool)
    straight = subject.distribution(contexts(50), CATALOGUE, mask)
    permuted = subject.distribution(contexts(50), turned, mask)
    np.testing.assert_array_equal(permuted[:, [0, 3, 2, 1]], straight)


def test_a_draw_without_opinion_means_no_contact() -> None:
    """Where all scores are equal the earliest action, no contact, has it."""
    answer = policy(4).distribution(contexts(3), CATALOGUE, np.ones((3, 4), dtype=bool))
    np.testing.assert_array_equal(answer, np.eye(4)[[0, 0, 0]])


def test_exploration_gives_full_support() -> None:
    """Every eligible action keeps its part of the exploration share."""
    mask = np.array([[True, True, False, True]])
    answer = policy(4, exploration=0.3).distribution(contexts(1), CATALOGUE, mask)
    np.testing.assert_allclose(answer, [[0.8, 0.1, 0.0, 0.1]], rtol=0, atol=1e-15)


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch cut into chunks gives what it gives in one piece."""
    subject = policy(32, np.random.default_rng(5))
    mask = np.ones((101, 4), dtype=bool)
    whole = subject.distribution(contexts(101), CATALOGUE, mask)
    monkeypatch.setattr(linear, "_CHUNK_SCORES", 32 * 3 * 7)
    np.testing.assert_allclose(
        subject.distribution(contexts(101), CATALOGUE, mask), whole, rtol=0, atol=1e-12
    )


def test_scores_are_the_mean_of_the_draws() -> None:
    """The reward it expects is the average over its draws."""
    subject = policy(8, np.random.default_rng(6))
    batch = contexts(5)
    x = np.column_stack((np.ones(5), batch.encoded))
    a = np.column_stack((np.ones(4), CATALOGUE.features))
    expected = np.mean([x @ theta @ a.T for theta in subject.draws], axis=0)
    np.testing.assert_allclose(subject.scores(batch, CATALOGUE), expected, rtol=0, atol=1e-12)


def test_refuses_contexts_of_another_schema() -> None:
    """Features that mean something else are not scored."""
    other = FeatureSchema((SCHEMA.features[1], SCHEMA.features[0]))
    with pytest.raises(FailedPrecondition, match="schema"):
        policy(2).distribution(
            ContextBatch(other, np.zeros((1, 2), dtype=np.float32)),
            CATALOGUE,
            np.ones((1, 4), dtype=bool),
        )


def test_refuses_a_catalogue_with_other_features() -> None:
    """A catalogue with another journey has columns the weights do not know."""
    other = Catalogue(CATALOGUE.actions, ("j", "k"))
    with pytest.raises(FailedPrecondition, match="actions"):
        policy(2).distribution(contexts(1), other, np.ones((1, 4), dtype=bool))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"exploration": 1.5}, "exploration"),
        ({"draws": np.zeros((0, 3, 5))}, "draws"),
        ({"draws": np.zeros((2, 3, 5), dtype=np.float32)}, "draws"),
        ({"draws": np.full((2, 3, len(CATALOGUE.feature_names) + 1), np.nan)}, "draws"),
        ({"action_features": ("contact",)}, "draws"),
    ],
)
def test_refuses_bad_state(changes: dict[str, object], field: str) -> None:
    """What cannot be a policy is refused when it is made, naming the field."""
    with pytest.raises(InvalidArgument, match=field):
        policy(2, **changes)


def test_missing_tensor_is_data_loss() -> None:
    """An artifact without draws is not a policy."""
    parameters, _ = policy(2).to_state()
    with pytest.raises(DataLoss, match=r"tensors\.draws"):
        LinearThompsonPolicy.from_state(parameters, {})
