"""The engine and the served rule: attribution, the next best, and what the facts must be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.support.decisions import ALL_CHANNELS, CATALOGUE, NOON, SCHEMA, WeightedPolicy
from troth.catalogue import Catalogue, Channel
from troth.contexts import ContextBatch
from troth.errors import FailedPrecondition, InvalidArgument
from troth.guardrails import Contact, Facts, FactsBatch, Guarded, GuardrailConfig, GuardrailEngine
from troth.guardrails import guard as guard_policy
from troth.guardrails.columns import UNKNOWN_CHANNEL
from troth.guardrails.guarded import Tally, Took
from troth.policy import Distribution, Mask, Policy
from troth.types import Verdict

ENGINE = GuardrailEngine(GuardrailConfig.shipped())
WEEK = timedelta(hours=168)
AWAKE = Facts(permissions=ALL_CHANNELS, zone="Europe/Vienna", decided_at=NOON)
NO_SMS = replace(AWAKE, permissions={**ALL_CHANNELS, Channel.SMS: False})
LOST = replace(AWAKE, permissions={}, zone=None)
TENTHS = WeightedPolicy((1.0, 2.0, 3.0, 4.0))


def guarded(policy: Policy, *people: Facts, listed: timedelta = WEEK) -> Guarded:
    """Everything is a candidate for everybody."""
    contexts = ContextBatch(SCHEMA, np.zeros((len(people), 3), dtype=np.float32))
    mask = np.ones((len(people), len(CATALOGUE)), dtype=bool)
    facts = FactsBatch.of(people, CATALOGUE, listed)
    return guard_policy(policy, ENGINE, contexts, CATALOGUE, mask, facts)


def test_a_proportional_policy_keeps_its_proportions() -> None:
    """The verdict names what was taken and how much."""
    found = guarded(TENTHS, NO_SMS)
    np.testing.assert_allclose(found.distribution, [[1 / 6, 2 / 6, 3 / 6, 0.0]], rtol=1e-15)
    assert found.verdicts(0) == (
        Verdict(guardrail="consent", refused=("winback_sms",), mass=0.4, reason="no_consent"),
    )


def test_nothing_left_is_no_contact() -> None:
    """A policy that never stays silent is silenced when every contact is refused."""
    found = guarded(WeightedPolicy((0.0, 2.0, 1.0, 1.0)), LOST)
    assert found.distribution.tolist() == [[1.0, 0.0, 0.0, 0.0]]
    assert [(v.guardrail, v.reason, v.mass) for v in found.verdicts(0)] == [
        ("consent", "unknown_consent", 1.0)
    ]


def test_first_guardrail_to_refuse_is_named_alone() -> None:
    """Refusals add up over guardrails: an action is counted once."""
    found = guarded(TENTHS, replace(AWAKE, zone=None), LOST)
    assert [(v.guardrail, v.refused) for v in found.verdicts(0)] == [
        ("quiet_hours", ("welcome_push", "winback_sms"))
    ]
    assert [v.guardrail for v in found.verdicts(1)] == ["consent"]


def test_a_policy_with_one_favourite_names_its_next_best() -> None:
    """It is asked again rather than silenced."""
    found = guarded(WeightedPolicy((0.0, 1e-12, 0.0, 1.0)), NO_SMS, AWAKE)
    assert found.distribution[0].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert found.mask.tolist() == [[True, True, True, False], [True] * 4]
    assert found.verdicts(0)[0].mass == pytest.approx(1.0)
    assert found.verdicts(1) == ()


class OneBuffer:
    """Writes every answer into the same array."""

    def __init__(self, size: int) -> None:
        self._answers = np.empty((size, len(CATALOGUE)))

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """See :class:`troth.policy.Policy`."""
        answer = self._answers[: len(contexts)]
        answer[:] = TENTHS.distribution(contexts, actions, mask)
        return answer


def test_a_first_answer_stays_what_it_was_when_the_policy_is_asked_again() -> None:
    """Also of a policy that has one array for all answers."""
    people = (AWAKE, NO_SMS, LOST)
    found, expected = guarded(OneBuffer(3), *people), guarded(TENTHS, *people)
    np.testing.assert_array_equal(found.proposed, expected.proposed)
    np.testing.assert_array_equal(found.distribution, expected.distribution)
    for row in range(len(people)):
        assert found.verdicts(row) == expected.verdicts(row)


@pytest.mark.parametrize("again", [False, True])
def test_a_policy_does_not_choose_its_own_limits(again: bool) -> None:
    """Masks are shown, not handed over; whose answer is for other rows is refused."""

    class Loosening:
        def distribution(
            self, contexts: ContextBatch, actions: Catalogue, mask: Mask
        ) -> Distribution:
            if mask.all() != again:
                mask[:] = True
            return TENTHS.distribution(contexts, actions, mask)

    with pytest.raises(ValueError, match="read-only"):
        guarded(Loosening(), NO_SMS)


def test_an_answer_for_fewer_customers_than_asked_about_is_refused() -> None:
    """It is not repeated for the others."""

    class Short:
        def distribution(
            self, contexts: ContextBatch, actions: Catalogue, mask: Mask
        ) -> Distribution:
            answer = TENTHS.distribution(contexts, actions, mask)
            return answer if mask.all() else answer[:1]

    with pytest.raises(InvalidArgument, match="is not float64"):
        guarded(Short(), NO_SMS, NO_SMS)


def test_a_tally_over_batches_is_that_of_all_rows() -> None:
    """Means per decision; rows that are not to be counted are not."""
    whole, parts, chosen = Tally(), Tally(), Tally()
    people = (AWAKE, NO_SMS, LOST, replace(AWAKE, zone=None))
    whole.add(guarded(TENTHS, *people))
    for one in people:
        parts.add(guarded(TENTHS, one))
    assert parts.took() == whole.took()
    by_reason = {took.reason: took for took in whole.took()}
    assert by_reason["no_consent"] == Took(
        guardrail="consent", reason="no_consent", mass=pytest.approx(0.1), rows=0.25
    )
    assert by_reason["unknown_consent"].mass == pytest.approx(0.9 / 4)
    assert by_reason["unknown_time_zone"].mass == pytest.approx(0.7 / 4)
    assert by_reason["granted_today"] == Took(
        guardrail="repeat", reason="granted_today", mass=0.0, rows=0.0
    )
    chosen.add(guarded(TENTHS, *people), counted=np.array([False, True, False, False]))
    assert {took.reason: took.rows for took in chosen.took() if took.rows} == {"no_consent": 1.0}


def test_facts_of_other_customers_are_refused() -> None:
    """Facts and contexts go together row by row, and by the actions of one catalogue."""
    contexts = ContextBatch(SCHEMA, np.zeros((2, 3), dtype=np.float32))
    mask = np.ones((2, 4), dtype=bool)
    one = FactsBatch.of([AWAKE], CATALOGUE, WEEK)
    with pytest.raises(InvalidArgument, match="1 rows for 2 contexts"):
        guard_policy(TENTHS, ENGINE, contexts, CATALOGUE, mask, one)
    other = FactsBatch.of([AWAKE, AWAKE], CATALOGUE, WEEK)
    other = replace(other, granted_today=np.zeros((2, 5), dtype=bool))
    with pytest.raises(InvalidArgument) as caught:
        guard_policy(TENTHS, ENGINE, contexts, CATALOGUE, mask, other)
    assert caught.value.field == "facts.granted_today"


def test_contacts_listed_less_far_than_a_cap_reaches_are_not_enough() -> None:
    """A cap of a week cannot be judged by the contacts of three days."""
    assert guarded(TENTHS, AWAKE, listed=WEEK).mask.all()
    with pytest.raises(FailedPrecondition, match=r"72 hours far in row 0.*168 hours") as caught:
        guarded(TENTHS, AWAKE, listed=timedelta(days=3))
    assert caught.value.field == "facts.listed_us"


def test_a_contact_through_an_unknown_channel_counts_under_every_cap() -> None:
    """Whatever is unknown counts as a refusal."""
    rules = [{"hours": 24, "contacts": 1, "channels": ["sms"]}]
    config = GuardrailConfig.shipped().to_dict() | {"frequency_cap": {"rules": rules}}
    engine = GuardrailEngine(GuardrailConfig.from_dict(config))
    mask = np.ones((1, len(CATALOGUE)), dtype=bool)
    mailed = replace(AWAKE, contacts=(Contact(at=NOON, channel=Channel.EMAIL),))
    known = FactsBatch.of([mailed], CATALOGUE, WEEK)
    unknown = replace(known, contact_channel=np.full((1, 1), UNKNOWN_CHANNEL))
    assert engine.judge(mask, CATALOGUE, known)[0].tolist() == [[True] * 4]
    assert engine.judge(mask, CATALOGUE, unknown)[0].tolist() == [[True, True, True, False]]


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("permissions", (1, 2)),
        ("contact_age_us", (1,)),
        ("granted_today", (2, 4)),
        ("listed_us", ()),
    ],
)
def test_columns_of_another_shape_are_refused(name: str, shape: tuple[int, ...]) -> None:
    """Each column has a row for each customer."""
    with pytest.raises(InvalidArgument) as caught:
        replace(FactsBatch.of([AWAKE], CATALOGUE, WEEK), **{name: np.zeros(shape, dtype=np.int64)})
    assert caught.value.field in (f"facts.{name}", "facts.contact_channel")
