"""Nobody on the network reaches anything but the ingress, and nobody on the host joins Ray."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from experiments.runs.executors import RayExecutor
from serving.rpc.foreground import REPLICA_TITLE
from serving.rpc.processes import titled
from serving.rpc.service import Service, start_service
from serving.rpc.sockets import Listener, listeners
from tests.support.installations import Installation

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(180)]

PORT = 22300
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How an HTTP/2 client begins: the server answers with its settings."""
AGENT_PORT = 52365
"""Where Ray's agent listens, if another one does not."""
PATIENCE_S = 25.0
"""How long a driver may try at most: one with the token joins in a few seconds."""
LEAST_S = 8.0
_DRIVER = """
import ray
ray.init(address="{address}", _node_ip_address="{host}", logging_level="ERROR")
print("joined", ray.cluster_resources())
"""


def network_address() -> str:
    """An address of this host that is not loopback."""
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family is socket.AF_INET and not one.address.startswith("127."):
                return one.address
    pytest.skip("this host has no network address")


def below(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that is to be reached from the network."""
    installation = Installation(
        tmp_path_factory.mktemp("network") / "home",
        address=f"{network_address()}:{PORT}",
        replicas=2,
    )
    with start_service(installation.settings) as one:
        yield one


def port_of(found: tuple[Listener, ...], title: str) -> int:
    """A port of the process called so."""
    return next(one.port for one in found if title in one.title)


def refused(host: str, port: int) -> bool:
    """Whether nothing answers there."""
    with socket.socket() as probe:
        probe.settimeout(2.0)
        return probe.connect_ex((host, port)) != 0


def joins(address: str, patience_s: float = PATIENCE_S, **variables: str) -> bool:
    """Whether a Ray driver that knows the address becomes part of the cluster."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "TROTH_"))}
    driver = _DRIVER.format(address=address, host=address.partition(":")[0])
    try:
        tried = subprocess.run(
            [sys.executable, "-c", driver],
            env={**clean, "RAY_AUTH_MODE": "disabled", **variables},
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return "joined" in tried.stdout


def assert_only_the_token_lets_in(pid: int, gcs: int) -> None:
    """A driver with the token joins, one without does not in three times as long."""
    began = time.monotonic()
    assert joins(f"127.0.0.1:{gcs}", **key(pid))
    took = time.monotonic() - began
    assert not joins(f"127.0.0.1:{gcs}", min(PATIENCE_S, max(LEAST_S, 3.0 * took)))


def key(pid: int) -> dict[str, str]:
    """What a driver needs to be let in: from the environment of the raylet."""
    (raylet,) = titled(below(pid), "raylet/raylet")
    environment = raylet.environ()
    names = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")
    return {name: environment[name] for name in names}


def submitted(host: str, port: int) -> int:
    """The HTTP status that Ray's agent has for a shell command; 0 if nothing answers."""
    request = urllib.request.Request(
        f"http://{host}:{port}/api/job_agent/jobs/",
        data=json.dumps({"entrypoint": "true"}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return 0


def test_workers_of_an_experiment_stay_inside() -> None:
    """The executor's cluster listens on loopback alone, and strangers are turned away.

    Comes first: the service of the tests below, which is to be seen, does not run yet.
    """
    with RayExecutor(workers=1) as executor:
        assert executor.map(abs, [-1]) == [1]
        found = listeners(below(os.getpid()))
        assert [str(one) for one in found if not one.is_local] == []
        assert "gcs_server" in " ".join(one.title for one in found)
        assert_only_the_token_lets_in(os.getpid(), port_of(found, "gcs_server"))


def test_only_the_ingress_is_seen_from_the_network(service: Service) -> None:
    """Of all sockets of all processes one is on the network address: the one asked for."""
    found = listeners(below(service.process.pid))
    outside = [(one.host, one.port) for one in found if not one.is_local]
    assert outside == [(network_address(), PORT)]
    titles = " ".join(one.title for one in found)
    for part in ("gcs_server", "raylet", REPLICA_TITLE, "haproxy", "DashboardAgent"):
        assert part in titles, f"{part} was not looked at"


def test_ports_of_replicas_and_ray_do_not_answer_on_the_network(service: Service) -> None:
    """What is found on loopback is not there under the network address."""
    host = network_address()
    local = {one.port for one in listeners(below(service.process.pid)) if one.is_local}
    assert len(local) > 10
    assert [port for port in local if not refused(host, port)] == []


def test_stranger_without_the_token_joins_nothing(service: Service) -> None:
    """A driver on this host that finds the GCS is turned away; one with the token is let in."""
    port = port_of(listeners(below(service.process.pid)), "gcs_server")
    token = Path(key(service.process.pid)["RAY_AUTH_TOKEN_PATH"])
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert_only_the_token_lets_in(service.process.pid, port)


def test_job_api_runs_nothing_for_strangers(service: Service) -> None:
    """Ray's agent asks for the token on loopback, and is not there on the network."""
    found = listeners(below(service.process.pid))
    own = {one.port for one in found if "DashboardAgent" in one.title}
    # The first cluster of a host has the agent's port, and this session's may be another one.
    answers = {port: submitted("127.0.0.1", port) for port in own | {AGENT_PORT}}
    if AGENT_PORT in own:
        assert answers[AGENT_PORT] == 401
    assert 200 not in answers.values()
    assert {submitted(network_address(), port) for port in own} == {0}


def test_a_source_that_takes_every_connection_locks_nobody_else_out(service: Service) -> None:
    """Thousands of silent connections from one address: another one's call is answered."""
    host, taken = network_address(), []
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    try:
        for _ in range(4300):
            one = socket.socket()
            one.settimeout(2.0)
            one.bind((host, 0))
            with contextlib.suppress(OSError):
                one.connect((host, PORT))
            taken.append(one)
        # Loopback addresses reach an address of this host too, as another source.
        other = socket.socket()
        other.bind(("127.0.0.9", 0))
        other.settimeout(5.0)
        other.connect((host, PORT))
        other.sendall(_PREFACE)
        assert other.recv(9)[3:4] == b"\x04", "no settings frame came"
        taken.append(other)
    finally:
        for one in taken:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
