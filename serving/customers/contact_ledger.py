"""The contact ledger: who was or will be contacted when, here or by other systems.

A grant is a reservation: it is written in the transaction of its decision, and what the
decision assumed about the customer is compared with the ledger in that same transaction.
Beyond the guardrails, the ledger itself holds that a customer gets an action (one step of one
journey, with one offer, through one channel) at most once per calendar day of theirs, in the
zone they are in and the one they were in. That is the contact that "twice" would mean: a
retry under a new request_id, a second replica, or two channel systems that both act on the
same trigger.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from serving.customers import profiles
from serving.decisions.records import Decision
from serving.storage.unit_of_work import UnitOfWork
from troth.catalogue import Channel
from troth.errors import DataLoss
from troth.guardrails.facts import Contact, Facts, local_day

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SEEN_WITHIN = timedelta(hours=24)
"""How long after a grant another system's log may show it as sent."""
_SEEN_US = SEEN_WITHIN // _MICROSECOND


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Aware UTC; inverse of :func:`microseconds`."""
    return _EPOCH + microseconds * _MICROSECOND


def facts(
    unit: UnitOfWork,
    customer_id: str,
    decided_at: datetime,
    window: timedelta,
    *,
    without: str = "",
) -> Facts:
    """What is known about a customer now, for the guardrails.

    Args:
        unit: a snapshot, or the transaction that is to rely on the answer.
        customer_id: whom.
        decided_at: when the contact would be made, aware UTC.
        window: how far from ``decided_at`` contacts matter, before and after.
        without: a decision whose own contact is left out.

    Raises:
        DataLoss: if the profile or the ledger cannot be read.
    """
    zone, permissions, told = profiles.known(unit, customer_id)
    centre, reach = microseconds(decided_at), window // _MICROSECOND
    # A contact that another system's log shows was made when that log says, up to a day later.
    rows = unit.contacts.around(
        customer_id,
        granted_after=centre - reach - _SEEN_US,
        after=centre - reach,
        before=centre + reach,
        without=without,
    )
    try:
        contacts = tuple(
            Contact(
                at=from_microseconds(row.made_us),
                channel=Channel(row.channel),
                action_id=row.action_id,
                day=row.day,
                zone=row.zone,
            )
            for row in rows
        )
    except (ValueError, TypeError) as error:
        raise DataLoss(f"contacts of {customer_id!r}: {error}", field="contacts") from error
    return Facts(
        permissions=permissions, zone=zone, decided_at=decided_at, contacts=contacts, told=told
    )


def reserve(unit: UnitOfWork, decision: Decision) -> bool:
    """Book the contact that ``decision`` grants.

    Args:
        unit: inside the write transaction of the decision.
        decision: one that contacts the customer, whose facts are those of this transaction.

    Returns:
        False if the same contact was granted before; then nothing was written.
    """
    zone = decision.facts.zone
    if any(
        contact.action_id == decision.action_id and contact.shares_day(decision.send_at, zone)
        for contact in decision.facts.contacts
    ):
        return False
    return unit.contacts.grant(
        customer_id=decision.customer_id,
        at_us=microseconds(decision.send_at),
        channel=decision.channel.value,
        action_id=decision.action_id,
        day=local_day(decision.send_at, zone),
        decision_id=decision.decision_id,
        zone=zone,
    )
