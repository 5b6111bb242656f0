"""Ports, environment and processes of a service."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from serving.installation import create
from serving.rpc.environment import serve_environment
from serving.rpc.ports import SPAN, PortPlan
from serving.rpc.processes import descendants, is_alive
from serving.rpc.service import start_service
from troth.errors import FailedPrecondition, InvalidArgument, Unavailable
from troth.settings import Settings


def ports(plan: PortPlan) -> set[int]:
    """Every port of a plan."""
    single = {
        plan.grpc,
        plan.http,
        plan.metrics,
        plan.stats,
        plan.fallback_grpc,
        plan.fallback_http,
    }
    ranges = (plan.replica_grpc, plan.replica_http)
    return single.union(*(range(low, high + 1) for low, high in ranges))


def test_plans_a_span_apart_do_not_meet() -> None:
    """Two services on one machine share no port, nor do the parts of one."""
    one, two = PortPlan.around("127.0.0.1:9700"), PortPlan.around(f"127.0.0.1:{9700 + SPAN}")
    assert len(ports(one)) == 206
    assert not ports(one) & ports(two)
    assert one.grpc == 9700


@pytest.mark.parametrize("address", ["9700", "host:", "host:x", "host:80", ":9700", "host:65500"])
def test_malformed_address_is_refused(address: str) -> None:
    """A wrong address names the setting."""
    with pytest.raises(InvalidArgument) as caught:
        PortPlan.around(address)
    assert caught.value.field == "address"


def test_taken_port_is_said_before_anything_starts() -> None:
    """A service that cannot listen says which port and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(FailedPrecondition, match=str(port)):
            PortPlan.around(f"127.0.0.1:{min(port, 65000)}").require_free()


def test_every_planned_port_reaches_serve(tmp_path: Path) -> None:
    """Nothing is left at a default that a second service would collide on."""
    plan = PortPlan.around("127.0.0.1:9700")
    values = serve_environment(plan, tmp_path).values()
    wanted = ports(plan) - {plan.grpc, plan.http}
    ends = {*plan.replica_grpc, *plan.replica_http}
    inside = set(range(*plan.replica_grpc)) | set(range(*plan.replica_http))
    assert {str(port) for port in (wanted - inside) | ends} <= set(values)


def test_descendants_are_found_and_seen_to_end() -> None:
    """Children of children are found; a process that ended is not alive."""
    child = subprocess.Popen(
        [sys.executable, "-c", "import subprocess as s; s.run(['sleep', '30'])"],
        start_new_session=True,
    )
    try:
        while not any("sleep" in title for title in descendants(child.pid).values()):
            assert child.poll() is None
        (grandchild,) = descendants(child.pid)
        assert grandchild in descendants(os.getpid())
        assert is_alive(grandchild)
        os.kill(grandchild, 9)
        child.wait(10)
        assert not is_alive(grandchild)
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[quiet_hours]\n", "quiet_hours"),
        (
            "[quiet_hours]\nstart = 21:00:00\nend = 08:00:00\nchannels = []\n"
            "[[frequency_cap.rules]]\nhours = 24\ncontacts = 1\n[sundays]\n",
            "no installed package registers a guardrail 'sundays'",
        ),
    ],
)
def test_service_that_cannot_start_says_why(tmp_path: Path, text: str, why: str) -> None:
    """A broken guardrail file, or one that names what is not there, is one line."""
    create(tmp_path)
    (tmp_path / "guardrails.toml").write_text(text)
    with pytest.raises(Unavailable, match=why):
        start_service(Settings(home=tmp_path, address="127.0.0.1:23700"), timeout_s=60)


def test_python_proxy_serves_without_haproxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the HAProxy package is not installed, Serve is not told to start it."""
    monkeypatch.setattr("serving.rpc.environment.find_spec", lambda _: None)
    names = serve_environment(PortPlan.around("127.0.0.1:9700"), tmp_path)
    assert "RAY_SERVE_ENABLE_HA_PROXY" not in names
    assert names["RAY_SERVE_PROXY_USE_GRPC"] == "1"
