"""Keeps Ray Serve's own sockets on loopback, in the processes that open them.

Serve has no setting for the address of a replica's two gRPC servers, of the Python proxy, of
HAProxy's statistics and metrics: it binds them to every interface, and lets one source take
every connection there is. :func:`keep_inside` runs in each worker process before Serve does
(Ray's ``worker_process_setup_hook``) and changes these places. ``troth serve`` then reads
which sockets there are (:mod:`serving.rpc.sockets`), so a place that a new version of Ray
adds is noticed, not trusted.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from troth.text import shortened, visible
from troth.wire.status import LONGEST_MESSAGE

HOOK = f"{__name__}.keep_inside"
"""For ``ray.init(runtime_env={"worker_process_setup_hook": ...})``."""
INGRESS = "TROTH_SERVICE_INGRESS"
"""Environment variable that names the one address that may be seen from outside."""
KNOWN = "2.60."
"""Versions of Ray whose places are known."""
_LOCAL = "127.0.0.1"
_INGRESS = "{{ config.grpc_frontend_host }}:{{ config.grpc_frontend_port }} proto h2\n"
# A call shares its connection with others, so that a caller needs few. Whoever opens many, and
# perhaps says nothing on them, must not take the places of everybody else.
_FAIR = """\
    timeout http-request 5s
    stick-table type ipv6 size 100k expire 60s store conn_cur
    tcp-request connection track-sc0 src
    tcp-request connection reject if { sc0_conn_cur gt {{ config.maxconn // 4 }} }
"""
_METRICS = "frontend prometheus\n    bind {}:{{{{ config.metrics_port }}}}"
_STATISTICS = "  bind {}:{{{{ config.stats_port }}}}"
_PLACES = {
    _METRICS.format(""): _METRICS.format(_LOCAL),
    _STATISTICS.format("*"): _STATISTICS.format(_LOCAL),
    _INGRESS: _INGRESS + _FAIR,
    # Otherwise the trailer holds all that a caller put there, however long.
    "Application '%[req.hdr(application)]' not found.": "There is no such application.",
}
"""What stands in HAProxy's template, and what is to stand there."""


def keep_inside() -> None:
    """Change Serve's places in this process.

    Raises:
        RuntimeError: for a version of Ray whose places are not known; the worker ends then.
    """
    import ray
    from ray.serve._private import default_impl, haproxy, proxy, replica

    if not ray.__version__.startswith(KNOWN):
        raise RuntimeError(f"ray {ray.__version__} is not {KNOWN}*, whose sockets are known")
    host, _, port = os.environ[INGRESS].rpartition(":")
    bind = replica.add_port_to_grpc_server

    def add_grpc_address(server: Any, address: str) -> None:
        own = address.rpartition(":")[2]
        server.add_insecure_port(f"{host if own == port else _LOCAL}:{own}")

    def add_port_to_grpc_server(server: Any, address: str) -> int:
        return int(bind(server, f"{_LOCAL}:{address.rpartition(':')[2]}"))

    told = replica.set_grpc_code_and_details

    def set_grpc_code_and_details(context: Any, status: Any) -> None:
        # Serve's own words repeat all that a caller put into the metadata.
        short = shortened(visible(status.message), LONGEST_MESSAGE)
        told(context, replace(status, message=short))

    for module in (proxy, replica):
        module.set_grpc_code_and_details = set_grpc_code_and_details
    default_impl.add_grpc_address = add_grpc_address
    replica.add_port_to_grpc_server = add_port_to_grpc_server
    haproxy.HAProxyConfig.grpc_frontend_host = property(lambda _config: host)
    haproxy.HAPROXY_CONFIG_TEMPLATE = _closed(haproxy.HAPROXY_CONFIG_TEMPLATE)


def _closed(template: str) -> str:
    """HAProxy's configuration, changed in each of the places.

    Raises:
        RuntimeError: if one is not there, or there twice.
    """
    for place, instead in _PLACES.items():
        if template.count(place) != 1:
            raise RuntimeError(f"HAProxy's template has no {place!r} to be changed")
        template = template.replace(place, instead)
    return template
