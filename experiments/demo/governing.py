"""Stage 3a: evidence, a board, proposals with signatures, and one that lacks them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import tomli_w
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.artifacts.artifact import ArtifactStore
from serving.governance import proposals, registry
from serving.governance.board import Board
from serving.governance.evidence import EvidenceStore
from serving.governance.loading import load_approved
from serving.governance.place import Place
from serving.governance.verification import Verifier
from serving.installation import create, store_of
from serving.signing import keys
from serving.storage.database import Database
from troth.clock import utc_now
from troth.errors import NotApproved
from troth.files import write_whole
from troth.guardrails.config import GuardrailConfig
from troth.settings import SETTINGS_FILE, Settings
from troth.types import Proposal, Role, Scope, Vote, isoformat

DECISION_POINT = "daily"
PROPOSER, APPROVERS = "demo-proposer", ("demo-ada", "demo-grace")
VALID_FOR = timedelta(days=30)

PLAYS = (
    "This demo makes three keys and plays all three parts itself: it proposes as"
    f" {PROPOSER} and approves as {' and '.join(APPROVERS)}. In a real installation three"
    " people hold these keys, and no program does."
)


@dataclass(frozen=True)
class Governed:
    """An installation with a board.

    Attributes:
        settings: where it lies.
        database, artifacts, board: its parts.
        keys: private keys of the three members, by name.
    """

    settings: Settings
    database: Database
    artifacts: ArtifactStore
    board: Board
    keys: dict[str, Ed25519PrivateKey]

    @property
    def guardrails_digest(self) -> str:
        """Of the configuration in force."""
        return GuardrailConfig.installed(self.settings.home).digest

    @property
    def verifier(self) -> Verifier:
        """What approvals are checked against here."""
        return Verifier.of(self.settings)

    def propose(self, policy_digest: str, evidence: Any, role: Role, now: datetime) -> Proposal:
        """Ask for ``policy_digest`` to be served at the demo's decision point as ``role``.

        ``evidence``, plain JSON values, makes the case: see :mod:`serving.governance.case`.
        """
        return proposals.propose(
            self.database,
            policy_digest=policy_digest,
            catalogue_digest=self.artifacts.load(policy_digest).catalogue.digest,
            guardrails_digest=self.guardrails_digest,
            evidence_digest=EvidenceStore(self.settings.home / "evidence").put(evidence),
            role=role,
            place=Place.of(self.settings),
            scope=Scope(
                decision_points=(DECISION_POINT,), traffic_share=1.0, expires_at=now + VALID_FOR
            ),
            board=self.board,
            key=self.keys[PROPOSER],
            now=now,
        )

    def approve(self, proposal: Proposal, member: str, reason: str) -> None:
        """Cast the vote of one member."""
        proposals.vote(
            self.database,
            proposal.proposal_id,
            Vote.APPROVE,
            board=self.board,
            key=self.keys[member],
            now=utc_now(),
            reason=reason,
        )

    def active(self, role: Role) -> str | None:
        """Digest of the policy that is active in ``role``, if one is."""
        found = registry.active(self.database, DECISION_POINT, role)
        return proposals.get(self.database, found.proposal_id).policy_digest if found else None

    def activate(self, proposal: Proposal) -> int:
        """Put a proposal in force; raises :class:`NotApproved` unless it is approved."""
        return registry.activate(
            self.database,
            proposal.proposal_id,
            decision_point=DECISION_POINT,
            verifier=self.verifier,
            now=utc_now(),
            by="troth demo",
        )


def establish(settings: Settings) -> Governed:
    """Make a board of three with fresh keys."""
    create(settings.home, settings.database)
    # So that a command that is given the home alone judges by what the service goes by.
    kept = {
        k: v for k, v in settings.model_dump(mode="json").items() if k not in ("home", "database")
    }
    write_whole(settings.home / SETTINGS_FILE, tomli_w.dumps(kept).encode())
    made = {}
    for member in (PROPOSER, *APPROVERS):
        made[member] = keys.generate()
        keys.save(made[member], settings.home / "keys" / f"{member}.pem")
    board = Board({name: keys.public_text(key) for name, key in made.items()})
    board.save(settings.board)
    return Governed(
        settings=settings,
        database=store_of(settings),
        artifacts=ArtifactStore(settings.artifacts),
        board=board,
        keys=made,
    )


def put_in_force(
    governed: Governed, policy_digest: str, role: Role, evidence: Any, reason: str
) -> Proposal:
    """Propose, approve with two signatures, activate."""
    proposal = governed.propose(policy_digest, evidence, role, utc_now())
    for member in APPROVERS:
        governed.approve(proposal, member, reason)
    governed.activate(proposal)
    return proposal


@dataclass(frozen=True, slots=True)
class Refused:
    """Attempts to serve a policy that only one member approved.

    Attributes:
        by_registry, by_replica: in the words of the refusal; empty if it was let through.
    """

    by_registry: str
    by_replica: str

    @property
    def ok(self) -> bool:
        """Whether both refused."""
        return bool(self.by_registry and self.by_replica)


def try_unapproved(governed: Governed, policy_digest: str, evidence: Any) -> Refused:
    """Try to serve a policy that is one signature short of quorum, in two ways.

    First the registry is asked to activate it. Then, on a copy of the store, the row that
    the registry would not write is written past it, as someone with access to the file
    could, and a replica's own check is run on it.
    """
    proposal = governed.propose(policy_digest, evidence, Role.MODEL, utc_now())
    governed.approve(proposal, APPROVERS[0], "one signature is not a quorum")
    by_registry = by_replica = ""
    try:
        governed.activate(proposal)
    except NotApproved as error:
        by_registry = str(error)
    forged = _copy(governed.database, governed.settings.home / "forged")
    try:
        with forged.write() as unit:
            unit.registry.activate(
                DECISION_POINT, str(Role.MODEL), proposal.proposal_id, isoformat(utc_now())
            )
        load_approved(
            forged,
            governed.verifier,
            DECISION_POINT,
            Role.MODEL,
            utc_now(),
        )
    except NotApproved as error:
        by_replica = str(error)
    finally:
        forged.close()
    return Refused(by_registry, by_replica)


def _copy(database: Database, folder: Path) -> Database:
    """A copy of the store in a folder of its own."""
    target = folder / database.path.name
    database.copy(target)
    return Database(target)
