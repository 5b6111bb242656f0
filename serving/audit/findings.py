"""What a verification of the audit log finds, and the report it gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FindingKind(StrEnum):
    """How the log differs from one that was only ever appended to."""

    EDITED = "edited"
    MISSING = "missing"
    BROKEN_LINK = "broken_link"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"
    BAD_CHECKPOINT = "bad_checkpoint"
    UNCOVERED = "uncovered"
    CONTRADICTED = "contradicted"
    SCHEMA = "schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: what sort of tampering it shows.
        seq: the audit row it was noticed at; ``None`` if it is in another table.
        message: one sentence naming the row and what was expected.
    """

    kind: FindingKind
    seq: int | None
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"kind": str(self.kind), "seq": self.seq, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The outcome of a verification.

    Attributes:
        rows: audit rows read.
        checkpoints: signed heads compared: those in the store, the one kept on the host and
            the one handed in.
        seq, hash: the last row as found; 0 and the genesis hash of an empty log.
        findings: everything wrong, at most :data:`~serving.audit.audit_log.MOST_FINDINGS`.
    """

    rows: int
    checkpoints: int
    seq: int
    hash: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "ok": self.ok,
            "rows": self.rows,
            "checkpoints": self.checkpoints,
            "seq": self.seq,
            "hash": self.hash,
            "findings": [finding.to_dict() for finding in self.findings],
        }
