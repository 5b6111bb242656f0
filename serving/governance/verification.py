"""Whether a proposal may serve: everything recomputed, from bytes and signatures.

Nothing in the store or the artifact directory is believed. What is trusted is the roster on
this host, the guardrail configuration and the settings in force here, and the refusals kept
beside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from serving.governance import case
from serving.governance.approval import verify_quorum
from serving.governance.board import Board
from serving.governance.evidence import EvidenceStore
from serving.governance.place import Place
from serving.governance.refusal_reasons import Cause, not_approved
from troth.errors import TrothError
from troth.settings import Settings
from troth.types import Proposal, Role, SignedVote

if TYPE_CHECKING:  # loaded where it is needed: a pause needs neither policies nor guardrails
    from agents.artifacts.artifact import Artifact, ArtifactStore


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What a verification leaves.

    Attributes:
        artifact: the bytes that were approved, loaded and self-tested.
        approvers: whose signatures were verified.
    """

    artifact: Artifact
    approvers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verifier:
    """Checks approvals against what is in force on this host.

    Attributes:
        board: the roster.
        place: installation, settings and version.
        guardrails_digest: of the configuration in force.
        artifacts: where policies lie.
        evidence: where evidence lies.
    """

    board: Board
    place: Place
    guardrails_digest: str
    artifacts: ArtifactStore
    evidence: EvidenceStore

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The verifier of an installation, as its files are now.

        Raises:
            NotFound, InvalidArgument, PermissionDenied, DataLoss: if roster, guardrails or
                identity cannot be read or trusted.
        """
        from agents.artifacts.artifact import ArtifactStore
        from troth.guardrails.config import GuardrailConfig

        return cls(
            board=Board.load(settings.board),
            place=Place.of(settings),
            guardrails_digest=GuardrailConfig.installed(settings.home).digest,
            artifacts=ArtifactStore(settings.artifacts),
            evidence=EvidenceStore(settings.home / "evidence"),
        )

    def verify(
        self,
        proposal: Proposal,
        votes: Iterable[SignedVote],
        *,
        decision_point: str,
        role: Role,
        now: datetime,
    ) -> Verified:
        """Check all that an approval binds to.

        Args:
            proposal: what is to serve.
            votes: every vote on it.
            decision_point: where.
            role: as what.
            now: aware UTC.

        Raises:
            NotApproved: whose metadata name the ``cause``.
        """
        approvers = verify_quorum(proposal, votes, self.board, now)
        self.place.verify(proposal)
        _check_role(proposal, role)
        _check_scope(proposal, decision_point)
        self._check_guardrails(proposal)
        self._check_evidence(proposal)
        return Verified(artifact=self._load(proposal), approvers=approvers)

    def _check_guardrails(self, proposal: Proposal) -> None:
        if proposal.guardrails_digest != self.guardrails_digest:
            raise not_approved(
                Cause.GUARDRAILS,
                "was approved behind other guardrails than are in force here",
                proposal_id=proposal.proposal_id,
                approved=proposal.guardrails_digest,
                in_use=self.guardrails_digest,
            )

    def _check_evidence(self, proposal: Proposal) -> None:
        try:
            case.require(
                self.evidence.get(proposal.evidence_digest),
                policy_digest=proposal.policy_digest,
                guardrails_digest=proposal.guardrails_digest,
            )
        except (TrothError, OSError, ValueError, RecursionError) as error:
            raise not_approved(
                Cause.EVIDENCE,
                f"the evidence it was judged with does not verify: {error}",
                proposal_id=proposal.proposal_id,
                evidence_digest=proposal.evidence_digest,
            ) from error

    def _load(self, proposal: Proposal) -> Artifact:
        who = {"proposal_id": proposal.proposal_id, "policy_digest": proposal.policy_digest}
        try:
            artifact = self.artifacts.load(proposal.policy_digest)
        # Whatever a forged artifact makes the loader trip over, it is one that may not serve.
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


def _check_role(proposal: Proposal, role: Role) -> None:
    if proposal.role is not role:
        raise not_approved(
            Cause.ROLE,
            f"is approved as a {proposal.role}, not as a {role}",
            proposal_id=proposal.proposal_id,
        )


def _check_scope(proposal: Proposal, decision_point: str) -> None:
    if decision_point not in proposal.scope.decision_points:
        raise not_approved(
            Cause.SCOPE,
            f"is approved for {', '.join(proposal.scope.decision_points)},"
            f" not for {decision_point!r}",
            proposal_id=proposal.proposal_id,
            decision_point=decision_point,
        )
