"""The service's own process: starts Ray Serve, watches over it, and ends it.

``troth serve`` and :func:`serving.rpc.service.start_service` both run :func:`run`, which has
to be in a process where neither Ray nor its Serve was imported before: they read their
environment once.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psutil

from serving.audit.signed_heads import try_checkpoint
from serving.clock import ServiceClock
from serving.governance.upkeep import seal_until
from serving.installation import SERVICE_FILE, opened
from serving.rpc.cluster import local_cluster
from serving.rpc.environment import raise_descriptor_limit, serve_environment
from serving.rpc.gate import close_gates
from serving.rpc.journal import keep_journal
from serving.rpc.loopback import HOOK
from serving.rpc.ports import PortPlan
from serving.rpc.processes import belonging, clear_earlier, clear_up, descendants, new_scratch
from serving.rpc.sockets import listeners, require_inside
from serving.rpc.vitals import Vitals
from serving.rpc.watchdog import Watchdog
from troth import locks
from troth.cli.entry import EXIT_CODES
from troth.errors import FailedPrecondition, TrothError
from troth.files import write_whole
from troth.settings import Settings, settings_of

log = logging.getLogger("serving.rpc.foreground")  # not __name__, which may be __main__

LOCK_FILE = "service.lock"
"""Held by the one process that serves an installation."""
REPLICA_TITLE = "ray::ServeReplica:"
_REQUEST_TIMEOUT_S = 15.0
"""Longer than a writer waits for the store."""
_LOOK_EVERY_S = 0.5
_IN_FLIGHT_S = 0.3
"""How long the last answers take from a replica through the ingress, with plenty to spare."""


def ready_path(settings: Settings) -> Path:
    """Where a running service says so."""
    return settings.home / SERVICE_FILE


def run(
    settings: Settings,
    *,
    until: threading.Event,
    on_ready: Callable[[], None] = lambda: None,
    clock: ServiceClock | None = None,
) -> None:
    """Serve decisions until ``until`` is set; on the main thread.

    On the way out it takes no more calls, answers those it has, and then ends the ingress.
    Should this process be killed, its watchdog ends the rest; should that be killed too, the
    next start does.

    Args:
        settings: the installation; its home must exist.
        until: set from another thread, or here on SIGTERM and SIGINT.
        on_ready: called once every replica answers.
        clock: in place of the host's.

    Raises:
        InvalidArgument: if the address is malformed.
        FailedPrecondition: if it is taken, the installation is served already, or a socket of
            the service can be reached from outside.
        NotFound, DataLoss: if guardrails or store cannot be read.

    What goes wrong once Ray is started is not raised: this process says so in its log and on
    stderr, ends everything and itself, with the exit code of the error (7 for a lost part).
    """
    settings = settings.model_copy(update={"home": settings.home.resolve()})
    plan = PortPlan.around(settings.address)
    keep_journal(settings.home)
    with _alone(settings.home) as scratch:
        plan.require_free()
        _preflight(settings)
        os.environ.update(serve_environment(plan, scratch))
        raise_descriptor_limit()
        stop_on_signals(until)
        watchdog = Watchdog(scratch)
        with local_cluster(
            logging_level=logging.WARNING,
            num_cpus=0,  # actors ask for none; Ray starts no idle workers for it
            object_store_memory=80 * 1024 * 1024,  # nothing large travels between our actors
            runtime_env={"worker_process_setup_hook": HOOK},
            _temp_dir=str(scratch / "ray"),
        ):
            # Ray has put handlers of its own in place, which abort the process.
            stop_on_signals(until)
            try:
                with (
                    _upkeep(settings, until),
                    _application(settings, plan, scratch, clock),
                ):
                    require_inside(listeners(_processes(scratch)), plan.host, plan.grpc)
                    vitals = Vitals(_processes(scratch))
                    with _announced(settings):
                        log.info("serving %s on %s", settings.home, settings.address)
                        on_ready()
                        _watch_over(settings, until, vitals, watchdog)
                        log.info("taking no more calls")
            except Exception as error:
                _end_hard(settings, scratch, error)
        watchdog.dismiss()
    log.info("ended")


def _watch_over(
    settings: Settings, until: threading.Event, vitals: Vitals, watchdog: Watchdog
) -> None:
    """Look after everything until it is to end; raises :class:`Unavailable` for a lost part."""
    database = opened(settings)
    while not until.wait(_LOOK_EVERY_S):
        vitals.require_all()
        watchdog.keep_alive()
        database.require_same_store()
    database.close()


@contextmanager
def _upkeep(settings: Settings, until: threading.Event) -> Iterator[None]:
    """What has to be written, from a thread that may wait for the store; its last act is last."""

    def keep_up() -> None:
        database = opened(settings)
        seal_until(database, until)
        database.close()

    thread = threading.Thread(target=keep_up, name="troth-upkeep", daemon=True)
    thread.start()
    yield
    thread.join()
    database = opened(settings)
    try_checkpoint(database)
    database.close()


def _end_hard(settings: Settings, scratch: Path, error: Exception) -> NoReturn:
    """End everything at once: an orderly end waits a minute for what is lost."""
    if isinstance(error, TrothError):
        code = EXIT_CODES.get(error.code, 1)
        log.critical("the service ends: %s", error)
    else:
        code = 1
        log.critical("the service ends", exc_info=error)
    print(f"troth: {error}", file=sys.stderr, flush=True)
    ready_path(settings).unlink(missing_ok=True)
    clear_up(scratch)
    os._exit(code)


def _processes(scratch: Path) -> list[psutil.Process]:
    """Every process of the service, this one among them."""
    me = psutil.Process()
    found = {
        process.pid: process for process in (*belonging(scratch), *me.children(recursive=True))
    }
    return [me, *found.values()]


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """Be the one service of ``home``, with a folder for this start; ends what earlier ones left."""
    refusal = FailedPrecondition(f"{home} is served already", field="home")
    with locks.held(home / LOCK_FILE, refusal):
        left = clear_earlier(home)
        if left:
            log.warning("ended %d processes that an earlier service of this home left", left)
        scratch = new_scratch(home)
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _preflight(settings: Settings) -> None:
    """Fail here, in one line, where a replica would fail again and again."""
    from troth.guardrails import GuardrailConfig

    GuardrailConfig.installed(settings.home)
    database = opened(settings)
    database.require_own_schema()
    database.close()


@contextmanager
def _application(
    settings: Settings, plan: PortPlan, scratch: Path, clock: ServiceClock | None
) -> Iterator[None]:
    from ray import serve

    from serving.rpc.app import APPLICATION, application
    from serving.rpc.servicers import FUNCTIONS

    serve.start(
        # Serve's HTTP servers, which nothing uses, follow this host; HAProxy's gRPC frontend
        # gets the one asked for from :mod:`serving.rpc.loopback`.
        http_options={"host": "127.0.0.1", "port": plan.http},
        grpc_options={
            "port": plan.grpc,
            "grpc_servicer_functions": FUNCTIONS,
            "enable_reflection": False,  # Serve's own; ours is one of the functions
            "request_timeout_s": _REQUEST_TIMEOUT_S,
        },
    )
    serve.run(application(settings, clock), name=APPLICATION)
    yield
    _drain(scratch)
    serve.shutdown()


def _drain(scratch: Path) -> None:
    pids = [pid for pid, title in descendants(os.getpid()).items() if REPLICA_TITLE in title]
    if not close_gates(scratch, pids, patience_s=_REQUEST_TIMEOUT_S):
        log.warning("some calls were not answered within %g s", _REQUEST_TIMEOUT_S)
    time.sleep(_IN_FLIGHT_S)


@contextmanager
def _announced(settings: Settings) -> Iterator[None]:
    path = ready_path(settings)
    told = {
        "pid": os.getpid(),
        "address": settings.address,
        "replicas": settings.replicas,
        "ingress": "haproxy" if "RAY_SERVE_ENABLE_HA_PROXY" in os.environ else "python",
    }
    write_whole(path, json.dumps(told).encode())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def stop_on_signals(until: threading.Event) -> None:
    """Set ``until`` on SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: until.set())


def main() -> None:
    """Serve the installation of the settings until a signal, or until stdin ends.

    Whoever starts this process holds the other end of its stdin, so that a service does not
    outlive a parent that was killed.
    """
    options = argparse.ArgumentParser()
    options.add_argument("--clock", help="A clock as JSON, for demonstrations and tests.")
    text = options.parse_args().clock
    until = threading.Event()

    def follow() -> None:
        # Not through sys.stdin, whose lock a thread must not hold when the interpreter ends.
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        until.set()

    threading.Thread(target=follow, name="troth-stdin", daemon=True).start()
    try:
        clock = ServiceClock.from_json(text) if text else None
        run(settings_of(), until=until, clock=clock)
    except TrothError as error:
        log.error("%s", error)
        raise SystemExit(EXIT_CODES[error.code]) from None


if __name__ == "__main__":
    main()
