"""Every port of a service, planned around the one in its address."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from troth.errors import FailedPrecondition, InvalidArgument

SPAN = 300
"""A service uses the ports from its own up to this many further on."""
_REPLICA_PORTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PortPlan:
    """Where the parts of one service listen.

    Two services on one machine do not meet if their addresses are ``SPAN`` apart.

    Attributes:
        host, grpc: the ingress.
        http: Serve's HTTP ingress, which nothing uses.
        metrics, stats: HAProxy's.
        fallback_grpc, fallback_http: the Python proxy that HAProxy falls back to.
        replica_grpc, replica_http: first and last of the replicas' own ports.
    """

    host: str
    grpc: int
    http: int
    metrics: int
    stats: int
    fallback_grpc: int
    fallback_http: int
    replica_grpc: tuple[int, int]
    replica_http: tuple[int, int]

    @classmethod
    def around(cls, address: str) -> PortPlan:
        """The plan for ``host:port``.

        Raises:
            InvalidArgument: naming ``address`` if it is not one.
        """
        host, _, text = address.rpartition(":")
        if not host or not text.isdigit() or not 1024 <= int(text) <= 65535 - SPAN:
            raise InvalidArgument(
                f"{address!r} is not host:port with a port in 1024..{65535 - SPAN}",
                field="address",
            )
        port = int(text)
        return cls(
            host=host,
            grpc=port,
            http=port + 1,
            metrics=port + 2,
            stats=port + 3,
            fallback_grpc=port + 4,
            fallback_http=port + 5,
            replica_grpc=(port + 100, port + 100 + _REPLICA_PORTS - 1),
            replica_http=(port + 200, port + 200 + _REPLICA_PORTS - 1),
        )

    def require_free(self) -> None:
        """Check that nothing listens on the ports that are ours alone.

        Raises:
            FailedPrecondition: naming ``address`` and the port that is taken.
        """
        for name in ("grpc", "http", "metrics", "stats", "fallback_grpc", "fallback_http"):
            port = getattr(self, name)
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("0.0.0.0", port))  # noqa: S104 - taken is taken, on any interface
                except OSError as error:
                    raise FailedPrecondition(
                        f"port {port} ({name}) is taken: {error.strerror}; choose another address,"
                        f" {SPAN} ports away from other services",
                        field="address",
                    ) from error
