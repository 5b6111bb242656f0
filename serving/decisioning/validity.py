"""How long an answer may be acted on, and whether one that is repeated still holds.

A decision is final, but the world goes on: night falls, customers opt out, the board stops a
policy. So an answer says until when it is good, and a stored one that is given again is
judged again by what is known now. It is the same decision then, marked as void.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from serving.customers import contact_ledger
from serving.decisioning.servable import ServablePolicies
from serving.decisions.records import Decision
from troth.catalogue import NO_CONTACT_ACTION, Action, Catalogue, Channel, OfferKind
from troth.guardrails.columns import FactsBatch
from troth.guardrails.config import QuietHoursConfig
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.facts import Facts, find_zone

EXPIRED = "expired"
STOPPED = "stopped"


def valid_until(
    facts: Facts, channel: Channel, quiet: QuietHoursConfig, expires_at: datetime | None
) -> datetime:
    """The earliest of what ends an answer.

    These are the end of the customer's calendar day, for which alone the contact is booked;
    the next beginning of quiet hours, for channels that disturb; and the end of the approval.

    Args:
        facts: whose, and when.
        channel: of the contact, or none.
        quiet: the quiet hours in force.
        expires_at: end of the approval of whoever answered, aware UTC; ``None`` if nobody did.
    """
    ends = [_next_local(time(0), facts)]
    if channel in quiet.channels:
        ends.append(_next_local(quiet.start, facts))
    if expires_at is not None:
        ends.append(expires_at)
    return min(ends)


def lapsed(decision: Decision, standing: ServablePolicies, now: datetime) -> tuple[str, ...]:
    """Why ``decision`` may not be acted on, as far as clock and approvals tell; slugs.

    Args:
        decision: made earlier.
        standing: who may answer its decision point now.
        now: the server's clock.
    """
    reasons = (EXPIRED,) if now >= decision.valid_until else ()
    if not decision.policy_digest:  # nobody answered: nothing that a board could stop
        return reasons
    for answerer in standing.policies:
        if (answerer.role, answerer.digest) == (decision.served_by, decision.policy_digest):
            refusal = answerer.refusal(decision.decision_point, decision.customer_id, now)
            return (*reasons, refusal) if refusal else reasons
    return (*reasons, STOPPED)


def void_reasons(
    connection: sqlite3.Connection,
    decision: Decision,
    standing: ServablePolicies,
    engine: GuardrailEngine,
    now: datetime,
) -> tuple[str, ...]:
    """Why a stored decision does not hold any more, as slugs; empty if it does.

    Not contacting a customer breaks no promise, so such a decision ends with its time only.

    Args:
        connection: a snapshot.
        decision: as stored.
        standing: who may answer its decision point now.
        engine: the guardrails in force.
        now: the server's clock.

    Raises:
        DataLoss: if what is known of the customer cannot be read.
    """
    if not decision.contacts:
        return (EXPIRED,) if now >= decision.valid_until else ()
    facts = contact_ledger.facts(
        connection,
        decision.customer_id,
        max(now, decision.send_at),
        engine.config.window,
        without=decision.decision_id,
    )
    catalogue = _alone(decision)
    batch = FactsBatch.of([facts], catalogue, engine.config.window)
    refused = tuple(
        refusal.reason
        for guardrail in engine.guardrails
        for refusal in guardrail.refusals(catalogue, batch)
        if refusal.blocked[0, 1]
    )
    return (*lapsed(decision, standing, now), *refused)


def _alone(decision: Decision) -> Catalogue:
    """The action served, beside *no contact*: the policy's own catalogue may be gone."""
    action = Action(
        action_id=decision.action_id,
        journey="served",
        step=1,
        offer="served",
        kind=OfferKind.CONTENT,
        channel=decision.channel,
        cost_minor=0,
    )
    return Catalogue(actions=(NO_CONTACT_ACTION, action), journeys=("served",))


def _next_local(moment: time, facts: Facts) -> datetime:
    """When the customer's clock shows ``moment`` next after the decision; aware UTC.

    Where clocks are changed an hour may be missing or come twice: the earlier reading counts.
    """
    zone = find_zone(facts.zone) or UTC
    readings = _readings(moment, zone, facts.decided_at.astimezone(zone).date())
    return next(reading for reading in readings if reading > facts.decided_at)


@lru_cache(maxsize=4096)
def _readings(moment: time, zone: tzinfo, today: date) -> tuple[datetime, ...]:
    """When clocks in ``zone`` show ``moment`` on that day and the next two; ascending, UTC."""
    return tuple(
        sorted(
            datetime.combine(
                today + timedelta(days=days), moment.replace(fold=fold), zone
            ).astimezone(UTC)
            for days in (0, 1, 2)
            for fold in (0, 1)
        )
    )
