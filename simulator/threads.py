"""Threads over ranges of customers: kernels release the GIL and touch no common column cell."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

LEAST = 8192
"""Customers below which a second thread costs more than it brings."""


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="world")


class Threads:
    """Runs work on ranges of rows.

    Args:
        count: threads, at least 1.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def run(self, size: int, work: Callable[[int, int], object]) -> None:
        """Call ``work(start, stop)`` on ranges that make up 0..size."""
        parts = min(self.count, max(size // LEAST, 1))
        if parts == 1:
            work(0, size)
            return
        edges = [size * part // parts for part in range(parts + 1)]
        pairs = list(pairwise(edges))
        futures = [_pool(self.count).submit(work, a, b) for a, b in pairs[1:]]
        work(*pairs[0])
        for future in futures:
            future.result()
