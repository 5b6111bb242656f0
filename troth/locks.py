"""One process at a time: a lock on a file, free as soon as its holder is gone, however it ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from troth.errors import TrothError

_LOOK_EVERY_S = 0.01


@contextmanager
def held(
    path: Path, refusal: TrothError | None = None, *, patience_s: float = 0.0
) -> Iterator[None]:
    """Hold the lock for the block. What is in the file is nobody's concern here.

    Its holder may remove the file as their last act: who waited takes the lock of a new one.

    Args:
        path: the file; it is made, and stays. Its folder is not made: that it is gone may mean
            something.
        refusal: raised if another holds it; without, wait as long as they do.
        patience_s: how long to wait before the refusal, in seconds.

    Raises:
        TrothError: ``refusal``.
        OSError: if the file cannot be opened.
    """
    deadline = time.monotonic() + patience_s
    while (handle := _taken(path, wait=refusal is None)) is None:
        if refusal is not None and time.monotonic() >= deadline:
            raise refusal
        time.sleep(_LOOK_EVERY_S)
    try:
        yield
    finally:
        os.close(handle)


def is_held(path: Path) -> bool:
    """Whether somebody holds the lock; nobody does where there is no file."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:  # it may be another user's: who cannot be asked may well live
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _taken(path: Path, *, wait: bool) -> int | None:
    """An open file with the lock on it, that ``path`` still names; ``None`` if there is none."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        # Whoever found the file before it was locked may have cleared it away.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(handle).st_ino:
                return handle
    except BlockingIOError:
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None
