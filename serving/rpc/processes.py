"""The processes of one service: found by a mark in their environment, whoever their parent is.

A process whose parent died belongs to nobody, so a tree of parents does not tell what a killed
service left behind. The environment goes from parent to child and stays: Ray's daemons, its
workers and HAProxy all carry the mark of the service that they were started for.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from troth.types import new_id

MARK = "TROTH_SERVICE_MARK"
"""The environment variable."""
_PATIENCE_S = 5.0


def new_mark(home: Path) -> str:
    """A mark for one start of the service of ``home``."""
    return f"{home_mark(home)}/{new_id()}"


def home_mark(home: Path) -> str:
    """What the marks of all services of ``home`` begin with, whatever the folder is called."""
    status = home.stat()
    return f"{status.st_dev}:{status.st_ino}"


def marked(mark: str) -> list[psutil.Process]:
    """Every process but this one that carries ``mark``, or one that begins with it."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and _carries(process, mark):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue
    return found


def _carries(process: psutil.Process, mark: str) -> bool:
    own = process.environ().get(MARK, "")
    return (own + "/").startswith(mark + "/") and process.status() != psutil.STATUS_ZOMBIE


def kill_marked(mark: str, *, patience_s: float = _PATIENCE_S) -> int:
    """End every process that carries ``mark``, at once; returns how many there were.

    Repeated until none is left, since one that was being started while the others were
    counted would be missed.
    """
    killed: set[int] = set()
    deadline = time.monotonic() + patience_s
    while (left := marked(mark)) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                killed.add(process.pid)
        psutil.wait_procs(left, timeout=0.5)
    return len(killed)


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
