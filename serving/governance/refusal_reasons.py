"""Why a policy may not be served: one slug per thing that failed to verify."""

from __future__ import annotations

from enum import StrEnum

from troth.errors import NotApproved


class Cause(StrEnum):
    """The first check that failed; sent as ``ErrorInfo.metadata["cause"]``."""

    NOTHING_ACTIVE = "nothing_active"
    PAUSED = "paused"
    PROPOSAL = "proposal"
    FORM = "form"
    ROLE = "role"
    INSTALLATION = "installation"
    SETTINGS = "settings"
    VERSION = "version"
    SCOPE = "scope"
    BOARD = "board"
    EXPIRED = "expired"
    CLOCK = "clock"
    NOT_A_MEMBER = "not_a_member"
    SIGNATURE = "signature"
    REFUSED = "refused"
    QUORUM = "quorum"
    GUARDRAILS = "guardrails"
    EVIDENCE = "evidence"
    ARTIFACT = "artifact"
    CATALOGUE = "catalogue"


def not_approved(cause: Cause, message: str, **metadata: str) -> NotApproved:
    """The error to raise: ``cause`` is its field and in its metadata."""
    return NotApproved(message, field=f"approval.{cause}", cause=str(cause), **metadata)
