"""The processes of one service: found by what they carry, whoever their parent is.

A process whose parent died belongs to nobody, so a tree of parents does not tell what a killed
service left behind. Each start has a folder of its own, and its processes carry the folder's
name: in their environment, which goes from parent to child and stays, or, where they have
written a title over it as Ray's agents do, in the files that they hold open.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

SCRATCH = "TROTH_SERVICE_SCRATCH"
"""Environment variable: the folder of this start."""
_PREFIX = "troth-"
_HOME_FILE = "home"
_PATIENCE_S = 5.0


def new_scratch(home: Path) -> Path:
    """A private folder for one start of the service of ``home``; its path is short."""
    scratch = Path(tempfile.mkdtemp(prefix=_PREFIX))
    (scratch / _HOME_FILE).write_text(_identity(home))
    return scratch


def clear_up(scratch: Path) -> int:
    """End every process of a start, at once, and remove its folder; returns how many there were.

    Looked for until none is left, since one that was being started while the others were
    counted would be missed.
    """
    ended: set[int] = set()
    deadline = time.monotonic() + _PATIENCE_S
    while (left := belonging(scratch)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                ended.add(process.pid)
        psutil.wait_procs(left, timeout=0.5)
    shutil.rmtree(scratch, ignore_errors=True)
    return len(ended)


def clear_earlier(home: Path) -> int:
    """Clear up after every earlier start for ``home``; returns how many processes were left."""
    identity = _identity(home)
    ended = 0
    for marker in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_HOME_FILE}"):
        with contextlib.suppress(OSError):
            if marker.owner() == Path(home).owner() and marker.read_text() == identity:
                ended += clear_up(marker.parent)
    return ended


def belonging(scratch: Path) -> list[psutil.Process]:
    """Every process but this one that belongs to the start with this folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            if process.pid != os.getpid() and _belongs(process, str(scratch)):
                found.append(process)
    return found


def _belongs(process: psutil.Process, scratch: str) -> bool:
    if process.status() == psutil.STATUS_ZOMBIE:
        return False
    if process.environ().get(SCRATCH) == scratch:
        return True
    return title(process).startswith("ray::") and any(
        file.path.startswith(f"{scratch}/") for file in process.open_files()
    )


def _identity(home: Path) -> str:
    """A name for ``home`` that stays, whatever the folder is called."""
    status = home.stat()
    return f"{status.st_dev}:{status.st_ino}"


def descendants(root: int) -> dict[int, str]:
    """Process ids below ``root`` and what they call themselves."""
    try:
        below = psutil.Process(root).children(recursive=True)
    except psutil.NoSuchProcess:
        return {}
    return {process.pid: title(process) for process in below}


def title(process: psutil.Process) -> str:
    """What ``process`` calls itself; empty if it is gone."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:
        return ""


def is_alive(pid: int) -> bool:
    """Whether ``pid`` runs; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.NoSuchProcess:
        return False


def titled(processes: Iterable[psutil.Process], text: str) -> list[psutil.Process]:
    """Those of ``processes`` whose title holds ``text``."""
    return [process for process in processes if text in title(process)]
