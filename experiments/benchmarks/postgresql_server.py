"""A PostgreSQL server for as long as it is needed, that nobody else can reach.

It listens on a socket in a folder of its own alone. The benchmarks and the tests start one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from troth.database_url import DatabaseUrl
from troth.errors import NotFound, Unavailable

_START_S = 60.0
_LOOK_EVERY_S = 0.05
_THROWAWAY = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


def binaries() -> Path:
    """Where ``initdb`` and ``postgres`` are: of Debian's newest version, else on the path.

    Raises:
        NotFound: if they are not installed.
    """
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        raise NotFound("PostgreSQL is not installed", field="postgresql")
    return Path(initdb).parent


@contextmanager
def running(*, durable: bool) -> Iterator[DatabaseUrl]:
    """A new server; yields the URL of an empty database on it, which is gone afterwards.

    Args:
        durable: with the server's own settings for what survives the loss of power; else none
            of it does, which is quicker.

    Raises:
        NotFound: if PostgreSQL is not installed.
        Unavailable: if it does not start.
    """
    where = binaries()
    with tempfile.TemporaryDirectory(prefix="troth-pg-", ignore_cleanup_errors=True) as folder:
        data, as_user = f"{folder}/data", _unprivileged(Path(folder))
        initdb = [f"{where}/initdb", "-D", data, "-U", "troth", "-A", "trust", "-E", "UTF8"]
        _run([*as_user, *initdb, "--no-sync", "--locale=C.UTF-8"])
        settings = ("listen_addresses=", "max_connections=60", *(() if durable else _THROWAWAY))
        process = subprocess.Popen(  # noqa: S603 - found above
            [
                *as_user, f"{where}/postgres", "-D", data, "-k", folder,
                *(f"-c{setting}" for setting in settings),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _await([f"{where}/pg_isready", "-h", folder], process)
            yield DatabaseUrl(f"postgresql://troth@/postgres?host={folder}")
        finally:
            _run([*as_user, f"{where}/pg_ctl", "-D", data, "-m", "immediate", "-W", "stop"])
            process.wait(_START_S)


def _unprivileged(folder: Path) -> list[str]:
    """What a command begins with: the server refuses to run as root."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")  # noqa: S603
    if done.returncode != 0:
        raise Unavailable(f"{command[-1]}: {done.stderr[-500:]}", field="postgresql")


def _await(ready: Sequence[str], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while subprocess.run(ready, capture_output=True, check=False).returncode != 0:  # noqa: S603
        if process.poll() is not None or time.monotonic() > deadline:
            raise Unavailable("the server did not start", field="postgresql")
        time.sleep(_LOOK_EVERY_S)
