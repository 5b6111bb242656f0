"""A replica: everything one process needs to answer decisions of an installation."""

from __future__ import annotations

import logging
from datetime import timedelta

from agents.artifacts.artifact import ArtifactStore
from serving.audit.served_clocks import other_clock
from serving.clock import Clock, announce, server_clock
from serving.decisioning.approved import ApprovedPolicies
from serving.decisioning.pipeline import DecisionPipeline
from serving.governance.place import Place
from serving.governance.presence import Presence
from serving.installation import opened
from troth.guardrails import GuardrailConfig, GuardrailEngine
from troth.settings import Settings

log = logging.getLogger(__name__)


class Replica:
    """Store, guardrails, verified policies and pipeline of one process.

    It starts whatever state the registry is in: a policy that does not verify is left out,
    and decisions say so.

    Args:
        settings: the installation.
        clock: what it goes by; another than the host's is written to the audit log.

    Raises:
        InvalidArgument, NotFound, DataLoss: if guardrails or store cannot be read, or the
            store is not as ours is made: without them nobody may be contacted.
    """

    def __init__(self, settings: Settings, clock: Clock = server_clock) -> None:
        self._database = opened(settings)
        self._database.require_own_schema()
        announce(self._database, clock)
        engine = GuardrailEngine(GuardrailConfig.installed(settings.home))
        self._policies = ApprovedPolicies(
            self._database,
            ArtifactStore(settings.artifacts),
            settings.board,
            engine.digest,
            Place.of(settings),
            clock=clock,
        )
        self._policies.start()
        self.other_clock = other_clock(self._database)
        """In words, another clock than the host's that the home was ever served under."""
        followed = "host" if clock is server_clock else repr(clock)
        self._presence = Presence(
            settings.home, lambda: {**self._policies.report(), "clock": followed}
        )
        self._presence.start()
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
        with self._database.read() as unit:
            unit.decisions.probe()

    def health(self) -> tuple[str, ...]:
        """Slugs saying why the service is not well; empty if it is."""
        try:
            self.check()
        except Exception as error:
            log.error("the store cannot be read: %s", error)
            return ("store_unreadable", *self._policies.health())
        return self._policies.health()

    def close(self) -> None:
        """Commit what is under way and stop."""
        self._policies.stop()
        self._presence.stop()
        self.pipeline.close()
        self._database.close()
