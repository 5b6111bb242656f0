"""The audit log: what the rest of the house calls."""

from __future__ import annotations

from serving.governance.chain import AuditRow, append, decisions_digest, rows

__all__ = ["AuditRow", "append", "decisions_digest", "rows"]
