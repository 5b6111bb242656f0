"""The draw: from an answer to the decision that is served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from serving.decisioning.answering import PolicyAnswer
from serving.decisioning.requests import DecideRequest
from serving.decisioning.validity import valid_until
from serving.decisions.records import Decision
from troth.catalogue import NO_CONTACT, NO_CONTACT_ACTION
from troth.digests import array_digest
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.facts import Facts
from troth.guardrails.guarded import Guarded
from troth.policy import sample
from troth.streams import request_uniform
from troth.types import ServedBy, new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """An action drawn from a guarded distribution.

    Attributes:
        stream_key, uniform: where the random number comes from, and the number.
        action: column of the action.
        propensity: its probability.
        distribution_digest: of the float64 (1, K) drawn from.
        eligible: columns that were left, ascending.
    """

    stream_key: str
    uniform: float
    action: int
    propensity: float
    distribution_digest: str
    eligible: tuple[int, ...]


def stream_key(request_id: str, policy_digest: str) -> str:
    """The name of a request's random number under one policy."""
    return f"{request_id}:{policy_digest}"


def draw(guarded: Guarded, key: str) -> Draw:
    """Draw from one guarded row with the uniform that ``key`` names."""
    uniform = request_uniform(key)
    action = int(sample(guarded.distribution, np.array([uniform]))[0])
    return Draw(
        stream_key=key,
        uniform=uniform,
        action=action,
        propensity=float(guarded.distribution[0, action]),
        distribution_digest=array_digest(guarded.distribution),
        eligible=tuple(int(column) for column in np.flatnonzero(guarded.mask[0])),
    )


def compose(
    request: DecideRequest,
    facts: Facts,
    answer: PolicyAnswer | None,
    reasons: tuple[str, ...],
    *,
    engine: GuardrailEngine,
    now: datetime,
) -> Decision:
    """The decision for ``request``; *no contact* for certain if there is no answer.

    Args:
        request: what is asked.
        facts: what the guardrails were told.
        answer: of whoever answered.
        reasons: why they did.
        engine: the guardrails in force.
        now: the server's clock.
    """
    if answer is None:
        served_by, policy, kind, catalogue = ServedBy.NO_CONTACT, "", "", None
        key = stream_key(request.request_id, policy)
        drawn = Draw(
            stream_key=key,
            uniform=request_uniform(key),
            action=NO_CONTACT,
            propensity=1.0,
            distribution_digest="",
            eligible=(NO_CONTACT,),
        )
    else:
        who = answer.answerer
        served_by, policy, kind, catalogue = who.role, who.digest, who.kind, who.catalogue
        drawn = draw(answer.guarded, stream_key(request.request_id, policy))
    # Where nobody could answer there is no catalogue to name the action.
    action = catalogue.actions[drawn.action] if catalogue else NO_CONTACT_ACTION
    return Decision(
        decision_id=new_id(),
        request_id=request.request_id,
        request_digest=request.digest,
        customer_id=request.customer_id,
        decision_point=request.decision_point,
        decided_at=request.decided_at or now,
        answered_at=now,
        send_at=facts.decided_at,
        valid_until=valid_until(
            facts, action, engine, answer.answerer.scope.expires_at if answer else None
        ),
        features=request.features_base64,
        feature_schema_digest=request.feature_schema_digest,
        triggered_journeys=tuple(sorted(set(request.triggered_journeys))),
        facts=facts,
        eligible=drawn.eligible,
        served_by=served_by,
        policy_digest=policy,
        policy_kind=kind,
        catalogue_digest=catalogue.digest if catalogue else "",
        guardrails_digest=engine.digest,
        distribution_digest=drawn.distribution_digest,
        stream_key=drawn.stream_key,
        uniform=drawn.uniform,
        action=drawn.action,
        action_id=action.action_id,
        channel=action.channel,
        propensity=drawn.propensity,
        reasons=reasons,
        verdicts=answer.guarded.verdicts(0) if answer else (),
    )
