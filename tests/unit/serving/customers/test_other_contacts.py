"""Contacts in other systems' logs: own grants are found among them, others count."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from serving.customers import contact_ledger, other_contacts
from serving.customers.other_contacts import How, Sighting
from tests.support.decisions import (
    NOON,
    Bench,
    WeightedPolicy,
    answerer,
    customers,
    loose_config,
    request,
)
from troth.catalogue import Channel
from troth.guardrails import Contact
from troth.types import new_id

Make = Callable[..., Bench]


def pushing(make: Make, *, at: tuple[float, ...] = (0,)) -> tuple[Bench, list[str]]:
    """A bench that granted C1 a push message at each of these hours after noon."""
    one = make(
        policies=(answerer(WeightedPolicy((0.0, 0.0, 1.0, 0.0))),),
        config=loose_config(contacts=9, hours=168),
    )
    customers(one.database, "C1")
    granted = []
    for hours in at:
        one.now = NOON + timedelta(hours=hours)
        decision = one.pipeline.decide(request(decided_at=None))
        assert decision.channel is Channel.PUSH
        granted.append(decision.decision_id)
    return one, granted


def seen(hours: float, decision_id: str = "", *, channel: Channel = Channel.PUSH) -> Sighting:
    """A row of a provider's log, ``hours`` after noon."""
    at = NOON + timedelta(hours=hours)
    return Sighting(at=at, channel=channel, decision_id=decision_id)


def book(one: Bench, *rows: Sighting) -> dict[str, int]:
    """Load rows of C1."""
    with one.database.write() as connection:
        found: Counter[How] = other_contacts.book(connection, "C1", "Europe/Vienna", rows)
    return {str(how): count for how, count in found.items()}


def contacts(one: Bench) -> tuple[Contact, ...]:
    """What counts under the caps, as of the third day."""
    with one.database.read() as connection:
        at = NOON + timedelta(days=2)
        return contact_ledger.facts(connection, "C1", at, timedelta(days=7)).contacts


def test_own_push_in_the_log_is_one_contact(bench: Make) -> None:
    """Seven seconds after the grant, without an id: it is the grant, made when the log says."""
    one, _ = pushing(bench)
    assert book(one, seen(7 / 3600)) == {"matched_by_time": 1}
    (contact,) = contacts(one)
    assert contact.at == NOON + timedelta(seconds=7)
    assert book(one, seen(7 / 3600)) == {"matched_by_time": 1}
    assert len(contacts(one)) == 1
    assert book(one, seen(8 / 3600)) == {"new": 1}
    assert len(contacts(one)) == 2


@pytest.mark.parametrize(
    ("row", "how"),
    [
        (seen(23.99), "matched_by_time"),
        (seen(24), "new"),
        (seen(-0.01), "new"),
        (seen(0.5, channel=Channel.EMAIL), "new"),
        (seen(0.5, new_id()), "new"),
    ],
    ids=["within a day", "after a day", "before", "other channel", "other decision"],
)
def test_only_a_row_that_can_be_the_grant_is(bench: Make, row: Sighting, how: str) -> None:
    """Same customer and channel, within 24 hours after, and not known to be another's."""
    one, _ = pushing(bench)
    assert book(one, row) == {how: 1}
    assert len(contacts(one)) == (1 if how == "matched_by_time" else 2)


def test_log_that_cuts_off_fractions(bench: Make) -> None:
    """A grant at 12:00:00.4 is the row of 12:00:00."""
    one, _ = pushing(bench, at=(0.4 / 3600,))
    assert book(one, seen(0)) == {"matched_by_time": 1}


def test_row_with_an_id_is_that_contact_at_any_time(bench: Make) -> None:
    """However late, and once however often; a row without is then another's, or the same row."""
    one, (decision_id,) = pushing(bench)
    assert book(one, seen(30, decision_id), seen(29, decision_id)) == {"matched_by_id": 2}
    (contact,) = contacts(one)
    assert contact.at == NOON + timedelta(hours=30)
    assert book(one, seen(30)) == {"matched_by_id": 1}
    assert len(contacts(one)) == 1
    assert book(one, seen(2)) == {"new": 1}
    assert len(contacts(one)) == 2


def test_order_of_logs_does_not_matter(bench: Make) -> None:
    """Two grants and two rows pair up whichever row is loaded first."""
    rows = [seen(26), seen(27), seen(60)]
    for order in itertools.permutations(rows):
        one, _ = pushing(bench, at=(3, 24))
        for row in order:
            book(one, row)
        assert len(contacts(one)) == 3
        assert one.count("contacts WHERE decision_id IS NULL") == 1


def test_row_elsewhere_counts_under_the_cap(bench: Make) -> None:
    """What another system sent takes the place of what we might."""
    one = bench(config=loose_config(contacts=1))
    customers(one.database, "C1")
    book(one, seen(-1))
    assert not one.pipeline.decide(request()).contacts
