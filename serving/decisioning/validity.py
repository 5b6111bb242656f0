"""How long an answer may be acted on, and whether one that is repeated still holds.

A decision is final, but the world goes on: night falls, customers opt out, the board stops a
policy. So an answer says until when it is good, and a stored one that is given again is
judged again by what is known now. It is the same decision then, marked as void.
"""

from __future__ import annotations

from datetime import datetime, time

from serving.customers import contact_ledger
from serving.decisioning.servable import ServablePolicies
from serving.decisions.records import Decision
from serving.storage.unit_of_work import UnitOfWork
from troth.catalogue import NO_CONTACT_ACTION, Action, Catalogue, Channel, OfferKind
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.facts import Facts
from troth.guardrails.local_time import next_local

EXPIRED = "expired"
STOPPED = "stopped"


def valid_until(
    facts: Facts, action: Action, engine: GuardrailEngine, expires_at: datetime | None
) -> datetime:
    """The earliest of what ends an answer.

    These are the end of the customer's calendar day, for which alone the contact is booked; when
    a guardrail would refuse it, such as the next beginning of quiet hours for channels that
    disturb; and the end of the approval.

    Args:
        facts: whose, and when.
        action: what is answered.
        engine: the guardrails in force.
        expires_at: end of the approval of whoever answered, aware UTC; ``None`` if nobody did.
    """
    ends = [next_local(time(0), facts), expires_at]
    if action.channel is not Channel.NONE:  # silence is never refused
        ends.append(engine.holds_until(action, facts))
    return min(end for end in ends if end is not None)


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
    unit: UnitOfWork,
    decision: Decision,
    standing: ServablePolicies,
    engine: GuardrailEngine,
    now: datetime,
) -> tuple[str, ...]:
    """Why a stored decision does not hold any more, as slugs; empty if it does.

    Not contacting a customer breaks no promise, so such a decision ends with its time only.

    Args:
        unit: a snapshot.
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
        unit,
        decision.customer_id,
        max(now, decision.send_at),
        engine.config.window,
        without=decision.decision_id,
    )
    # Who has answered may stand no more, and with them the catalogue: the answer is void then.
    catalogue = next(
        (one.catalogue for one in standing.policies if one.digest == decision.policy_digest), None
    )
    listed = catalogue or _alone(decision)
    refused = engine.reasons(
        decision.action if catalogue else 1,
        listed,
        engine.columns([facts], listed),
        stands_in=catalogue is None,
    )
    return (*lapsed(decision, standing, now), *refused)


def _alone(decision: Decision) -> Catalogue:
    """*No contact*, and what a record says of the action served: its id and channel."""
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
