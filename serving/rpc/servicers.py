"""Which methods Serve's gRPC servers know, with their messages left as bytes.

The generated registration would have gRPC itself parse each message: bytes that are none end
there as UNKNOWN with a Python text, before any code of ours can name what is wrong. So the
handlers get bytes and parse them. A method that is not registered is UNIMPLEMENTED, which
gRPC says by itself; the health service's ``Watch`` is left to that, as its specification allows.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from troth.v1 import decision_service_pb2 as pb

DECISIONS = pb.DESCRIPTOR.services_by_name["DecisionService"]
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"]
FUNCTIONS = [f"{__name__}.add_{what}" for what in ("decisions", "health", "reflection")]
"""For Serve's ``grpc_servicer_functions``."""


def add_decisions(servicer: Any, server: Any) -> None:
    """Register every method of ``troth.v1.DecisionService``."""
    _add(servicer, server, DECISIONS.full_name, [method.name for method in DECISIONS.methods])


def add_health(servicer: Any, server: Any) -> None:
    """Register ``grpc.health.v1.Health/Check``."""
    _add(servicer, server, HEALTH.full_name, ["Check"])


def add_reflection(_servicer: Any, server: Any) -> None:
    """Register server reflection, which this process answers itself, without a replica's code."""
    names = [DECISIONS.full_name, HEALTH.full_name, reflection.SERVICE_NAME]
    told = reflection.aio.ReflectionServicer(names)

    async def info(
        stream: AsyncIterable[bytes], context: Any
    ) -> AsyncIterator[reflection_pb2.ServerReflectionResponse]:
        async def requests() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
            async for data in stream:
                try:
                    yield reflection_pb2.ServerReflectionRequest.FromString(data)
                except DecodeError:
                    await context.abort(
                        grpc.StatusCode.INVALID_ARGUMENT,
                        "request: is not a ServerReflectionRequest",
                    )

        async for response in told.ServerReflectionInfo(requests(), context):
            yield response

    handler: Any = grpc.stream_stream_rpc_method_handler(
        info, request_deserializer=None, response_serializer=lambda m: m.SerializeToString()
    )
    handlers = {"ServerReflectionInfo": handler}
    # Serve would otherwise route it to the application, as it does every other service.
    server.add_passthrough_service(reflection.SERVICE_NAME)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(reflection.SERVICE_NAME, handlers),)
    )
    server.add_registered_method_handlers(reflection.SERVICE_NAME, handlers)


def _add(servicer: Any, server: Any, service: str, methods: list[str]) -> None:
    handlers: dict[str, Any] = {
        name: grpc.unary_unary_rpc_method_handler(
            getattr(servicer, name),
            request_deserializer=None,
            response_serializer=lambda message: message.SerializeToString(),
        )
        for name in methods
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_registered_method_handlers(service, handlers)
