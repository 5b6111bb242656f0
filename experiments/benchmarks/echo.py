"""A bare ``grpc.aio`` server of the same service: the ceiling of any server in Python.

``python -m experiments.benchmarks.echo`` prints its port and serves until its stdin ends.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from grpc import aio

from troth.v1 import decision_service_pb2 as pb
from troth.v1.decision_service_pb2_grpc import (
    DecisionServiceServicer,
    add_DecisionServiceServicer_to_server,
)


class Echo(DecisionServiceServicer):
    """Answers every request at once with the same decision; stores nothing."""

    async def Decide(  # noqa: N802  # the wire's name
        self, request: pb.DecideRequest, context: Any
    ) -> pb.DecideResponse:
        """An answer of the usual size."""
        return pb.DecideResponse(
            decision_id=request.request_id,
            action_id="engagement/1/story/email",
            channel=pb.CHANNEL_EMAIL,
            propensity=0.25,
            policy_digest="0" * 64,
            catalogue_digest="0" * 64,
            guardrails_digest="0" * 64,
            served_by=pb.SERVED_BY_MODEL,
            reasons=["approved_model"],
        )

    async def RecordOutcome(  # noqa: N802  # the wire's name
        self, request: pb.RecordOutcomeRequest, context: Any
    ) -> pb.RecordOutcomeResponse:
        """An acknowledgement."""
        return pb.RecordOutcomeResponse(outcome_id=request.outcome_id, first_time=True)

    async def SetPermission(  # noqa: N802  # the wire's name
        self, request: pb.SetPermissionRequest, context: Any
    ) -> pb.SetPermissionResponse:
        """An acknowledgement."""
        return pb.SetPermissionResponse(permission_id=request.permission_id, first_time=True)


async def serve() -> None:
    """Serve on a free port until stdin ends."""
    server = aio.server()
    add_DecisionServiceServicer_to_server(Echo(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(serve())
