"""A whole installation in a folder: artifacts, board, approvals, customers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from agents.artifacts.artifact import ArtifactStore
from agents.policies.uniform import NeverContact, UniformPolicy
from serving.governance import proposals, registry
from serving.governance.board import Board
from serving.governance.evidence import EvidenceStore
from serving.governance.place import Place
from serving.governance.verification import Verifier
from serving.installation import create
from serving.signing import keys
from serving.storage.database import Database
from tests.support.decisions import CATALOGUE, SCHEMA, loose_config
from tests.support.evidence import evidence
from troth.contexts import ContextBatch
from troth.guardrails import GuardrailConfig
from troth.settings import Settings
from troth.types import Proposal, Role, Scope, Vote

MEMBERS = ("ada", "ben", "cleo")


class Installation:
    """An installation whose board is played by the test.

    Args:
        home: its folder.
        config: guardrails, written to ``guardrails.toml``.
        settings: overrides of its settings.
    """

    def __init__(
        self, home: Path, *, config: GuardrailConfig | None = None, **settings: object
    ) -> None:
        create(home)
        self.config = config or loose_config()
        (home / "guardrails.toml").write_text(_toml(self.config))
        self.settings = Settings(home=home, **settings)  # type: ignore[arg-type]
        self.database = Database(self.settings.database, home=home)
        self.artifacts = ArtifactStore(self.settings.artifacts)
        self.keys = {name: keys.generate() for name in MEMBERS}
        self.board = Board(quorum=2, members={n: keys.public_text(k) for n, k in self.keys.items()})
        self.board.save(self.settings.board)

    def save(self, policy: UniformPolicy | NeverContact) -> str:
        """Store ``policy`` as an artifact."""
        raw = np.zeros((64, SCHEMA.raw_width), dtype=np.float32)
        raw[:, 0] = np.arange(64)
        return self.artifacts.save(
            policy,
            schema=SCHEMA,
            catalogue=CATALOGUE,
            contexts=ContextBatch(SCHEMA, raw),
            mask=np.ones((64, len(CATALOGUE)), dtype=bool),
            training={},
        )

    @property
    def verifier(self) -> Verifier:
        """What approvals are checked against here."""
        return Verifier.of(self.settings)

    def propose(
        self, policy_digest: str, role: Role = Role.MODEL, *, point: str = "daily"
    ) -> Proposal:
        """Propose a stored policy for a year."""
        now = datetime.now(UTC)
        return proposals.propose(
            self.database,
            policy_digest=policy_digest,
            catalogue_digest=CATALOGUE.digest,
            guardrails_digest=self.config.digest,
            evidence_digest=EvidenceStore(self.settings.home / "evidence").put(
                evidence(policy_digest, self.config.digest)
            ),
            role=role,
            place=Place.of(self.settings),
            scope=Scope(
                decision_points=(point,), traffic_share=1.0, expires_at=now + timedelta(days=365)
            ),
            board=self.board,
            key=self.keys["ada"],
            now=now,
        )

    def activate(self, policy_digest: str, role: Role, *, point: str = "daily") -> Proposal:
        """Have a stored policy approved by two members and activate it."""
        proposal = self.propose(policy_digest, role, point=point)
        for name in ("ben", "cleo"):
            proposals.vote(
                self.database,
                proposal.proposal_id,
                Vote.APPROVE,
                board=self.board,
                key=self.keys[name],
                now=datetime.now(UTC),
            )
        registry.activate(
            self.database,
            proposal.proposal_id,
            decision_point=point,
            verifier=self.verifier,
            now=datetime.now(UTC),
            by="test",
        )
        return proposal


def _toml(config: GuardrailConfig) -> str:
    data = config.to_dict()
    quiet = data["quiet_hours"]
    lines = [
        "[quiet_hours]",
        f"start = {quiet['start']}",
        f"end = {quiet['end']}",
        f"channels = {quiet['channels']}",
    ]
    for rule in data["frequency_cap"]["rules"]:
        lines += [
            "[[frequency_cap.rules]]",
            f"hours = {rule['hours']}",
            f"contacts = {rule['contacts']}",
            f"channels = {rule['channels']}",
        ]
    return "\n".join(lines) + "\n"
