"""The kinds of row that governance and serving write to the audit log."""

from __future__ import annotations

from enum import StrEnum


class AuditKind(StrEnum):
    """What an audit row says happened; the payload's keys are listed beside each."""

    PROPOSED = "governance.proposed"
    """proposal_id, member, statement_digest, policy_digest, signed_at, reason, signature."""
    APPROVED = "governance.approved"
    """proposal_id, member, signed_at, reason, signature."""
    REFUSED = "governance.refused"
    """As for approved."""
    ACTIVATED = "registry.activated"
    """decision_point, role, proposal_id, policy_digest, approvers, by, generation."""
    DEACTIVATED = "registry.deactivated"
    """decision_point, role, proposal_id, by, reason, generation."""
    STATE_CHANGED = "registry.state_changed"
    """decision_point, before, after, by, reason, generation."""
    SERVING_LOADED = "serving.loaded"
    """decision_point, role, proposal_id, policy_digest."""
    SERVING_REFUSED = "serving.refused"
    """decision_point, role, cause, message, proposal_id (may be empty)."""
    OTHER_CLOCK = "serving.clock"
    """start, rate: the installation was served under a clock that is not the host's."""
    PERMISSION_WITHDRAWN = "permission.withdrawn"
    """customer (SHA-256 of the id), fact_id, purpose, via, facts: channels, granted, at, source,
    before and after of each; at least one is a refusal."""
    PERMISSION_CHANGED = "permission.changed"
    """As for withdrawn; grants only."""
    DECISIONS_COMMITTED = "decisions.committed"
    """count, digest: one row per group commit of decisions."""
