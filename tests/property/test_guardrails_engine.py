"""Properties of the guardrail map on any distribution and any facts."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.guardrails import Contact, Facts, FactsBatch, GuardrailConfig, GuardrailEngine
from tests.support.decisions import CATALOGUE, NOON
from troth.catalogue import CHANNELS, NO_CONTACT, Channel
from troth.policy import check_distribution, normalise

ENGINE = GuardrailEngine(GuardrailConfig.shipped())
CONTACT_CHANNELS = [c for c in CHANNELS if c is not Channel.NONE]

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
weights = st.lists(
    st.floats(0.0, 1.0, allow_subnormal=False), min_size=len(CATALOGUE), max_size=len(CATALOGUE)
)


@given(rows=st.lists(st.tuples(people, weights), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_what_is_served_is_a_distribution_over_what_is_allowed(
    rows: list[tuple[Facts, list[float]]],
) -> None:
    """No refused action keeps mass, proportions of the rest are kept, verdicts add up."""
    facts = FactsBatch.of([person for person, _ in rows])
    everything = np.ones((len(rows), len(CATALOGUE)), dtype=bool)
    proposed = normalise(np.array([w for _, w in rows]), everything)
    served, verdicts = ENGINE.apply(proposed, CATALOGUE, facts, everything)
    allowed = ENGINE.allowed(CATALOGUE, facts)
    check_distribution(served, allowed)
    for row in range(len(rows)):
        refused = {action for verdict in verdicts[row] for action in verdict.refused}
        assert refused == {
            action.action_id
            for action, ok in zip(CATALOGUE.actions, allowed[row], strict=True)
            if not ok
        }
        taken = sum(verdict.mass for verdict in verdicts[row])
        left = proposed[row][allowed[row]].sum()
        np.testing.assert_allclose(taken + left, 1.0, atol=1e-12)
        if left > 1e-6:
            np.testing.assert_allclose(served[row] * left, proposed[row] * allowed[row], atol=1e-12)
        else:
            assert served[row, NO_CONTACT] > 0 or left > 0


@given(person=people)
@settings(max_examples=50, deadline=None)
def test_facts_read_back_from_a_record_are_judged_the_same(person: Facts) -> None:
    """A replay sees the verdicts that were given."""
    again = Facts.from_dict(person.to_dict())
    before = ENGINE.allowed(CATALOGUE, FactsBatch.of([person]))
    assert (before == ENGINE.allowed(CATALOGUE, FactsBatch.of([again]))).all()
