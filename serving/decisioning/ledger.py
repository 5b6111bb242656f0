"""The contact ledger: who was or will be contacted when, here or by other systems.

A grant is a reservation: it is written in the transaction of its decision, and what the
decision assumed about the customer is compared with the ledger in that same transaction.
Beyond the guardrails, one unique key holds in the schema itself: a customer gets an action
(one step of one journey, with one offer, through one channel) at most once per calendar day
of theirs. That is the contact that "twice" would mean: a retry under a new request_id, a
second replica, or two channel systems that both act on the same trigger.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from serving.decisioning import profiles
from serving.decisioning.records import Decision
from serving.guardrails.facts import Contact, Facts, local_day
from troth.catalogue import Channel
from troth.errors import DataLoss

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def facts(
    connection: sqlite3.Connection, customer_id: str, decided_at: datetime, window: timedelta
) -> Facts:
    """What is known about a customer now, for the guardrails.

    Args:
        connection: a snapshot, or the transaction that is to rely on the answer.
        customer_id: whom.
        decided_at: what the decision is for, aware UTC.
        window: how far from ``decided_at`` contacts matter, before and after.

    Raises:
        DataLoss: if the profile or the ledger cannot be read.
    """
    zone, permissions = profiles.find(connection, customer_id)
    centre, reach = microseconds(decided_at), window // _MICROSECOND
    rows = connection.execute(
        "SELECT at_us, channel, action_id, day FROM contacts"
        " WHERE customer_id = ? AND at_us > ? AND at_us < ? ORDER BY at_us, contact_id",
        (customer_id, centre - reach, centre + reach),
    )
    try:
        contacts = tuple(
            Contact(
                at=_EPOCH + row["at_us"] * _MICROSECOND,
                channel=Channel(row["channel"]),
                action_id=row["action_id"],
                day=row["day"],
            )
            for row in rows
        )
    except (ValueError, TypeError) as error:
        raise DataLoss(f"contacts of {customer_id!r}: {error}", field="contacts") from error
    return Facts(permissions=permissions, zone=zone, decided_at=decided_at, contacts=contacts)


def reserve(connection: sqlite3.Connection, decision: Decision) -> bool:
    """Book the contact that ``decision`` grants.

    Args:
        connection: inside the write transaction of the decision.
        decision: one that contacts the customer.

    Returns:
        False if the same contact was granted before; then nothing was written.
    """
    done = connection.execute(
        "INSERT OR IGNORE INTO contacts"
        " (customer_id, at_us, channel, action_id, day, decision_id) VALUES (?, ?, ?, ?, ?, ?)",
        (
            decision.customer_id,
            microseconds(decision.send_at),
            decision.channel,
            decision.action_id,
            local_day(decision.send_at, decision.facts.zone),
            decision.decision_id,
        ),
    )
    return done.rowcount == 1


def book_elsewhere(
    connection: sqlite3.Connection, customer_id: str, zone: str | None, contacts: Iterable[Contact]
) -> int:
    """Book contacts that other systems made; returns how many were new."""
    new = 0
    for contact in contacts:
        new += connection.execute(
            "INSERT OR IGNORE INTO contacts"
            " (customer_id, at_us, channel, action_id, day, decision_id)"
            " VALUES (?, ?, ?, '', ?, NULL)",
            (customer_id, microseconds(contact.at), contact.channel, local_day(contact.at, zone)),
        ).rowcount
    return new
