"""Loading a policy to serve: everything checked again, from bytes, by the replica itself.

Nothing in the store or the artifact directory is believed. What is trusted is the roster on
this host, the guardrail configuration this replica runs, and the refusals kept beside them.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from agents.artifacts import Artifact, ArtifactStore
from serving.governance import case, chain, decision_points, generations, proposals, registry, votes
from serving.governance.approval import verify_quorum
from serving.governance.board import Board
from serving.governance.causes import Cause, not_approved
from serving.governance.decision_points import State
from serving.governance.evidence import EvidenceStore
from serving.governance.kinds import AuditKind
from serving.governance.registry import Role
from serving.store import Database
from troth.errors import NotApproved, TrothError
from troth.types import Approval, Proposal, require_aware


@dataclass(frozen=True, kw_only=True)
class ApprovedPolicy:
    """A policy that may be served until its scope expires.

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

    def expired(self, now: datetime) -> bool:
        """Whether the approval has run out; a replica asks before each decision."""
        return now >= self.proposal.scope.expires_at


def load_approved(
    database: Database,
    artifacts: ArtifactStore,
    board: Board,
    guardrails_digest: str,
    decision_point: str,
    role: Role,
    now: datetime,
) -> ApprovedPolicy:
    """The policy active at ``decision_point`` in ``role``, if all of its approval verifies.

    Recomputed: every signature over the statement, quorum, refusals, expiry, the digest of
    the roster in use, of the guardrails this replica runs, of the evidence's bytes, of the
    artifact's bytes and of its catalogue. Success and refusal are both audited, so call this
    when the generation changes, not in a loop.

    Args:
        database: the store.
        artifacts: where policies lie.
        board: the roster on this host, from :meth:`Board.load`.
        guardrails_digest: of the configuration this replica runs.
        decision_point: what is to be answered.
        role: model or baseline.
        now: aware UTC.

    Raises:
        NotApproved: whose metadata name the ``cause``; audited as ``serving.refused``.
    """
    role, now = Role(role), require_aware(now, "now")
    proposal_id = ""
    try:
        found = _read(database, decision_point, role)
        proposal_id = found.proposal.proposal_id
        approvers = verify_quorum(found.proposal, found.votes, board, now)
        _check_scope(found.proposal, decision_point)
        _check_guardrails(found.proposal, guardrails_digest)
        _check_evidence(found.proposal, EvidenceStore(database.home / "evidence"))
        artifact = _load(found.proposal, artifacts)
    except NotApproved as error:
        proposal_id = error.metadata.get("proposal_id", proposal_id)
        _audit_refusal(database, decision_point, role, proposal_id, error)
        raise
    with database.write() as connection:
        chain.append(
            connection,
            AuditKind.SERVING_LOADED,
            {
                "decision_point": decision_point,
                "role": str(role),
                "proposal_id": proposal_id,
                "policy_digest": artifact.digest,
            },
        )
    return ApprovedPolicy(
        artifact=artifact,
        proposal=found.proposal,
        role=role,
        approvers=approvers,
        generation=found.generation,
    )


@dataclass(frozen=True)
class _Found:
    proposal: Proposal
    votes: tuple[Approval, ...]
    generation: int


def _read(database: Database, decision_point: str, role: Role) -> _Found:
    """What the store says is active, in one snapshot, not yet believed."""
    where = {"decision_point": decision_point, "role": str(role)}
    try:
        with database.read() as connection:
            state = decision_points.fetch_state(connection, decision_point)
            if role is Role.MODEL and state is not State.RUNNING:
                raise not_approved(Cause.PAUSED, f"{decision_point!r} is {state}", **where)
            activation = registry.fetch_active(connection, decision_point, role)
            if activation is None:
                raise not_approved(
                    Cause.NOTHING_ACTIVE, f"no {role} is active at {decision_point!r}", **where
                )
            where["proposal_id"] = activation.proposal_id
            proposal = proposals.fetch(connection, activation.proposal_id)
            cast = votes.fetch(connection, database.home, proposal.proposal_id)
            return _Found(proposal, cast, generations.fetch(connection))
    except NotApproved:
        raise
    except (TrothError, sqlite3.DatabaseError, TypeError, OSError) as error:
        raise not_approved(Cause.PROPOSAL, f"cannot be read: {error}", **where) from error


def _check_scope(proposal: Proposal, decision_point: str) -> None:
    if decision_point not in proposal.scope.decision_points:
        raise not_approved(
            Cause.SCOPE,
            f"is approved for {', '.join(proposal.scope.decision_points)},"
            f" not for {decision_point!r}",
            proposal_id=proposal.proposal_id,
            decision_point=decision_point,
        )


def _check_guardrails(proposal: Proposal, guardrails_digest: str) -> None:
    if proposal.guardrails_digest != guardrails_digest:
        raise not_approved(
            Cause.GUARDRAILS,
            "was approved behind other guardrails than this replica runs",
            proposal_id=proposal.proposal_id,
            approved=proposal.guardrails_digest,
            in_use=guardrails_digest,
        )


def _check_evidence(proposal: Proposal, evidence: EvidenceStore) -> None:
    try:
        case.require(
            evidence.get(proposal.evidence_digest),
            policy_digest=proposal.policy_digest,
            guardrails_digest=proposal.guardrails_digest,
        )
    except (TrothError, OSError, ValueError) as error:
        raise not_approved(
            Cause.EVIDENCE,
            f"the evidence it was judged with does not verify: {error}",
            proposal_id=proposal.proposal_id,
            evidence_digest=proposal.evidence_digest,
        ) from error


def _load(proposal: Proposal, artifacts: ArtifactStore) -> Artifact:
    who = {"proposal_id": proposal.proposal_id, "policy_digest": proposal.policy_digest}
    try:
        artifact = artifacts.load(proposal.policy_digest)
    # Whatever a forged artifact makes the loader trip over, it is one that may not be served.
    except Exception as error:
        raise not_approved(
            Cause.ARTIFACT, f"the artifact does not verify: {error}", **who
        ) from error
    if artifact.digest != proposal.policy_digest:
        raise not_approved(Cause.ARTIFACT, f"the artifact is {artifact.digest}", **who)
    if artifact.catalogue.digest != proposal.catalogue_digest:
        raise not_approved(
            Cause.CATALOGUE,
            "the artifact's catalogue is not the one approved",
            approved=proposal.catalogue_digest,
            found=artifact.catalogue.digest,
            **who,
        )
    return artifact


def _audit_refusal(
    database: Database, decision_point: str, role: Role, proposal_id: str, error: NotApproved
) -> None:
    """Write the refusal down; that the log cannot be written is no reason to serve."""
    try:
        with database.write() as connection:
            chain.append(
                connection,
                AuditKind.SERVING_REFUSED,
                {
                    "decision_point": decision_point,
                    "role": str(role),
                    "proposal_id": proposal_id,
                    "cause": error.metadata["cause"],
                    "message": error.message,
                },
            )
    except (TrothError, sqlite3.DatabaseError) as unwritten:
        error.add_note(f"and the refusal could not be audited: {unwritten}")
