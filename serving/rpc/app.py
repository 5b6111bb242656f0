"""The Ray Serve application: one deployment that holds the whole decision."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from ray import serve

from serving.clock import ServiceClock, server_clock
from serving.rpc.gate import Gate
from serving.rpc.handler import DecisionHandler, sized
from serving.rpc.journal import keep_journal
from serving.rpc.processes import SCRATCH
from serving.rpc.replica import Replica
from serving.rpc.servicers import DECISIONS
from serving.rpc.status import CallContext, refuse
from troth.errors import NotFound, TrothError
from troth.settings import Settings
from troth.text import quoted
from troth.wire.forms import parse

log = logging.getLogger(__name__)

APPLICATION = "troth"
HEALTH_KEY = "troth-health"
"""Trailing metadata of a health check: why the service is not well, comma-separated."""
CLOCK_KEY = "troth-clock"
"""The same, of a home that was ever served under another clock than the host's."""
MOST_ONGOING = 256
"""Requests a replica works on at once; the default of 5 halves throughput."""


class Decisions:
    """The ingress: method names are those of the services.

    Args:
        settings: the installation, as :meth:`Settings.model_dump` gives it.
        clock: as :meth:`ServiceClock.to_dict` gives it; ``None`` for the host's.
    """

    def __init__(self, settings: dict[str, Any], clock: dict[str, Any] | None = None) -> None:
        own = Settings(**settings)
        keep_journal(own.home)
        self._replica = Replica(own, ServiceClock.from_dict(clock) if clock else server_clock)
        self._gate = Gate()
        self._gate.follow(Path(os.environ[SCRATCH]))
        self._handler = DecisionHandler(self._replica.pipeline, self._gate)
        self._health: tuple[str, ...] = ()

    # Serve finds the context by the argument's name.
    async def Decide(  # noqa: N802 - the wire's name
        self, request: bytes, grpc_context: CallContext
    ) -> Message:
        """See ``DecisionService.Decide``."""
        return await self._handler.decide(request, grpc_context)

    async def RecordOutcome(  # noqa: N802 - the wire's name
        self, request: bytes, grpc_context: CallContext
    ) -> Message:
        """See ``DecisionService.RecordOutcome``."""
        return await self._handler.record_outcome(request, grpc_context)

    async def SetPermission(  # noqa: N802 - the wire's name
        self, request: bytes, grpc_context: CallContext
    ) -> Message:
        """See ``DecisionService.SetPermission``."""
        return await self._handler.set_permission(request, grpc_context)

    async def Check(  # noqa: N802 - the wire's name
        self, request: bytes, grpc_context: CallContext
    ) -> health_pb2.HealthCheckResponse:
        """See ``grpc.health.v1.Health.Check``; what is amiss stands in the trailing metadata."""
        try:
            service = parse(health_pb2.HealthCheckRequest, sized(request)).service
            if service not in ("", DECISIONS.full_name):
                raise NotFound(f"{quoted(service)} is not served", field="service")
        except TrothError as error:
            refuse(grpc_context, error)
            return health_pb2.HealthCheckResponse()
        amiss = self._amiss()
        told = [(HEALTH_KEY, ",".join(amiss).encode())] if amiss else []
        if self._replica.other_clock:
            told.append((CLOCK_KEY, self._replica.other_clock.encode()))
        grpc_context.set_trailing_metadata(told)
        if amiss:
            return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    def _amiss(self) -> tuple[str, ...]:
        """Why the service is not well; a change is said in its log."""
        amiss = ("shutting_down",) if self._gate.closed else self._replica.health()
        if amiss != self._health:
            log.warning("health: %s", ", ".join(amiss) or "all is well")
            self._health = amiss
        return amiss

    async def check_health(self) -> None:
        """Serve replaces a replica for which this raises; whether all is well, the log is told."""
        self._replica.check()
        self._amiss()

    async def __del__(self) -> None:
        replica: Replica | None = getattr(self, "_replica", None)
        if replica is not None:
            replica.close()


def application(settings: Settings, clock: ServiceClock | None = None) -> serve.Application:
    """The application to run, with as many replicas as the settings say.

    Args:
        settings: the installation.
        clock: in place of the host's.
    """
    deployment = serve.deployment(
        name="decisions",
        num_replicas=settings.replicas,
        max_ongoing_requests=MOST_ONGOING,
        # Replicas share the machine with the proxy; they are not bound to a core each.
        ray_actor_options={"num_cpus": 0},
        health_check_period_s=2.0,
        health_check_timeout_s=10.0,
        graceful_shutdown_timeout_s=5.0,
        logging_config={"enable_access_log": False},
    )(Decisions)
    return deployment.bind(settings.model_dump(mode="json"), clock.to_dict() if clock else None)
