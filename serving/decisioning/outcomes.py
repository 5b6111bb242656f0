"""Outcomes: what came of decisions, any number of times and in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from serving.customers import permission_reports, permissions
from serving.customers.permission_reports import PermissionReport
from serving.customers.permissions import PermissionFact
from serving.decisioning.requests import check_outcome
from serving.decisions.records import Decision, decode_record
from serving.storage.outcomes import OutcomeRow
from serving.storage.unit_of_work import UnitOfWork
from troth.catalogue import Channel
from troth.errors import AlreadyExists, InvalidArgument, NotFound
from troth.ids import is_uuid, require_customer, require_uuid
from troth.reports import Recorded
from troth.types import Outcome, OutcomeKind, isoformat, parse_time, require_aware

OPT_OUT_SOURCE = "outcome"
"""Where a customer refused who opted out of a message."""


def checked(outcome: Outcome, now: datetime, skew: timedelta) -> Outcome:
    """Return ``outcome`` in canonical form if it can be right.

    An opt-out is not refused for its time: a withdrawal is never lost because of a clock. Nor
    is one that names its customer refused for a decision's id that cannot be one of ours.

    Args:
        outcome: as reported.
        now: the server's clock.
        skew: how far ahead of it a reporter's clock may be.

    Raises:
        InvalidArgument: naming the field.
    """
    check_outcome(outcome.kind, outcome.value_minor)
    opts_out = outcome.kind is OutcomeKind.OPTED_OUT
    occurred_at = require_aware(outcome.occurred_at, "occurred_at")
    if occurred_at > now + skew and not opts_out:
        raise InvalidArgument(
            f"{isoformat(occurred_at)} is more than {skew.total_seconds():g} s ahead of the"
            f" server's clock {isoformat(now)}",
            field="occurred_at",
        )
    for name in ("customer_id", "channel"):
        if getattr(outcome, name) and not opts_out:
            raise InvalidArgument(f"{getattr(outcome, name)!r} goes with an opt-out", field=name)
    if outcome.channel is Channel.NONE:
        raise InvalidArgument("nobody opts out of no contact", field="channel")
    names_customer = opts_out and bool(outcome.customer_id)
    return replace(
        outcome,
        outcome_id=require_uuid(outcome.outcome_id, "outcome_id"),
        decision_id=(
            ""
            if names_customer and not is_uuid(outcome.decision_id)
            else require_uuid(outcome.decision_id, "decision_id")
        ),
        occurred_at=occurred_at,
        customer_id=require_customer(outcome.customer_id) if outcome.customer_id else "",
    )


def record(unit: UnitOfWork, outcome: Outcome, *, now: datetime, skew: timedelta) -> Recorded:
    """Store one outcome; an opt-out takes the permission away in the same transaction.

    An opt-out whose time cannot be right, such as one before the contact that it came of,
    counts from now: it outlives every consent that the decision rested on. Of a decision that
    made no contact it withdraws all channels unless it names one. One that names a customer is
    taken up without any decision, as a report of a permission under the outcome's id.

    Args:
        unit: inside a write transaction.
        outcome: in canonical form, see :func:`checked`.
        now: aware UTC.
        skew: how long before its decision an outcome may seem to lie.

    Raises:
        NotFound: if there is no such decision.
        AlreadyExists: if the id was used for another outcome.
        InvalidArgument: if the outcome cannot be that of its decision.
    """
    seen = _seen(unit, outcome)
    decision = _decision(unit, outcome.decision_id)
    if seen is not None:
        _require_same(unit, outcome, decision, seen)
        return Recorded(outcome_id=outcome.outcome_id, first_time=False)
    opts_out = outcome.kind is OutcomeKind.OPTED_OUT
    if decision is None:
        if opts_out and outcome.customer_id:
            return _without_decision(unit, outcome, now, skew)
        hint = "; SetPermission withdraws a permission without one" if opts_out else ""
        raise NotFound(f"{outcome.decision_id} is not a decision{hint}", field="decision_id")
    if outcome.customer_id not in ("", decision.customer_id):
        raise InvalidArgument("the decision is for another customer", field="customer_id")
    early = outcome.occurred_at < decision.decided_at - skew
    if not opts_out:
        _require_fit(outcome, decision, early=early)
    doubtful = opts_out and not decision.send_at <= outcome.occurred_at <= now + skew
    occurred_at = now if doubtful else outcome.occurred_at
    unit.outcomes.add(
        OutcomeRow(
            outcome_id=outcome.outcome_id,
            decision_id=outcome.decision_id,
            kind=outcome.kind.value,
            value_minor=outcome.value_minor,
            occurred_at=isoformat(occurred_at),
            recorded_at=isoformat(now),
            reported_at=isoformat(outcome.occurred_at),
        )
    )
    if opts_out:
        permissions.record(
            unit,
            decision.customer_id,
            (
                PermissionFact(
                    channel=_reach(outcome, decision),
                    granted=False,
                    given_at=occurred_at,
                    source=OPT_OUT_SOURCE,
                ),
            ),
            now=now,
            tolerance=skew,
            fact_id=outcome.outcome_id,
            via="outcome",
        )
    return Recorded(outcome_id=outcome.outcome_id, first_time=True)


def _decision(unit: UnitOfWork, decision_id: str) -> Decision | None:
    row = unit.decisions.record(decision_id)
    return None if row is None else decode_record(*row)


def _reach(outcome: Outcome, decision: Decision) -> Channel | None:
    """What an opt-out is from; ``None`` for all channels."""
    return outcome.channel or (decision.channel if decision.contacts else None)


def _require_fit(outcome: Outcome, decision: Decision, *, early: bool) -> None:
    if outcome.kind is not OutcomeKind.PURCHASED and not decision.contacts:
        raise InvalidArgument(
            f"{outcome.kind} cannot come of a decision that made no contact", field="kind"
        )
    if early:
        raise InvalidArgument(
            f"{isoformat(outcome.occurred_at)} lies before the decision of"
            f" {isoformat(decision.decided_at)}",
            field="occurred_at",
        )


def _without_decision(
    unit: UnitOfWork, outcome: Outcome, now: datetime, skew: timedelta
) -> Recorded:
    report = PermissionReport(
        permission_id=outcome.outcome_id,
        customer_id=outcome.customer_id,
        permission=PermissionFact(
            channel=outcome.channel,
            granted=False,
            given_at=outcome.occurred_at,
            source=OPT_OUT_SOURCE,
        ),
    )
    taken = permission_reports.take(unit, report, now=now, tolerance=skew, via="outcome")
    return Recorded(outcome_id=outcome.outcome_id, first_time=taken.first_time)


def _seen(unit: UnitOfWork, outcome: Outcome) -> datetime | None:
    """When the outcome recorded under this id occurred, if there is one."""
    row = unit.outcomes.get(outcome.outcome_id)
    if row is None:
        return None
    stored = Outcome(
        outcome_id=outcome.outcome_id,
        decision_id=row.decision_id,
        kind=OutcomeKind(row.kind),
        value_minor=row.value_minor,
        occurred_at=parse_time(row.reported_at),
    )
    if stored != replace(outcome, customer_id="", channel=None):
        raise _other(outcome)
    return parse_time(row.occurred_at)


def _require_same(
    unit: UnitOfWork, outcome: Outcome, decision: Decision | None, at: datetime
) -> None:
    """Whether all that a repeated opt-out names was withdrawn the first time."""
    if outcome.kind is not OutcomeKind.OPTED_OUT or decision is None:
        return
    channel = _reach(outcome, decision)
    if outcome.customer_id not in ("", decision.customer_id) or not permissions.refused_since(
        unit, decision.customer_id, channel, at
    ):
        raise _other(outcome)


def _other(outcome: Outcome) -> AlreadyExists:
    return AlreadyExists(
        f"{outcome.outcome_id} was used before for another outcome", field="outcome_id"
    )
