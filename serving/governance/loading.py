"""Loading a policy to serve: everything checked again, from bytes, by the replica itself.

Looking and telling are apart: a replica must not wait for the write lock to learn what it
may serve, and writes down afterwards what it found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agents.artifacts.artifact import Artifact
from serving.audit import chain
from serving.audit.kinds import AuditKind
from serving.governance import decision_points, proposals, registry, registry_version, votes
from serving.governance.decision_points import EVERYWHERE, PointState
from serving.governance.refusal_reasons import Cause, not_approved
from serving.governance.verification import Verifier
from serving.storage.database import Database
from serving.storage.driver import BUSY_TIMEOUT_S
from troth.errors import NotApproved, TrothError, Unavailable
from troth.types import Proposal, Role, SignedVote, require_aware


@dataclass(frozen=True, kw_only=True)
class ApprovedPolicy:
    """A policy whose approval verified, at the moment it was looked at.

    Its scope ends later: :meth:`serving.decisioning.servable.ServablePolicy.refusal` asks that
    before each decision.

    Attributes:
        artifact: the bytes that were approved, loaded and self-tested.
        proposal: under which approval, with its scope.
        role: model or baseline.
        approvers: whose signatures were verified.
        generation: of the registry when this was loaded.
    """

    artifact: Artifact
    proposal: Proposal
    role: Role
    approvers: tuple[str, ...]
    generation: int


def load_approved(
    database: Database, verifier: Verifier, decision_point: str, role: Role, now: datetime
) -> ApprovedPolicy:
    """As :func:`verify_active`, and tell the audit log at once what was found.

    For who can wait for the log. A replica cannot: it calls :func:`verify_active`, and
    :func:`tell` when the store is free.

    Raises:
        NotApproved: whose metadata name the ``cause``; audited as ``serving.refused``, or a
            note on the error says that it could not be.
        Unavailable: if the store cannot be read; or if it cannot be written, and the policy is
            not handed out then.
    """
    try:
        found = verify_active(database, verifier, decision_point, role, now)
    except NotApproved as error:
        try:
            tell(database, refused_row(decision_point, role, error))
        # That the log cannot be written is no reason to serve.
        except TrothError as unwritten:
            error.add_note(f"and the refusal could not be audited: {unwritten}")
        raise
    tell(database, loaded_row(decision_point, found))
    return found


def verify_active(
    database: Database, verifier: Verifier, decision_point: str, role: Role, now: datetime
) -> ApprovedPolicy:
    """The policy active at ``decision_point`` in ``role``, if all of its approval verifies.

    Only reads: it never waits for a writer.

    Args:
        database: the store.
        verifier: what is in force in this process.
        decision_point: what is to be answered.
        role: model or baseline.
        now: aware UTC.

    Raises:
        NotApproved: whose metadata name the ``cause``; also if what the store holds cannot be
            read as what it should be.
        Unavailable: if the store cannot be read at the moment.
    """
    role, now = Role(role), require_aware(now, "now")
    found = _read(database, decision_point, role)
    verified = verifier.verify(
        found.proposal, found.votes, decision_point=decision_point, role=role, now=now
    )
    return ApprovedPolicy(
        artifact=verified.artifact,
        proposal=found.proposal,
        role=role,
        approvers=verified.approvers,
        generation=found.generation,
    )


Told = tuple[AuditKind, dict[str, str]]
"""A row of the audit log to be: kind and payload."""


def loaded_row(decision_point: str, found: ApprovedPolicy) -> Told:
    """What the log says of a policy that is served."""
    return AuditKind.SERVING_LOADED, {
        "decision_point": decision_point,
        "role": str(found.role),
        "proposal_id": found.proposal.proposal_id,
        "policy_digest": found.artifact.digest,
    }


def refused_row(decision_point: str, role: Role, error: NotApproved) -> Told:
    """What the log says of a policy that is not."""
    return AuditKind.SERVING_REFUSED, {
        "decision_point": decision_point,
        "role": str(role),
        "proposal_id": error.metadata.get("proposal_id", ""),
        "cause": error.metadata["cause"],
        "message": error.message,
    }


def tell(database: Database, *rows: Told, patience_s: float = BUSY_TIMEOUT_S) -> None:
    """Append ``rows`` to the audit log, all or none.

    Raises:
        Unavailable: if the store cannot be written within ``patience_s`` seconds.
    """
    with database.write(patience_s=patience_s) as unit:
        for kind, payload in rows:
            chain.append(unit, kind, payload)


@dataclass(frozen=True)
class _Found:
    proposal: Proposal
    votes: tuple[SignedVote, ...]
    generation: int


def _read(database: Database, decision_point: str, role: Role) -> _Found:
    """What the store says is active, in one snapshot, not yet believed."""
    where = {"decision_point": decision_point, "role": str(role)}
    try:
        with database.read() as unit:
            state = decision_points.fetch_state(unit, decision_point)
            if role is Role.MODEL and state is not PointState.RUNNING:
                raise not_approved(Cause.PAUSED, f"{decision_point!r} is {state}", **where)
            if decision_points.fetch_state(unit, EVERYWHERE) is not PointState.RUNNING:
                raise not_approved(Cause.PAUSED, "everything is paused", **where)
            activation = registry.fetch_active(unit, decision_point, role)
            if activation is None:
                raise not_approved(
                    Cause.NOTHING_ACTIVE, f"no {role} is active at {decision_point!r}", **where
                )
            where["proposal_id"] = activation.proposal_id
            proposal = proposals.fetch(unit, activation.proposal_id)
            cast = votes.fetch(unit, database.home, proposal.proposal_id)
            return _Found(proposal, cast, registry_version.fetch(unit))
    except (NotApproved, Unavailable):  # not now is not never
        raise
    except (TrothError, TypeError, OSError) as error:
        raise not_approved(Cause.PROPOSAL, f"cannot be read: {error}", **where) from error
