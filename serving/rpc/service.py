"""A service as a handle: start it in a process of its own, wait for it, stop it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.clock import ServiceClock
from serving.installation import require
from serving.rpc.foreground import REPLICA_TITLE, ready_path
from serving.rpc.journal import log_path
from serving.rpc.processes import descendants, is_alive
from troth.errors import Unavailable
from troth.settings import Settings

_STOP_S = 30.0
"""The last calls have 15 s, and Serve's own end takes some."""


@dataclass(frozen=True)
class Service:
    """A running service.

    Attributes:
        settings: the installation it serves.
        process: its own process; Ray's are below it.
        log: what it printed.
    """

    settings: Settings
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        """``host:port`` of the gRPC ingress."""
        return self.settings.address

    def replica_pids(self) -> list[int]:
        """Process ids of the replicas, ascending."""
        return sorted(
            pid
            for pid, title in descendants(self.process.pid).items()
            if title.startswith(REPLICA_TITLE)
        )

    def stop(self) -> None:
        """End the service and everything it started; calling it again is harmless."""
        below = list(descendants(self.process.pid))
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                below = list(descendants(self.process.pid))
                self.process.kill()
                self.process.wait()
        self.forget()
        _end(below)
        ready_path(self.settings).unlink(missing_ok=True)

    def forget(self) -> None:
        """Let go of what is held of a process that has ended, however it did."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start_service(
    settings: Settings,
    *,
    timeout_s: float = 90.0,
    environment: Mapping[str, str] | None = None,
    clock: ServiceClock | None = None,
) -> Service:
    """Serve an installation from a process of its own; returns once it answers.

    Args:
        settings: the installation; guardrails are ``HOME/guardrails.toml`` or the shipped.
        timeout_s: how long to wait for it.
        environment: further variables for it.
        clock: in place of the host's, for demonstrations and tests.

    Raises:
        Unavailable: if it ends or does not answer in time; with the end of its log.
    """
    settings = settings.resolved()
    require(settings)
    ready_path(settings).unlink(missing_ok=True)
    path = log_path(settings.home)
    with path.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter, our own arguments
            [sys.executable, "-m", "serving.rpc.foreground", *_arguments(clock)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**os.environ, **_variables(settings), **(environment or {})},
            start_new_session=True,  # Ctrl-C in a terminal is for the parent to handle
        )
    service = Service(settings, process, path)
    try:
        _await_ready(service, timeout_s)
    except BaseException:
        service.stop()
        raise
    return service


def _arguments(clock: ServiceClock | None) -> list[str]:
    return ["--clock", clock.to_json()] if clock else []


def _variables(settings: Settings) -> dict[str, str]:
    return {
        f"TROTH_{name.upper()}": str(value)
        for name, value in settings.model_dump(mode="json").items()
    }


def _await_ready(service: Service, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if service.process.poll() is not None:
            raise Unavailable(f"the service ended: {_tail(service.log)}")
        # Whether it is well is another matter: nothing may be active yet.
        if ready_path(service.settings).exists() and health(service.address) is not None:
            return
        time.sleep(0.1)
    raise Unavailable(f"no answer within {timeout_s:g} s: {_tail(service.log)}")


def is_serving(address: str, timeout_s: float = 1.0) -> bool:
    """Whether ``grpc.health.v1`` at ``address`` says SERVING."""
    return health(address, timeout_s) == int(health_pb2.HealthCheckResponse.SERVING)


def health(address: str, timeout_s: float = 1.0) -> int | None:
    """What ``grpc.health.v1`` at ``address`` says, ``None`` if it does not answer."""
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=timeout_s
            )
        except grpc.RpcError:
            return None
    return int(answer.status)


def _tail(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-4:]) or "(no log)"


def _end(pids: list[int]) -> None:
    """End what is left of ``pids``: first gently, then not."""
    for number, patience_s in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 2.0)):
        left = [pid for pid in pids if is_alive(pid)]
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        for _ in _until(patience_s):
            if not any(is_alive(pid) for pid in left):
                return


def _until(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
