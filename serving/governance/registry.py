"""Which proposal answers which decision point.

The registry says what *should* be served. It grants nothing: a replica checks the approval
itself (:mod:`serving.governance.loading`). Everything here changes by methods alone, each
of which checks its precondition and writes its audit row in the same transaction.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from serving.governance import chain, generations, proposals, votes
from serving.governance.approval import verify_quorum
from serving.governance.board import Board
from serving.governance.causes import Cause, not_approved
from serving.governance.decision_points import require_point
from serving.governance.kinds import AuditKind
from serving.governance.sealing import governed
from serving.store import Database
from troth.errors import DataLoss, NotFound
from troth.types import isoformat, require_aware


class Role(StrEnum):
    """What a policy does at a decision point."""

    MODEL = "model"
    """Answers while it is in time and in order."""
    BASELINE = "baseline"
    """Answers where the model cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """One row of the registry.

    Attributes:
        decision_point, role: where it answers.
        proposal_id: under which approval.
        activated_at: as text, UTC.
    """

    decision_point: str
    role: Role
    proposal_id: str
    activated_at: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "decision_point": self.decision_point,
            "role": str(self.role),
            "proposal_id": self.proposal_id,
            "activated_at": self.activated_at,
        }


def activate(
    database: Database,
    proposal_id: str,
    *,
    decision_point: str,
    role: Role,
    board: Board,
    now: datetime,
    by: str,
) -> int:
    """Let an approved proposal answer ``decision_point`` in ``role``, in place of any other.

    Args:
        database: the store.
        proposal_id: which proposal.
        decision_point: one that its scope names.
        role: model or baseline.
        board: the roster in use.
        now: aware UTC.
        by: who does it, for the audit log.

    Returns:
        The new generation.

    Raises:
        NotFound: if there is no such proposal.
        NotApproved: if it is not approved now, or not for this decision point.
        DataLoss: if the audit log was tampered with.
    """
    now = require_aware(now, "now")
    require_point(decision_point)
    with governed(database) as connection:
        proposal = proposals.fetch(connection, proposal_id)
        if decision_point not in proposal.scope.decision_points:
            raise not_approved(
                Cause.SCOPE,
                f"is not asked for {decision_point!r}, but for"
                f" {', '.join(proposal.scope.decision_points)}",
                proposal_id=proposal_id,
                decision_point=decision_point,
            )
        cast = votes.fetch(connection, database.home, proposal_id)
        approvers = verify_quorum(proposal, cast, board, now)
        connection.execute(
            "INSERT INTO activations VALUES (?, ?, ?, ?)"
            " ON CONFLICT (decision_point, role) DO UPDATE"
            " SET proposal_id = excluded.proposal_id, activated_at = excluded.activated_at",
            (decision_point, str(role), proposal_id, isoformat(now)),
        )
        generation = generations.bump(connection)
        chain.append(
            connection,
            AuditKind.ACTIVATED,
            {
                "decision_point": decision_point,
                "role": str(role),
                "proposal_id": proposal_id,
                "policy_digest": proposal.policy_digest,
                "approvers": list(approvers),
                "by": by,
                "generation": generation,
            },
        )
    return generation


def deactivate(database: Database, *, decision_point: str, role: Role, by: str) -> int:
    """Take what is active out; returns the new generation.

    Raises:
        NotFound: if nothing is active there.
    """
    with governed(database, restricting=True) as connection:
        found = fetch_active(connection, decision_point, role)
        if found is None:
            raise NotFound(f"no {role} is active at {decision_point!r}", field="decision_point")
        connection.execute(
            "DELETE FROM activations WHERE decision_point = ? AND role = ?",
            (decision_point, str(role)),
        )
        generation = generations.bump(connection)
        chain.append(
            connection,
            AuditKind.DEACTIVATED,
            {
                "decision_point": decision_point,
                "role": str(role),
                "proposal_id": found.proposal_id,
                "by": by,
                "generation": generation,
            },
        )
    return generation


def active(database: Database, decision_point: str, role: Role) -> Activation | None:
    """What is active in ``role`` at ``decision_point``."""
    with database.read() as connection:
        return fetch_active(connection, decision_point, role)


def activations(database: Database) -> tuple[Activation, ...]:
    """The whole registry, by decision point and role."""
    with database.read() as connection:
        rows = connection.execute(
            "SELECT * FROM activations ORDER BY decision_point, role"
        ).fetchall()
    return tuple(_activation(row) for row in rows)


def fetch_active(
    connection: sqlite3.Connection, decision_point: str, role: Role
) -> Activation | None:
    """As :func:`active`, inside the caller's transaction."""
    row = connection.execute(
        "SELECT * FROM activations WHERE decision_point = ? AND role = ?",
        (decision_point, str(role)),
    ).fetchone()
    return _activation(row) if row else None


def _activation(row: sqlite3.Row) -> Activation:
    if row["role"] not in set(Role):
        raise DataLoss(f"{row['role']!r} is not a role", field="activations.role")
    return Activation(
        decision_point=row["decision_point"],
        role=Role(row["role"]),
        proposal_id=row["proposal_id"],
        activated_at=row["activated_at"],
    )
