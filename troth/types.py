"""The frozen nouns that floors exchange: decisions, outcomes, proposals, approvals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import uuid_utils

from troth.catalogue import Channel
from troth.errors import InvalidArgument
from troth.text import quoted


class ServedBy(StrEnum):
    """Who answered a decision."""

    MODEL = "model"
    BASELINE = "baseline"
    NO_CONTACT = "no_contact"


class Role(StrEnum):
    """What a policy is approved to do at its decision points."""

    MODEL = "model"
    """Answers while it is in time and in order."""
    BASELINE = "baseline"
    """Answers where the model cannot."""


class OutcomeKind(StrEnum):
    """What may come of a decision."""

    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    PURCHASED = "purchased"
    OPTED_OUT = "opted_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one guardrail did to one decision.

    Attributes:
        guardrail: its name.
        refused: action ids it took out of the candidates.
        mass: probability the policy had put on them, in [0, 1].
        reason: why, in a short slug such as ``no_consent``.
    """

    guardrail: str
    refused: tuple[str, ...]
    mass: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One event that came of a decision; several may.

    Attributes:
        outcome_id: UUID, the idempotency key.
        decision_id: the decision it belongs to.
        kind: what happened.
        value_minor: gross margin of a purchase in minor units; 0 for other kinds.
        occurred_at: aware UTC.
        customer_id: who opted out, where the reporter knows; needed where it knows no
            decision. Empty for other kinds.
        channel: what they opted out of, where their decision does not say; ``None`` means
            that of the decision, and all channels if it has none.
    """

    outcome_id: str
    decision_id: str
    kind: OutcomeKind
    value_minor: int
    occurred_at: datetime
    customer_id: str = ""
    channel: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an approval allows.

    Attributes:
        decision_points: names of the decision points the policy may answer.
        traffic_share: largest share of customers it may answer, in (0, 1].
        expires_at: aware UTC; afterwards the approval is void.
    """

    decision_points: tuple[str, ...]
    traffic_share: float
    expires_at: datetime

    def __post_init__(self) -> None:
        if not self.decision_points:
            raise InvalidArgument("names no decision point", field="scope.decision_points")
        if not 0.0 < self.traffic_share <= 1.0:
            raise InvalidArgument(
                f"{self.traffic_share} is outside (0, 1]", field="scope.traffic_share"
            )
        require_aware(self.expires_at, "scope.expires_at")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the signed statement."""
        return {
            "decision_points": list(self.decision_points),
            "traffic_share": self.traffic_share,
            "expires_at": isoformat(self.expires_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A request to serve one policy, bound to bytes, role, place and settings.

    Attributes:
        proposal_id: UUIDv7.
        policy_digest: the artifact.
        role: what it is to do; a baseline is no model, nor the other way round.
        catalogue_digest, guardrails_digest, evidence_digest, board_digest: what it was
            judged with; all SHA-256.
        installation_id: UUID of the installation it is to be served by.
        settings: the settings it is to be served with, those that decide.
        version: of Troth.
        scope: what is asked for.
        proposer: the member who proposes; excluded from the quorum.
        created_at: aware UTC.
    """

    proposal_id: str
    policy_digest: str
    role: Role
    catalogue_digest: str
    guardrails_digest: str
    evidence_digest: str
    board_digest: str
    installation_id: str
    settings: Mapping[str, float]
    version: str
    scope: Scope
    proposer: str
    created_at: datetime

    def statement(self) -> dict[str, Any]:
        """What a board member signs: every field, as plain values."""
        return {
            "proposal_id": self.proposal_id,
            "policy_digest": self.policy_digest,
            "role": str(self.role),
            "catalogue_digest": self.catalogue_digest,
            "guardrails_digest": self.guardrails_digest,
            "evidence_digest": self.evidence_digest,
            "board_digest": self.board_digest,
            "installation_id": self.installation_id,
            "settings": dict(self.settings),
            "version": self.version,
            "scope": self.scope.to_dict(),
            "proposer": self.proposer,
            "created_at": isoformat(self.created_at),
        }


class Vote(StrEnum):
    """What a signature says."""

    PROPOSE = "propose"
    APPROVE = "approve"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedVote:
    """A member's signed vote on a proposal.

    Attributes:
        proposal_id: what is voted on.
        member: who votes.
        vote: what the signature says.
        signed_at: aware UTC, under the signature.
        signature: Ed25519, 64 bytes.
        reason: why, in the member's words, under the signature; may be empty.
    """

    proposal_id: str
    member: str
    vote: Vote
    signed_at: datetime
    signature: bytes
    reason: str = ""


def new_id() -> str:
    """A fresh UUIDv7: time-ordered, so that keys arrive in index order."""
    return str(uuid_utils.uuid7())


def require_aware(moment: datetime, field: str) -> datetime:
    """Return ``moment`` in UTC; raises :class:`InvalidArgument` if it has no zone or no UTC."""
    if moment.tzinfo is None:
        raise InvalidArgument("has no time zone", field=field)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidArgument("is outside the years 1 to 9999 in UTC", field=field) from None


def isoformat(moment: datetime) -> str:
    """The one text form of a time: UTC, microseconds, ``Z``."""
    return require_aware(moment, "time").isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def parse_time(text: str, field: str = "time") -> datetime:
    """Inverse of :func:`isoformat`; accepts any ISO 8601 text with a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidArgument(f"{quoted(text)} is not an ISO 8601 time", field=field) from error
    return require_aware(moment, field)
