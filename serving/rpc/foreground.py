"""The service's own process: starts Ray Serve, waits for a signal, and ends it.

``troth serve`` and :func:`serving.rpc.service.start_service` both run :func:`run`, which has
to be in a process where neither Ray nor its Serve was imported before: they read their
environment once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from serving.governance.sealing import try_checkpoint
from serving.governance.upkeep import seal_until
from serving.installation import opened
from serving.rpc.environment import raise_descriptor_limit, serve_environment
from serving.rpc.ports import PortPlan
from serving.store import Database
from troth.errors import TrothError
from troth.settings import Settings

log = logging.getLogger(__name__)

READY_FILE = "service.json"
"""In the installation's folder while the service runs: its pid, address and ingress."""
_REQUEST_TIMEOUT_S = 15.0
"""Longer than a writer waits for the store."""


def ready_path(settings: Settings) -> Path:
    """Where a running service says so."""
    return settings.home / READY_FILE


def run(
    settings: Settings, *, until: threading.Event, on_ready: Callable[[], None] = lambda: None
) -> None:
    """Serve decisions until ``until`` is set; on the main thread.

    Args:
        settings: the installation; its home must exist.
        until: set from another thread, or here on SIGTERM and SIGINT.
        on_ready: called once every replica answers.

    Raises:
        InvalidArgument, FailedPrecondition: if the address is malformed or taken.
        NotFound, DataLoss: if guardrails or store cannot be read.
    """
    settings = settings.model_copy(update={"home": settings.home.resolve()})
    plan = PortPlan.around(settings.address)
    plan.require_free()
    _preflight(settings)
    with _scratch() as scratch:
        os.environ.update(serve_environment(plan, scratch))
        raise_descriptor_limit()
        stop_on_signals(until)
        with _ray():
            # Ray has put handlers of its own in place, which abort the process.
            stop_on_signals(until)
            database = Database(settings.database)
            with _application(settings, plan), _announced(settings):
                on_ready()
                seal_until(database, until)
            try_checkpoint(database)
            database.close()


def _preflight(settings: Settings) -> None:
    """Fail here, in one line, where a replica would fail again and again."""
    from serving.guardrails import GuardrailConfig

    GuardrailConfig.installed(settings.home)
    database = opened(settings)
    database.require_own_schema()
    database.close()


@contextmanager
def _scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="troth-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ray() -> Iterator[None]:
    import ray

    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.WARNING,
        num_cpus=0,  # actors ask for none; Ray starts no idle workers for it
        object_store_memory=80 * 1024 * 1024,  # nothing large travels between our actors
    )
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _application(settings: Settings, plan: PortPlan) -> Iterator[None]:
    from ray import serve

    from serving.rpc.app import APPLICATION, SERVICER_FUNCTIONS, application

    serve.start(
        http_options={"host": plan.host, "port": plan.http},
        grpc_options={
            "port": plan.grpc,
            "grpc_servicer_functions": SERVICER_FUNCTIONS,
            "request_timeout_s": _REQUEST_TIMEOUT_S,
        },
    )
    try:
        serve.run(application(settings), name=APPLICATION)
        yield
    finally:
        serve.shutdown()


@contextmanager
def _announced(settings: Settings) -> Iterator[None]:
    path = ready_path(settings)
    partial = path.with_suffix(".partial")
    partial.write_text(
        json.dumps(
            {
                "pid": os.getpid(),
                "address": settings.address,
                "replicas": settings.replicas,
                "ingress": "haproxy" if "RAY_SERVE_ENABLE_HA_PROXY" in os.environ else "python",
            }
        )
    )
    partial.replace(path)
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
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    until = threading.Event()

    def follow() -> None:
        # Not through sys.stdin, whose lock a thread must not hold when the interpreter ends.
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        until.set()

    threading.Thread(target=follow, name="troth-stdin", daemon=True).start()
    try:
        run(Settings(), until=until, on_ready=lambda: log.info("serving"))
    except TrothError as error:
        log.error("%s", error)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
