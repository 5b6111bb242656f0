"""Threads over ranges of customers: kernels release the GIL and touch no common column cell."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

LEAST = 8192
"""Customers below which a second thread costs more than it brings."""
PIECES = 4
"""Ranges per thread: who is held up by other programs leaves more of them to the others."""


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
        workers = min(self.count, max(size // LEAST, 1))
        if workers == 1:
            work(0, size)
            return
        pieces = min(workers * PIECES, size // LEAST)
        todo = deque(pairwise(size * piece // pieces for piece in range(pieces + 1)))

        def take() -> None:
            while True:
                try:
                    start, stop = todo.popleft()
                except IndexError:
                    return
                work(start, stop)

        futures = [_pool(self.count).submit(take) for _ in range(workers - 1)]
        take()
        for future in futures:
            future.result()
