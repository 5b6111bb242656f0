"""What channel systems report beside outcomes, and what became of each report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from troth.catalogue import Channel
from troth.types import new_id

MARKETING = "marketing"
"""The purpose that decisions are made for, and the one meant where none is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The acknowledgement of an outcome.

    Attributes:
        outcome_id: which.
        first_time: false if it had been recorded before.
    """

    outcome_id: str
    first_time: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a customer granted or refused.

    Attributes:
        customer_id: who.
        channel: what; ``None`` for all channels.
        granted: false for a refusal.
        given_at: when they said so, aware; ``None`` if nobody knows. A consent without it, or
            without a source, restores nothing that was refused.
        source: where they said so, e.g. ``"web form"``.
        purpose: what for.
        permission_id: UUID; made here unless given. Report again with the same one to retry.
    """

    customer_id: str
    channel: Channel | None
    granted: bool
    given_at: datetime | None = None
    source: str = ""
    purpose: str = MARKETING
    permission_id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSet:
    """The acknowledgement of a permission.

    Attributes:
        permission_id: which.
        first_time: false if it had been reported before.
        effective: whether things are now as it says.
        reason: why, as a slug, e.g. ``refusal_is_newer``.
    """

    permission_id: str
    first_time: bool
    effective: bool
    reason: str
