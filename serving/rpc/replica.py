"""A replica: everything one process needs to answer decisions of an installation."""

from __future__ import annotations

from datetime import timedelta

from agents.artifacts import ArtifactStore
from serving.decisioning.approved import ApprovedPolicies
from serving.decisioning.clock import Clock, announce, server_clock
from serving.decisioning.pipeline import DecisionPipeline
from serving.guardrails import GuardrailConfig, GuardrailEngine
from serving.store import Database
from troth.settings import Settings


class Replica:
    """Store, guardrails, verified policies and pipeline of one process.

    It starts whatever state the registry is in: a policy that does not verify is left out,
    and decisions say so.

    Args:
        settings: the installation.
        clock: what it goes by; another than the host's is written to the audit log.

    Raises:
        InvalidArgument, NotFound, DataLoss: if guardrails or store cannot be read: without
            them nobody may be contacted.
    """

    def __init__(self, settings: Settings, clock: Clock = server_clock) -> None:
        self._database = Database(settings.database)
        announce(self._database, clock)
        engine = GuardrailEngine(GuardrailConfig.installed(settings.home))
        self._policies = ApprovedPolicies(
            self._database,
            ArtifactStore(settings.artifacts),
            settings.board,
            engine.digest,
            clock=clock,
        )
        self._policies.start()
        self.pipeline = DecisionPipeline(
            self._database,
            self._policies,
            engine,
            max_clock_skew=timedelta(seconds=settings.max_clock_skew_s),
            model_budget_s=settings.model_budget_ms / 1000.0,
            clock=clock,
        )

    def check(self) -> None:
        """Raise whatever keeps the store from being read."""
        with self._database.read() as connection:
            connection.execute("SELECT 1 FROM decisions LIMIT 1").fetchone()

    def close(self) -> None:
        """Commit what is under way and stop."""
        self._policies.stop()
        self.pipeline.close()
        self._database.close()
