"""How much memory a stretch of work took at its height."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")


class PeakMemory:
    """Growth of this process since the object was made.

    The kernel keeps one high-water mark per process: where it does not rise, because earlier
    work was larger, the highest of the sampled sizes stands in.
    """

    def __init__(self) -> None:
        self._begin = resident()
        self._mark = high_water()
        self._seen = self._begin

    def take(self) -> None:
        """Look at the present size."""
        self._seen = max(self._seen, resident())

    @property
    def growth(self) -> int:
        """Bytes at the height, less those at the beginning."""
        top = high_water()
        return max(top if top > self._mark else self._seen, self._seen) - self._begin


def resident() -> int:
    """Bytes of this process in memory now; the high-water mark where that is not told."""
    if not _STATM.is_file():
        return high_water()
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def high_water() -> int:
    """Most bytes this process ever had in memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
