"""A small installation: a board of four, an artifact, evidence and a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.artifacts import ArtifactStore
from agents.policies.uniform import UniformPolicy
from serving.governance import keys, loading, proposals, registry
from serving.governance.board import Board
from serving.governance.evidence import EvidenceStore
from serving.governance.loading import ApprovedPolicy
from serving.governance.registry import Role
from serving.store import Database
from tests.support.evidence import evidence
from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.digests import digest
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.types import Approval, Proposal, Scope, Vote

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
    ) -> list[Approval]:
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

    def activate(self, proposal: Proposal, role: Role = Role.MODEL, at: datetime = NOW) -> int:
        """Activate at ``daily``."""
        return registry.activate(
            self.database,
            proposal.proposal_id,
            decision_point="daily",
            role=role,
            board=self.board,
            now=at,
            by="tests",
        )

    def approved(self, by: str = "ada", **changes: Any) -> Proposal:
        """Proposed, approved by two others, active at ``daily``."""
        proposal = self.propose(by, **changes)
        self.vote(proposal, *[name for name in NAMES if name != by][:2])
        self.activate(proposal)
        return proposal

    def load(self, **changes: Any) -> ApprovedPolicy:
        """What a replica does."""
        values: dict[str, Any] = {
            "database": self.database,
            "artifacts": self.artifacts,
            "board": self.board,
            "guardrails_digest": GUARDRAILS,
            "decision_point": "daily",
            "role": Role.MODEL,
            "now": NOW,
        }
        return loading.load_approved(**{**values, **changes})

    def tamper(self, statement: str, *values: Any) -> None:
        """Run SQL as somebody who can edit the file."""
        with self.database.write() as connection:
            connection.execute("DROP TRIGGER IF EXISTS audit_no_update")
            connection.execute("DROP TRIGGER IF EXISTS audit_no_delete")
            connection.execute(statement, values)


@pytest.fixture(scope="session")
def member_keys() -> dict[str, Ed25519PrivateKey]:
    """A key per member."""
    return {name: keys.generate() for name in NAMES}


@pytest.fixture
def office(tmp_path: Path, member_keys: dict[str, Ed25519PrivateKey]) -> Iterator[Office]:
    """A fresh installation under ``tmp_path``."""
    board = Board({name: keys.public_text(key) for name, key in member_keys.items()})
    board.save(tmp_path / "board.toml")
    artifacts = ArtifactStore(tmp_path / "artifacts")
    database = Database(tmp_path / "troth.db", durable=False)
    yield Office(tmp_path, database, artifacts, board, member_keys, save_policy(artifacts))
    database.close()
