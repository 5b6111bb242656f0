"""A small installation: a board of four, an artifact, evidence and a store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.artifacts.artifact import ArtifactStore
from agents.policies.uniform import UniformPolicy
from serving.governance import braking, loading, proposals, registry
from serving.governance.board import Board
from serving.governance.braking import Braked
from serving.governance.evidence import EvidenceStore
from serving.governance.loading import ApprovedPolicy
from serving.governance.place import Place
from serving.governance.verification import Verifier
from serving.storage.database import Database
from tests.support.evidence import evidence
from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.digests import digest
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.settings import Settings
from troth.types import Proposal, Role, Scope, SignedVote, Vote

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
GUARDRAILS = digest({"quiet_hours": "22 to 8"})
NAMES = ("ada", "bob", "cyd", "dan")


def catalogue(*, discount: float = 0.1) -> Catalogue:
    """No contact and one e-mail."""
    return Catalogue(
        actions=(
            Action(
                action_id="none",
                journey="none",
                step=0,
                offer="none",
                kind=OfferKind.NONE,
                channel=Channel.NONE,
            ),
            Action(
                action_id="hello",
                journey="welcome",
                step=1,
                offer="hello",
                kind=OfferKind.DISCOUNT,
                channel=Channel.EMAIL,
                discount=discount,
            ),
        ),
        journeys=("welcome",),
    )


def save_policy(artifacts: ArtifactStore, *, discount: float = 0.1, note: str = "") -> str:
    """An artifact whose digest depends on ``discount`` and ``note``."""
    schema = FeatureSchema(
        (Feature(name="recency_days", kind=FeatureKind.NUMERIC, low=0.0, high=400.0),)
    )
    raw = np.linspace(0, 400, 64, dtype=np.float32)[:, None]
    return artifacts.save(
        UniformPolicy(),
        schema=schema,
        catalogue=catalogue(discount=discount),
        contexts=ContextBatch(schema, raw),
        mask=np.ones((64, 2), dtype=bool),
        training={"note": note},
    )


@dataclass
class Office:
    """Everything a test of governance needs, with short ways to do it."""

    home: Path
    database: Database
    artifacts: ArtifactStore
    board: Board
    private: dict[str, Ed25519PrivateKey]
    policy_digest: str
    now: datetime = NOW

    def save_policy(self, *, discount: float = 0.1, note: str = "") -> str:
        """Another artifact."""
        return save_policy(self.artifacts, discount=discount, note=note)

    def propose(self, by: str = "ada", **changes: Any) -> Proposal:
        """A proposal for ``daily`` that expires in 90 days."""
        values: dict[str, Any] = {
            "policy_digest": self.policy_digest,
            "catalogue_digest": catalogue().digest,
            "guardrails_digest": GUARDRAILS,
            "role": Role.MODEL,
            "place": self.place,
            "scope": Scope(
                decision_points=("daily",), traffic_share=0.5, expires_at=NOW + timedelta(days=90)
            ),
            "board": self.board,
            "key": self.private[by],
            "now": NOW,
            **changes,
        }
        document = evidence(values["policy_digest"], values["guardrails_digest"])
        values.setdefault("evidence_digest", EvidenceStore(self.home / "evidence").put(document))
        return proposals.propose(self.database, **values)

    def vote(
        self,
        proposal: Proposal,
        *members: str,
        vote: Vote = Vote.APPROVE,
        at: datetime = NOW,
        reason: str = "",
    ) -> list[SignedVote]:
        """Have ``members`` vote."""
        return [
            proposals.vote(
                self.database,
                proposal.proposal_id,
                vote,
                board=self.board,
                key=self.private[member],
                now=at,
                reason=reason,
            )
            for member in members
        ]

    @property
    def place(self) -> Place:
        """The installation, with the settings as shipped."""
        return Place.of(Settings(home=self.home))

    @property
    def verifier(self) -> Verifier:
        """What approvals are checked against here."""
        return Verifier(
            board=self.board,
            place=self.place,
            guardrails_digest=GUARDRAILS,
            artifacts=self.artifacts,
            evidence=EvidenceStore(self.home / "evidence"),
        )

    def activate(self, proposal: Proposal, at: datetime = NOW) -> int:
        """Activate at ``daily``."""
        return registry.activate(
            self.database,
            proposal.proposal_id,
            decision_point="daily",
            verifier=self.verifier,
            now=at,
            by="tests",
        )

    def approved(self, by: str = "ada", **changes: Any) -> Proposal:
        """Proposed, approved by two others, active at ``daily``."""
        proposal = self.propose(by, **changes)
        self.vote(proposal, *[name for name in NAMES if name != by][:2])
        self.activate(proposal)
        return proposal

    def load(
        self,
        *,
        decision_point: str = "daily",
        role: Role = Role.MODEL,
        now: datetime = NOW,
        **changes: Any,
    ) -> ApprovedPolicy:
        """What a replica does, with a verifier that differs by ``changes``."""
        verifier = replace(self.verifier, **changes)
        return loading.load_approved(self.database, verifier, decision_point, role, now)

    def pause(self, point: str = "daily", reason: str = "") -> Braked:
        """Stop the model of a decision point."""
        return braking.pause(self.home, point, now=self.now, by="tests", reason=reason)

    def resume(self, point: str = "daily") -> int:
        """Let it run again."""
        return braking.resume(
            self.database, point, verifier=self.verifier, now=self.now, by="tests"
        )

    def deactivate(self, role: Role = Role.MODEL) -> Braked:
        """Take out what answers ``daily``."""
        return braking.deactivate(self.home, "daily", role, now=self.now, by="tests")

    def tamper(self, statement: str, *values: Any) -> None:
        """Run SQL as somebody who can edit the file, and leaves its schema as it was."""
        with self.database.write() as connection:
            seatbelts = connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
            ).fetchall()
            for name, _ in seatbelts:
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute(statement, values)
            if not statement.startswith("DROP TABLE audit"):
                for _, sql in seatbelts:
                    connection.execute(sql)
