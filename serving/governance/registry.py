"""Which proposal answers which decision point.

The registry says what *should* be served. It grants nothing: a replica checks the approval
itself (:mod:`serving.governance.loading`). Everything here changes by functions alone, each
of which checks its precondition and writes its audit row in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.audit import chain
from serving.audit.kinds import AuditKind
from serving.audit.signed_heads import governed
from serving.governance import proposals, registry_version, stops, votes
from serving.governance.decision_points import require_point
from serving.governance.verification import Verifier
from serving.storage.database import Database
from serving.storage.registry import RawActivation
from serving.storage.statements import decoded
from serving.storage.unit_of_work import UnitOfWork
from troth.errors import DataLoss
from troth.types import Role as Role
from troth.types import isoformat, require_aware


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
    verifier: Verifier,
    now: datetime,
    by: str,
    role: Role | None = None,
) -> int:
    """Let an approved proposal answer ``decision_point``, in place of any other in its role.

    All that a replica will check is checked here first: signatures, place, guardrails,
    evidence and the artifact's bytes.

    Args:
        database: the store.
        proposal_id: which proposal.
        decision_point: one that its scope names.
        verifier: what is in force on this host.
        now: aware UTC.
        by: who does it, for the audit log.
        role: the role that is meant; the proposal's own unless given.

    Returns:
        The new generation.

    Raises:
        NotFound: if there is no such proposal.
        NotApproved: if it is not approved now, or not for this place, role or decision point.
        DataLoss: if the audit log or the schema was tampered with.
    """
    now = require_aware(now, "now")
    require_point(decision_point)
    held: dict[str, stops.StopSeen] = {}
    with governed(database) as unit:
        proposal = proposals.fetch(unit, proposal_id)
        cast = votes.fetch(unit, database.home, proposal_id)
        role = role or proposal.role
        held = stops.held(database.home, stops.role_name(role, decision_point))
        verified = verifier.verify(
            proposal, cast, decision_point=decision_point, role=role, now=now
        )
        unit.registry.activate(decision_point, str(role), proposal_id, isoformat(now))
        generation = registry_version.bump(unit)
        chain.append(
            unit,
            AuditKind.ACTIVATED,
            {
                "decision_point": decision_point,
                "role": str(role),
                "proposal_id": proposal_id,
                "policy_digest": proposal.policy_digest,
                "approvers": list(verified.approvers),
                "by": by,
                "generation": generation,
            },
        )
    stops.lift(database.home, held)
    return generation


def take_out(unit: UnitOfWork, found: Activation, *, by: str, reason: str = "") -> int:
    """Remove a row inside the caller's write transaction; returns the new generation.

    Raises:
        DataLoss: if the store swallows the change.
    """
    unit.registry.deactivate(found.decision_point, str(found.role))
    if fetch_active(unit, found.decision_point, found.role) is not None:
        raise DataLoss(
            f"the store keeps the {found.role} of {found.decision_point!r}: a trigger holds it",
            field="activations",
        )
    generation = registry_version.bump(unit)
    chain.append(
        unit,
        AuditKind.DEACTIVATED,
        {
            "decision_point": found.decision_point,
            "role": str(found.role),
            "proposal_id": found.proposal_id,
            "by": by,
            "reason": reason,
            "generation": generation,
        },
    )
    return generation


def active(database: Database, decision_point: str, role: Role) -> Activation | None:
    """What is active in ``role`` at ``decision_point``."""
    with database.read() as unit:
        return fetch_active(unit, decision_point, role)


def activations(database: Database) -> tuple[Activation, ...]:
    """The whole registry, by decision point and role; rows that are none left out."""
    with database.read() as unit:
        return readable(unit)[0]


def readable(unit: UnitOfWork) -> tuple[tuple[Activation, ...], tuple[str, ...]]:
    """The rows that can be read, by decision point and role, and what is wrong with others.

    One bad row costs itself, not those beside it.
    """
    found, faults = [], []
    for row in unit.registry.activations():
        try:
            found.append(_activation(row))
        except DataLoss as error:
            faults.append(str(error))
    return tuple(found), tuple(faults)


def fetch_active(unit: UnitOfWork, decision_point: str, role: Role) -> Activation | None:
    """As :func:`active`, inside the caller's transaction."""
    row = unit.registry.active(decision_point, str(role))
    return None if row is None else _activation(row)


def _activation(row: RawActivation) -> Activation:
    # Decoded here: a driver's own failure would end the reading without naming the row.
    try:
        point, role, proposal_id, activated_at = (decoded(cell) for cell in row)
    except (UnicodeDecodeError, TypeError) as error:
        raise DataLoss(f"a row is not text: {error}", field="activations") from error
    if role not in set(Role):
        raise DataLoss(f"{role[:64]!r} at {point!r} is not a role", field="activations.role")
    return Activation(
        decision_point=point,
        role=Role(role),
        proposal_id=proposal_id,
        activated_at=activated_at,
    )
