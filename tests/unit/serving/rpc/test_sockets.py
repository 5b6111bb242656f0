"""Sockets of processes, and the check that one may be seen and no other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from serving.rpc.sockets import Listener, listeners, require_inside
from troth.errors import FailedPrecondition


def listener(host: str, port: int = 9700) -> Listener:
    """A socket of nobody's."""
    return Listener(host, port, 1, "x")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("::ffff:10.0.0.7", False),
    ],
)
def test_loopback_in_all_its_forms(host: str, local: bool) -> None:
    """An address of this host alone is told from one of the network, mapped ones too."""
    assert listener(host).is_local is local


def test_own_socket_is_found() -> None:
    """A socket on every interface is found with its process, and is one too many."""
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = [one for one in listeners([psutil.Process()]) if one.port == port]
        assert [(one.host, one.pid) for one in found] == [("0.0.0.0", os.getpid())]
        with pytest.raises(FailedPrecondition, match=f"0.0.0.0:{port}"):
            require_inside(found, "127.0.0.1", 9700)


def test_the_address_asked_for_may_be_seen() -> None:
    """Whatever it is, by number or by name, and only under its own port."""
    require_inside([listener("0.0.0.0"), listener("127.0.0.1", 1)], "0.0.0.0", 9700)
    require_inside([listener("::1")], "[::1]", 9700)
    require_inside([listener("10.0.0.7")], "10.0.0.7", 9700)
    for other in (listener("10.0.0.7", 9701), listener("10.0.0.8"), listener("0.0.0.0")):
        with pytest.raises(FailedPrecondition):
            require_inside([other], "10.0.0.7", 9700)


def test_a_title_is_the_program_however_deep_it_lies(tmp_path: Path) -> None:
    """A long path does not push the name of the program out of what is told."""
    deep = tmp_path / ("x" * 60) / ("y" * 60) / "listener.py"
    deep.parent.mkdir(parents=True)
    deep.write_text(
        "import socket, sys, time\n"
        "s = socket.create_server(('127.0.0.1', 0))\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, str(deep)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        (found,) = listeners([psutil.Process(child.pid)])
        child.kill()
    assert "listener.py" in found.title
    assert "xxx" not in found.title
