"""Known answers of each guardrail on a small catalogue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.decisions import ALL_CHANNELS, CATALOGUE, NOON
from troth.catalogue import Channel
from troth.guardrails import Contact, Facts, FactsBatch, GuardrailConfig
from troth.guardrails.consent import Consent
from troth.guardrails.frequency_cap import FrequencyCap
from troth.guardrails.guardrail import Guardrail
from troth.guardrails.quiet_hours import QuietHours
from troth.guardrails.repeat import Repeat

IDS = [action.action_id for action in CATALOGUE.actions]


def refused(guardrail: Guardrail, *facts: Facts) -> list[dict[str, str]]:
    """Action ids to reasons, one mapping per row."""
    batch = FactsBatch.of(facts, CATALOGUE, timedelta(days=30))
    rows: list[dict[str, str]] = [{} for _ in facts]
    for refusal in guardrail.refusals(CATALOGUE, batch):
        for row, blocked in enumerate(refusal.blocked):
            rows[row].update({IDS[k]: refusal.reason for k in range(len(IDS)) if blocked[k]})
    return rows


def facts(**changes: object) -> Facts:
    """A customer in Vienna who permits everything and was never contacted."""
    values = {"permissions": ALL_CHANNELS, "zone": "Europe/Vienna", "decided_at": NOON}
    return Facts(**{**values, **changes})  # type: ignore[arg-type]


def quiet(start: str, end: str) -> QuietHours:
    """Quiet hours for text messages and push."""
    config = GuardrailConfig.from_dict(
        {
            "quiet_hours": {"start": start, "end": end, "channels": ["sms", "push"]},
            "frequency_cap": {"rules": [{"hours": 1, "contacts": 1}]},
        }
    )
    return QuietHours(config.sections["quiet_hours"])


def cap(*rules: dict[str, object]) -> FrequencyCap:
    """A cap with these rules."""
    config = GuardrailConfig.from_dict(
        {
            "quiet_hours": {"start": "03:00", "end": "04:00", "channels": []},
            "frequency_cap": {"rules": rules},
        }
    )
    return FrequencyCap(config.sections["frequency_cap"])


def ago(channel: Channel = Channel.EMAIL, **delta: float) -> Contact:
    """A contact so long before the decision."""
    return Contact(at=NOON - timedelta(**delta), channel=channel)


def test_consent_tells_denied_from_unknown() -> None:
    """Only a channel that is known to be permitted is used."""
    known = facts(permissions={Channel.EMAIL: True, Channel.PUSH: False})
    assert refused(Consent(), known, facts(permissions={}), facts()) == [
        {"welcome_push": "no_consent", "winback_sms": "unknown_consent"},
        dict.fromkeys(IDS[1:], "unknown_consent"),
        {},
    ]


@pytest.mark.parametrize(
    ("utc", "is_quiet"),
    [
        ("2026-03-04T19:59", False),
        ("2026-03-04T20:00", True),
        ("2026-03-05T06:59", True),
        ("2026-03-05T07:00", False),
        ("2026-07-04T19:00", True),  # summer time: 21:00 in Vienna
        ("2026-07-05T06:00", False),
        ("2026-03-29T00:30", True),  # the night an hour is left out
    ],
)
def test_quiet_hours_follow_the_customers_clock(utc: str, is_quiet: bool) -> None:
    """From 21:00 until just before 08:00 in Vienna, in winter and in summer."""
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    expected = {"welcome_push": "quiet_hours", "winback_sms": "quiet_hours"} if is_quiet else {}
    assert refused(quiet("21:00", "08:00"), facts(decided_at=moment)) == [expected]


def test_quiet_hours_within_one_day() -> None:
    """A span that does not go over midnight is read as it stands: it is 13:00 in Vienna."""
    assert refused(quiet("12:30", "13:30"), facts()) != [{}]
    assert refused(quiet("13:01", "13:30"), facts()) == [{}]
    assert refused(quiet("12:00", "13:00"), facts()) == [{}]


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../etc/passwd", "Europe/Vienna\n"])
def test_unknown_zone_is_quiet_all_day(zone: str | None) -> None:
    """Who might be asleep is not disturbed; quiet channels still may be used."""
    assert refused(quiet("21:00", "08:00"), facts(zone=zone)) == [
        {"welcome_push": "unknown_time_zone", "winback_sms": "unknown_time_zone"}
    ]


def test_frequency_cap_counts_within_its_window() -> None:
    """Contacts count until the window has passed to the microsecond, before and after."""
    rule = cap({"hours": 24, "contacts": 1})
    microsecond = timedelta(microseconds=1)
    just_in = Contact(at=NOON - timedelta(hours=24) + microsecond, channel=Channel.WEB)
    ahead = Contact(at=NOON + timedelta(hours=24) - microsecond, channel=Channel.WEB)
    everything = dict.fromkeys(IDS[1:], "over_1_in_24h")
    assert refused(
        rule,
        facts(contacts=(just_in,)),
        facts(contacts=(ago(hours=24),)),
        facts(contacts=(ahead,)),
        facts(contacts=(ago(hours=-24),)),
        facts(),
    ) == [everything, {}, everything, {}, {}]


def test_frequency_cap_needs_as_many_contacts_as_it_allows() -> None:
    """The last contact under a cap is still allowed."""
    rule = cap({"hours": 24, "contacts": 3})
    two, three = (ago(hours=1), ago(hours=2)), (ago(hours=1), ago(hours=2), ago(hours=3))
    assert refused(rule, facts(contacts=two), facts(contacts=three))[0] == {}
    assert refused(rule, facts(contacts=two), facts(contacts=three))[1] != {}


def test_frequency_cap_of_some_channels() -> None:
    """A rule counts and refuses its own channels only."""
    rule = cap({"hours": 24, "contacts": 1, "channels": ["sms", "push"]})
    assert refused(
        rule,
        facts(contacts=(ago(Channel.EMAIL, hours=1),)),
        facts(contacts=(ago(Channel.SMS, hours=1),)),
    ) == [{}, {"welcome_push": "over_1_in_24h", "winback_sms": "over_1_in_24h"}]


def test_repeat_refuses_what_was_granted_today() -> None:
    """The same action comes once per calendar day of the customer, not per 24 hours."""
    last_night = Contact(
        at=NOON - timedelta(hours=14),
        channel=Channel.EMAIL,
        action_id="welcome_email",
        day="2026-03-03",
    )
    this_morning = Contact(
        at=NOON - timedelta(hours=4),
        channel=Channel.EMAIL,
        action_id="welcome_email",
        day="2026-03-04",
    )
    elsewhere = Contact(at=NOON, channel=Channel.EMAIL, day="2026-03-04")
    assert refused(
        Repeat(),
        facts(contacts=(last_night,)),
        facts(contacts=(this_morning,)),
        facts(contacts=(elsewhere,)),
    ) == [{}, {"welcome_email": "granted_today"}, {}]
