"""Where the tasks of a run are computed: here, or on Ray workers; the results are the same.

A task is a plain value and a function is a module-level function of one task, so that
whichever process computes it gets all it needs. Numeric libraries run on one thread in
both executors: the parallelism is over tasks, and a sum is added up in the same order.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from troth.errors import InvalidArgument

Task = TypeVar("Task")
Result = TypeVar("Result")
OnProgress = Callable[[int, int], None]
"""Called with (tasks done, tasks in all) after each task."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Executor(Protocol):
    """Computes a function of many tasks."""

    def map(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_progress: OnProgress | None = None,
    ) -> list[Result]:
        """The results of ``function`` on each task, in the order of ``tasks``.

        An exception in a task is raised here, and the remaining tasks are given up.
        """
        ...


class SerialExecutor:
    """One task after another, in this process."""

    def map(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_progress: OnProgress | None = None,
    ) -> list[Result]:
        """See :class:`Executor`."""
        results: list[Result] = []
        for task in tasks:
            results.append(_compute(function, task))
            if on_progress is not None:
                on_progress(len(results), len(tasks))
        return results


class RayExecutor:
    """Tasks on a local Ray cluster that lives as long as the ``with`` block.

    It listens on loopback alone, and asks for a token of its own.

    Args:
        workers: worker processes, one core each, in 1..64.
    """

    def __init__(self, workers: int = 2) -> None:
        if not 1 <= workers <= 64:
            raise InvalidArgument(f"{workers} is outside 1..64", field="workers")
        self.workers = workers

    def __enter__(self) -> RayExecutor:
        import logging

        from serving.rpc.cluster import closed_environment, local_cluster

        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="troth-")))
            stack.enter_context(variables(closed_environment(folder)))
            # Workers inherit these. Numba's own is set for them only: once its threads run,
            # this process may not change it.
            with variables(dict.fromkeys((*THREAD_VARIABLES, "NUMBA_NUM_THREADS"), "1")):
                stack.enter_context(
                    local_cluster(num_cpus=self.workers, logging_level=logging.ERROR)
                )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def map(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        on_progress: OnProgress | None = None,
    ) -> list[Result]:
        """See :class:`Executor`."""
        import ray

        remote = ray.remote(num_cpus=1, max_retries=2)(_compute)
        references = [remote.remote(function, task) for task in tasks]
        waiting = list(references)
        try:
            while waiting:
                done, waiting = ray.wait(waiting, num_returns=1)
                ray.get(done)
                if on_progress is not None:
                    on_progress(len(references) - len(waiting), len(references))
        except ray.exceptions.RayTaskError as error:
            for reference in waiting:
                ray.cancel(reference, force=True)
            cause = getattr(error, "cause", None)
            if isinstance(cause, Exception):
                raise cause from error
            raise
        results: list[Result] = ray.get(references)
        return results


@contextmanager
def executor_of(workers: int) -> Iterator[Executor]:
    """Ray with so many workers; with 0 this process, which needs no start-up."""
    if workers == 0:
        yield SerialExecutor()
    else:
        with RayExecutor(workers) as executor:
            yield executor


def _compute(function: Callable[[Task], Result], task: Task) -> Result:
    with one_thread():
        return function(task)


@contextmanager
def one_thread() -> Iterator[None]:
    """Numeric libraries on one thread for the duration of a block."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # A torch that is imported inside reads the variables; one that is there already does not.
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    with variables(dict.fromkeys(THREAD_VARIABLES, "1")), threadpool_limits(1):
        yield


@contextmanager
def variables(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for the duration of a block; what was there comes back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
