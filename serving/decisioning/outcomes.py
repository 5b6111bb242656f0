"""Outcomes: what came of decisions, any number of times and in any order."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from serving.decisioning import profiles
from serving.decisioning.records import decode_record
from serving.decisioning.requests import check_outcome, require_uuid
from serving.governance import audit
from serving.governance.kinds import AuditKind
from troth.errors import AlreadyExists, InvalidArgument, NotFound
from troth.types import Outcome, OutcomeKind, isoformat, parse_time, require_aware


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The acknowledgement of an outcome.

    Attributes:
        outcome_id: which.
        first_time: false if it had been recorded before.
    """

    outcome_id: str
    first_time: bool


def checked(outcome: Outcome, now: datetime, skew: timedelta) -> Outcome:
    """Return ``outcome`` in canonical form if it can be right.

    Args:
        outcome: as reported.
        now: the server's clock.
        skew: how far ahead of it a reporter's clock may be.

    Raises:
        InvalidArgument: naming the field.
    """
    check_outcome(outcome.kind, outcome.value_minor)
    occurred_at = require_aware(outcome.occurred_at, "occurred_at")
    if occurred_at > now + skew:
        raise InvalidArgument(
            f"{isoformat(occurred_at)} is more than {skew.total_seconds():g} s ahead of the"
            f" server's clock {isoformat(now)}",
            field="occurred_at",
        )
    return Outcome(
        outcome_id=require_uuid(outcome.outcome_id, "outcome_id"),
        decision_id=require_uuid(outcome.decision_id, "decision_id"),
        kind=outcome.kind,
        value_minor=outcome.value_minor,
        occurred_at=occurred_at,
    )


def record(
    connection: sqlite3.Connection, outcome: Outcome, *, now: datetime, skew: timedelta
) -> Recorded:
    """Store one outcome; an opt-out takes the permission away in the same transaction.

    Args:
        connection: inside a write transaction.
        outcome: in canonical form, see :func:`checked`.
        now: aware UTC.
        skew: how long before its decision an outcome may seem to lie.

    Raises:
        NotFound: if there is no such decision.
        AlreadyExists: if the id was used for another outcome.
        InvalidArgument: if the outcome cannot be that of its decision.
    """
    if _seen(connection, outcome):
        return Recorded(outcome_id=outcome.outcome_id, first_time=False)
    row = connection.execute(
        "SELECT record, record_digest FROM decisions WHERE decision_id = ?", (outcome.decision_id,)
    ).fetchone()
    if row is None:
        raise NotFound(f"{outcome.decision_id} is not a decision", field="decision_id")
    decision = decode_record(row["record"], row["record_digest"])
    if outcome.kind is not OutcomeKind.PURCHASED and not decision.contacts:
        raise InvalidArgument(
            f"{outcome.kind} cannot come of a decision that made no contact", field="kind"
        )
    if outcome.occurred_at < decision.decided_at - skew:
        raise InvalidArgument(
            f"{isoformat(outcome.occurred_at)} lies before the decision of"
            f" {isoformat(decision.decided_at)}",
            field="occurred_at",
        )
    connection.execute(
        "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?)",
        (
            outcome.outcome_id,
            outcome.decision_id,
            outcome.kind,
            outcome.value_minor,
            isoformat(outcome.occurred_at),
            isoformat(now),
        ),
    )
    if outcome.kind is OutcomeKind.OPTED_OUT:
        # The later of the two clocks: a profile must be newer than our knowing of it.
        withdrawn_at = max(outcome.occurred_at, now)
        profiles.withdraw(connection, decision.customer_id, decision.channel, at=withdrawn_at)
        audit.append(
            connection,
            AuditKind.PERMISSION_WITHDRAWN,
            {
                "outcome_id": outcome.outcome_id,
                "decision_id": outcome.decision_id,
                "channel": str(decision.channel),
            },
        )
    return Recorded(outcome_id=outcome.outcome_id, first_time=True)


def _seen(connection: sqlite3.Connection, outcome: Outcome) -> bool:
    row = connection.execute(
        "SELECT decision_id, kind, value_minor, occurred_at FROM outcomes WHERE outcome_id = ?",
        (outcome.outcome_id,),
    ).fetchone()
    if row is None:
        return False
    stored = Outcome(
        outcome_id=outcome.outcome_id,
        decision_id=row["decision_id"],
        kind=OutcomeKind(row["kind"]),
        value_minor=row["value_minor"],
        occurred_at=parse_time(row["occurred_at"]),
    )
    if stored != outcome:
        raise AlreadyExists(
            f"{outcome.outcome_id} was used before for another outcome", field="outcome_id"
        )
    return True
