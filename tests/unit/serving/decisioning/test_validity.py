"""Until when an answer holds, and what is said when it is given again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from serving.customers.other_contacts import Sighting, book
from serving.decisioning.replay import stored_decision
from serving.decisioning.servable import FixedPolicies, ServablePolicies
from serving.decisioning.validity import valid_until
from serving.decisions.records import Decision
from tests.support.decisions import (
    ALL_CHANNELS,
    CATALOGUE,
    NOON,
    Bench,
    WeightedPolicy,
    answerer,
    customers,
    loose_config,
    request,
)
from troth.catalogue import Channel
from troth.guardrails import Facts, GuardrailConfig, GuardrailEngine

Make = Callable[..., Bench]
SMS = (answerer(WeightedPolicy((0.0, 0.0, 0.0, 1.0))),)
EVENING = datetime(2026, 3, 4, 19, 55, tzinfo=UTC)
"""20:55 in Vienna."""


def until(
    at: datetime, channel: Channel, zone: str | None, quiet: Mapping[str, object] | None = None
) -> datetime:
    """When an answer at ``at`` ends."""
    facts = Facts(permissions={}, zone=zone, decided_at=at)
    told = GuardrailConfig.shipped().to_dict()
    config = GuardrailConfig.from_dict(told | {"quiet_hours": quiet or told["quiet_hours"]})
    action = next(action for action in CATALOGUE.actions if action.channel is channel)
    return valid_until(facts, action, GuardrailEngine(config), None)


def test_night_ends_what_disturbs_and_the_day_ends_everything() -> None:
    """SMS at 20:55 until nine, e-mail until midnight, by the customer's clock."""
    vienna = "Europe/Vienna"
    assert until(EVENING, Channel.SMS, vienna) == EVENING + timedelta(minutes=5)
    assert until(EVENING, Channel.EMAIL, vienna) == datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert until(EVENING, Channel.EMAIL, None) == datetime(2026, 3, 5, tzinfo=UTC)
    midnight = datetime(2026, 3, 4, 23, tzinfo=UTC)
    assert until(midnight, Channel.EMAIL, vienna) == midnight + timedelta(days=1)


@pytest.mark.parametrize(
    ("at", "start"),
    [
        # Clocks go from 02:00 to 03:00: quiet begins with the gap at the latest.
        (datetime(2026, 3, 29, 0, 45, tzinfo=UTC), time(2, 30)),
        # Clocks go from 03:00 back to 02:00: the first of the two counts.
        (datetime(2026, 10, 24, 23, 45, tzinfo=UTC), time(2, 30)),
    ],
)
def test_changed_clocks_never_lengthen_an_answer(at: datetime, start: time) -> None:
    """Of no minute before the end does the guardrail say that it is quiet."""
    quiet = {"start": start, "end": time(8), "channels": (Channel.SMS,)}
    end = until(at, Channel.SMS, "Europe/Vienna", quiet)
    assert at < end <= at + timedelta(hours=1, minutes=30)


def test_approval_ends_its_answers(bench: Make) -> None:
    """An answer does not outlive the approval it rests on."""
    end = NOON + timedelta(minutes=20)
    one = bench(policies=(answerer(WeightedPolicy(), expires_at=end),))
    customers(one.database, "C1")
    assert one.pipeline.decide(request()).valid_until == end


def texted(make: Make, at: datetime = EVENING) -> tuple[Bench, Decision, Callable[[], Decision]]:
    """An SMS granted at ``at``, and how to ask again."""
    one = make(policies=SMS, config=GuardrailConfig.shipped(), now=at)
    customers(one.database, "C1")
    asked = request(decided_at=at)
    first = one.pipeline.decide(asked)
    assert (first.channel, first.holds) == (Channel.SMS, True)
    return one, first, lambda: one.pipeline.decide(asked)


def test_answer_repeated_while_nothing_changed_holds(bench: Make) -> None:
    """Its own contact does not make it void."""
    one, first, again = texted(bench)
    one.now += timedelta(minutes=4)
    assert again() == first
    assert again().holds


def test_answer_repeated_at_night_is_the_same_and_void(bench: Make) -> None:
    """SMS decided at 20:55, answer lost, asked again at 03:00."""
    one, first, again = texted(bench)
    one.now = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
    assert again() == first
    assert again().void_reasons == ("expired", "quiet_hours")
    assert stored_decision(one.database, first.decision_id).void_reasons == ()


def test_answer_repeated_after_a_refusal_is_void(bench: Make) -> None:
    """The customer opted out meanwhile."""
    one, _, again = texted(bench)
    customers(one.database, "C1", permissions=dict.fromkeys(ALL_CHANNELS, False), given_at=EVENING)
    assert again().void_reasons == ("no_consent",)


def test_answer_repeated_after_a_stop_is_void(bench: Make) -> None:
    """Its policy does not stand any more; or its approval ended."""
    one, first, again = texted(bench)
    one.pipeline._policies = FixedPolicies({"daily": ServablePolicies()})
    assert again().void_reasons == ("stopped",)
    over = replace(SMS[0], scope=replace(SMS[0].scope, expires_at=first.answered_at))
    one.pipeline._policies = FixedPolicies({"daily": ServablePolicies((over,))})
    assert again().void_reasons == ("approval_expired",)


def test_answer_repeated_after_others_used_up_the_cap_is_void(bench: Make) -> None:
    """A contact made elsewhere meanwhile counts; the answer's own does not."""
    one, _, again = texted(bench)
    with one.database.write() as connection:
        sent = Sighting(at=EVENING, channel=Channel.EMAIL)
        book(connection, "C1", "Europe/Vienna", [sent])
    assert again().void_reasons == ("over_1_in_24h",)


def test_no_contact_holds_until_its_day_ends(bench: Make) -> None:
    """Doing nothing breaks no promise."""
    one = bench()
    asked = request("stranger")
    one.pipeline.decide(asked)
    one.pipeline._policies = FixedPolicies({})
    assert one.pipeline.decide(asked).holds
    one.now = NOON + timedelta(days=1)
    assert one.pipeline.decide(asked).void_reasons == ("expired",)


def test_later_clock_decides_quiet_hours(bench: Make) -> None:
    """Server 21:04, caller 20:59:30: it is night; and the other way round too."""
    night = datetime(2026, 3, 4, 20, 4, tzinfo=UTC)
    for server, caller in (
        (night, night - timedelta(minutes=4, seconds=30)),
        (night - timedelta(minutes=4, seconds=30), night),
    ):
        one = bench(policies=SMS, config=GuardrailConfig.shipped(), now=server)
        customers(one.database, "C1")
        decision = one.pipeline.decide(request(decided_at=caller))
        assert not decision.contacts
        assert [v.reason for v in decision.verdicts] == ["quiet_hours"]
        assert (decision.decided_at, decision.answered_at) == (caller, server)
        assert decision.facts.decided_at == decision.send_at == night


def test_later_clock_decides_caps(bench: Make) -> None:
    """A contact is booked when it can be made, not when a caller's slow clock says."""
    one = bench(config=loose_config(contacts=1))
    customers(one.database, "C1")
    first = one.pipeline.decide(request(decided_at=NOON - timedelta(minutes=59)))
    assert first.contacts
    assert first.send_at == NOON
    one.now = NOON + timedelta(hours=23, minutes=59)
    assert not one.pipeline.decide(request(decided_at=one.now)).contacts


def test_decision_that_waits_for_its_commit_while_night_falls_is_made_again(bench: Make) -> None:
    """The write lock came free after nine: no SMS."""
    one = bench(policies=SMS, config=GuardrailConfig.shipped(), now=EVENING)
    customers(one.database, "C1")
    steps = one.pipeline._steps(request(decided_at=None))
    draft = next(steps)
    assert draft.decision.contacts  # type: ignore[union-attr]
    one.now = EVENING + timedelta(minutes=6)
    assert not isinstance(one.pipeline._committer.submit(draft).result(), Decision)  # type: ignore[arg-type]
    assert one.count("contacts") == one.count("decisions") == 0
    assert not next(steps).decision.contacts  # type: ignore[union-attr]


def test_decision_of_a_policy_stopped_before_its_commit_is_made_again(bench: Make) -> None:
    """The stop came while it waited: somebody else answers."""
    one = bench(policies=SMS)
    customers(one.database, "C1")
    steps = one.pipeline._steps(request())
    draft = next(steps)
    one.pipeline._policies = FixedPolicies({"daily": ServablePolicies(reasons=("model_stopped",))})
    assert not isinstance(one.pipeline._committer.submit(draft).result(), Decision)  # type: ignore[arg-type]
    assert one.count("decisions") == 0


@pytest.mark.parametrize(
    ("zones", "at"),
    [
        (("America/Los_Angeles", "Asia/Tokyo"), datetime(2026, 3, 4, 20, tzinfo=UTC)),
        (("Asia/Tokyo", "America/Los_Angeles"), datetime(2026, 3, 4, 20, tzinfo=UTC)),
        (("America/Los_Angeles", "Asia/Tokyo"), datetime(2026, 3, 4, 14, 59, 30, tzinfo=UTC)),
        (("UTC", "Pacific/Kiritimati"), datetime(2026, 3, 4, 9, 59, 30, tzinfo=UTC)),
    ],
)
def test_whoever_flies_gains_no_day(bench: Make, zones: tuple[str, str], at: datetime) -> None:
    """One minute and half the world later the same action is refused, under loose caps."""
    one = bench(policies=SMS, config=loose_config(contacts=9), now=at)
    customers(one.database, "C1", zone=zones[0])
    assert one.pipeline.decide(request(decided_at=None)).contacts
    one.now = at + timedelta(minutes=1)
    customers(one.database, "C1", zone=zones[1])
    refused = one.another().decide(request(decided_at=None))
    assert not refused.contacts
    assert [v.reason for v in refused.verdicts] == ["granted_today"]
