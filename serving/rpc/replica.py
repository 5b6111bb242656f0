"""A replica: everything one process needs to answer decisions of an installation."""

from __future__ import annotations

from datetime import timedelta

from agents.artifacts import ArtifactStore
from serving.decisioning.approved import ApprovedPolicies
from serving.decisioning.pipeline import DecisionPipeline
from serving.governance.place import Place
from serving.governance.presence import Presence
from serving.guardrails import GuardrailConfig, GuardrailEngine
from serving.installation import opened
from troth.settings import Settings


class Replica:
    """Store, guardrails, verified policies and pipeline of one process.

    It starts whatever state the registry is in: a policy that does not verify is left out,
    and decisions say so.

    Args:
        settings: the installation.

    Raises:
        InvalidArgument, NotFound, DataLoss: if guardrails or store cannot be read, or the
            store is not as ours is made: without them nobody may be contacted.
    """

    def __init__(self, settings: Settings) -> None:
        self._database = opened(settings)
        self._database.require_own_schema()
        engine = GuardrailEngine(GuardrailConfig.installed(settings.home))
        self._policies = ApprovedPolicies(
            self._database,
            ArtifactStore(settings.artifacts),
            settings.board,
            engine.digest,
            Place.of(settings),
        )
        self._policies.start()
        self._presence = Presence(
            settings.home, lambda: {**self._policies.report(), "clock": "system"}
        )
        self._presence.start()
        self.pipeline = DecisionPipeline(
            self._database,
            self._policies,
            engine,
            max_clock_skew=timedelta(seconds=settings.max_clock_skew_s),
            model_budget_s=settings.model_budget_ms / 1000.0,
        )

    def check(self) -> None:
        """Raise whatever keeps the store from being read."""
        with self._database.read() as connection:
            connection.execute("SELECT 1 FROM decisions LIMIT 1").fetchone()

    def health(self) -> tuple[str, ...]:
        """Slugs saying why the service is not well; empty if it is."""
        return self._policies.health()

    def close(self) -> None:
        """Commit what is under way and stop."""
        self._policies.stop()
        self._presence.stop()
        self.pipeline.close()
        self._database.close()
