"""Which sockets the processes of a service listen on, and whether one can be seen from outside."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from troth.errors import FailedPrecondition
from troth.text import shortened

_LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """One listening TCP socket.

    Attributes:
        host, port: what it is bound to.
        pid, title: whose it is.
    """

    host: str
    port: int
    pid: int
    title: str

    @property
    def is_local(self) -> bool:
        """Whether only this host reaches it."""
        address = ipaddress.ip_address(self.host)
        mapped = getattr(address, "ipv4_mapped", None)
        return bool((mapped or address).is_loopback)

    def __str__(self) -> str:
        return f"{self.host}:{self.port} of {self.title} ({self.pid})"


def listeners(processes: Iterable[psutil.Process]) -> tuple[Listener, ...]:
    """Every listening TCP socket of ``processes``, in order of address; those gone have none."""
    found = set()
    for process in processes:
        try:
            title = _short(process)
            for connection in process.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    host, port = connection.laddr
                    found.add(Listener(host, port, process.pid, title))
        except psutil.NoSuchProcess:
            continue
    return tuple(sorted(found))


def _short(process: psutil.Process) -> str:
    """A program and its first argument, without the folders they lie in."""
    words = [Path(word).name for word in process.cmdline()[:2]]
    return shortened(" ".join(words).strip() or process.name(), _LONGEST_TITLE)


def require_inside(found: Iterable[Listener], host: str, port: int) -> None:
    """Check that nothing but ``host:port`` can be seen from outside.

    Raises:
        FailedPrecondition: naming the sockets that can.
    """
    bare = host.strip("[]")
    asked = {bare, *(str(info[4][0]) for info in socket.getaddrinfo(bare, port))}
    astray = [
        one for one in found if not one.is_local and not (one.port == port and one.host in asked)
    ]
    if astray:
        raise FailedPrecondition(
            f"only {host}:{port} may be reached from outside, and {len(astray)} more can:"
            f" {', '.join(map(str, astray[:8]))}",
            field="address",
        )
