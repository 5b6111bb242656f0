"""What the service decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from troth.catalogue import Channel
from troth.types import ServedBy, Verdict, isoformat


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A decision, as answered.

    Attributes:
        decision_id: to report outcomes and to replay by.
        action_id, channel: what to do; ``Channel.NONE`` is *no contact*.
        send_at: when, aware UTC.
        propensity: probability of this action under the whole guarded pipeline, in (0, 1].
        policy_digest, catalogue_digest, guardrails_digest: what decided.
        served_by, reasons: who answered, and why they did.
        verdicts: what each guardrail took away.
        valid_until: when it is no longer to be acted on, aware UTC.
        holds: false if this is the stored answer to a repeated question and must not be acted
            on any more. Not part of equality, nor are the reasons: it is the same decision.
        void_reasons: why not, as slugs.
    """

    decision_id: str
    action_id: str
    channel: Channel
    send_at: datetime
    propensity: float
    policy_digest: str
    catalogue_digest: str
    guardrails_digest: str
    served_by: ServedBy
    reasons: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    valid_until: datetime
    holds: bool = field(default=True, compare=False)
    void_reasons: tuple[str, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "decision_id": self.decision_id,
            "action_id": self.action_id,
            "channel": str(self.channel),
            "send_at": isoformat(self.send_at),
            "propensity": self.propensity,
            "policy_digest": self.policy_digest,
            "catalogue_digest": self.catalogue_digest,
            "guardrails_digest": self.guardrails_digest,
            "served_by": str(self.served_by),
            "reasons": list(self.reasons),
            "verdicts": [
                {
                    "guardrail": v.guardrail,
                    "refused": list(v.refused),
                    "mass": v.mass,
                    "reason": v.reason,
                }
                for v in self.verdicts
            ],
            "valid_until": isoformat(self.valid_until),
            "holds": self.holds,
            "void_reasons": list(self.void_reasons),
        }
