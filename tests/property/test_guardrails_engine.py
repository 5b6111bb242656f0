"""Properties of the served rule on any policy, any candidates and any facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.support.decisions import CATALOGUE, NOON, SCHEMA
from troth.catalogue import CHANNELS, NO_CONTACT, Catalogue, Channel
from troth.contexts import ContextBatch
from troth.guardrails import Contact, Facts, FactsBatch, Guarded, GuardrailConfig, GuardrailEngine
from troth.guardrails import guard as guard_policy
from troth.guardrails.guarded import Tally
from troth.policy import Distribution, Mask, check_distribution, greedy, normalise

ENGINE = GuardrailEngine(GuardrailConfig.shipped())
WINDOW = timedelta(days=40)
CONTACT_CHANNELS = [c for c in CHANNELS if c is not Channel.NONE]
K = len(CATALOGUE)

contacts = st.builds(
    Contact,
    at=st.timedeltas(timedelta(days=-40), timedelta(days=40)).map(lambda d: NOON + d),
    channel=st.sampled_from(CONTACT_CHANNELS),
    action_id=st.sampled_from(["", "welcome_email", "winback_sms", "gone"]),
    day=st.sampled_from(["2026-03-03", "2026-03-04", "2026-03-05"]),
)
people = st.builds(
    Facts,
    permissions=st.dictionaries(st.sampled_from(CONTACT_CHANNELS), st.booleans()),
    zone=st.sampled_from([None, "Europe/Vienna", "Asia/Tokyo", "America/Lima", "nowhere"]),
    decided_at=st.timedeltas(timedelta(0), timedelta(days=1)).map(lambda d: NOON + d),
    contacts=st.lists(contacts, max_size=4).map(tuple),
)
weights = st.lists(st.floats(0.0, 1.0, allow_subnormal=False), min_size=K, max_size=K)
candidates = st.lists(st.booleans(), min_size=K - 1, max_size=K - 1)
crowds = st.lists(st.tuples(people, weights, candidates), min_size=1, max_size=5)
Crowd = list[tuple[Facts, list[float], list[bool]]]


@dataclass(frozen=True)
class ByContext:
    """Customer i, whose first feature is i, gets scores[i]: all on the best, or in proportion."""

    scores: NDArray[np.float64]
    decided: bool

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """See :class:`troth.policy.Policy`."""
        scores = self.scores[contexts.raw[:, 0].astype(int)]
        return greedy(scores, mask) if self.decided else normalise(scores, mask)


def guarded(rows: Crowd, *, decided: bool) -> tuple[Guarded, ByContext, ContextBatch, Mask]:
    """The rows under the shipped guardrails."""
    raw = np.tile(np.arange(len(rows), dtype=np.float32)[:, None], (1, len(SCHEMA.names)))
    contexts = ContextBatch(SCHEMA, raw)
    policy = ByContext(np.array([row[1] for row in rows]), decided)
    mask = np.array([[True, *row[2]] for row in rows])
    facts = FactsBatch.of([row[0] for row in rows], CATALOGUE, WINDOW)
    return (
        guard_policy(policy, ENGINE, contexts, CATALOGUE, mask, facts),
        policy,
        contexts,
        mask,
    )


@pytest.mark.parametrize("decided", [True, False])
@given(rows=crowds)
@settings(max_examples=60, deadline=None)
def test_what_is_served_is_the_policys_own_answer_to_what_is_left(
    decided: bool, rows: Crowd
) -> None:
    """Whoever lost a candidate is asked again; whoever lost none keeps the first answer's bits."""
    found, policy, contexts, mask = guarded(rows, decided=decided)
    check_distribution(found.distribution, found.mask)
    assert (found.mask <= mask).all()
    again = policy.distribution(contexts, CATALOGUE, found.mask)
    first = policy.distribution(contexts, CATALOGUE, mask)
    lost = (found.mask != mask).any(axis=1)
    assert found.distribution[lost].tolist() == again[lost].tolist()
    assert found.distribution[~lost].tobytes() == first[~lost].tobytes()
    assert found.proposed.tobytes() == first.tobytes()


@given(rows=crowds)
@settings(max_examples=60, deadline=None)
def test_verdicts_name_what_is_lost_once_and_their_mass_adds_up(rows: Crowd) -> None:
    """What is lost is what a guardrail refuses; a tally is the mean of the verdicts."""
    found, _, _, mask = guarded(rows, decided=False)
    facts = FactsBatch.of([row[0] for row in rows], CATALOGUE, WINDOW)
    refused = np.logical_or.reduce(
        [r.blocked for g in ENGINE.guardrails for r in g.refusals(CATALOGUE, facts)]
    )
    assert not refused[:, NO_CONTACT].any()
    assert found.mask.tolist() == (mask & ~refused).tolist()
    tally = Tally()
    tally.add(found)
    masses: dict[tuple[str, str], float] = {}
    for row in range(len(rows)):
        verdicts = found.verdicts(row)
        names = [action for verdict in verdicts for action in verdict.refused]
        lost = np.flatnonzero(mask[row] & ~found.mask[row])
        assert sorted(names) == sorted(CATALOGUE.actions[c].action_id for c in lost)
        taken = sum(verdict.mass for verdict in verdicts)
        left = found.proposed[row][found.mask[row]].sum()
        np.testing.assert_allclose(taken + left, 1.0, atol=1e-12)
        for verdict in verdicts:
            key = (verdict.guardrail, verdict.reason)
            masses[key] = masses.get(key, 0.0) + verdict.mass / len(rows)
    for took in tally.took():
        expected = masses.get((took.guardrail, took.reason), 0.0)
        np.testing.assert_allclose(took.mass, expected, atol=1e-12)


@given(rows=crowds)
@settings(max_examples=30, deadline=None)
def test_a_batch_in_parts_is_judged_as_a_whole(rows: Crowd) -> None:
    """Rows are taken and put together again with their facts, whatever their number of contacts."""
    facts = FactsBatch.of([row[0] for row in rows], CATALOGUE, WINDOW)
    alone = [FactsBatch.of([row[0]], CATALOGUE, WINDOW) for row in rows]
    mask = np.ones((len(rows), K), dtype=bool)
    whole = ENGINE.judge(mask, CATALOGUE, facts)[0]
    for batch in (FactsBatch.concatenate(alone), facts.take(np.arange(len(rows)))):
        assert ENGINE.judge(mask, CATALOGUE, batch)[0].tolist() == whole.tolist()


@given(person=people)
@settings(max_examples=50, deadline=None)
def test_facts_read_back_from_a_record_are_judged_the_same(person: Facts) -> None:
    """A replay sees the verdicts that were given."""
    mask = np.ones((1, K), dtype=bool)
    before, after = (
        ENGINE.judge(mask, CATALOGUE, FactsBatch.of([one], CATALOGUE, WINDOW))[0]
        for one in (person, Facts.from_dict(person.to_dict()))
    )
    assert (before == after).all()
