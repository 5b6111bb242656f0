"""Executors: the same results wherever tasks run, in order, with errors as they are."""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.runs.executors import (
    THREAD_VARIABLES,
    Executor,
    RayExecutor,
    SerialExecutor,
    variables,
)
from troth.errors import InvalidArgument
from troth.streams import generator


def _spectrum(task: tuple[int, int]) -> NDArray[np.float64]:
    """A sum whose last bits depend on the number of threads that add it up."""
    seed, size = task
    matrix = generator("executors", seed).standard_normal((size, size))
    return np.linalg.eigvalsh(matrix @ matrix.T)


def _refuse(task: int) -> int:
    if task == 2:
        raise InvalidArgument("two is refused", field="task")
    return task


def _threads(task: int) -> list[str]:
    return [os.environ.get(name, "") for name in THREAD_VARIABLES]


def test_serial_keeps_order_and_counts() -> None:
    """Results come in the order of the tasks, and progress counts each one."""
    seen: list[tuple[int, int]] = []
    results = SerialExecutor().map(
        _refuse, [5, 3, 4], on_progress=lambda done, total: seen.append((done, total))
    )
    assert results == [5, 3, 4]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_serial_raises_the_task_s_error() -> None:
    """A typed error leaves the executor as it is, with its field."""
    with pytest.raises(InvalidArgument) as caught:
        SerialExecutor().map(_refuse, [1, 2, 3])
    assert caught.value.field == "task"


def test_tasks_run_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numeric libraries get one thread during a task, and the caller's setting afterwards."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert SerialExecutor().map(_threads, [0]) == [["1", "1", "1"]]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_variables_come_back_after_an_error() -> None:
    """A failing block leaves the environment as it was."""
    with pytest.raises(ValueError, match="stop"), variables({"TROTH_TEST_VARIABLE": "1"}):
        raise ValueError("stop")
    assert "TROTH_TEST_VARIABLE" not in os.environ


def test_worker_count_is_checked() -> None:
    """A cluster without workers would wait for ever."""
    with pytest.raises(InvalidArgument) as caught:
        RayExecutor(workers=0)
    assert caught.value.field == "workers"


@pytest.mark.slow
def test_ray_gives_the_same_bits() -> None:
    """Ray workers compute to the last bit what this process computes, and raise its errors."""
    tasks = [(seed, size) for seed in range(3) for size in (40, 180)]
    expected = SerialExecutor().map(_spectrum, tasks)
    seen: list[int] = []
    with RayExecutor(workers=2) as ray_executor:
        executor: Executor = ray_executor
        results = executor.map(_spectrum, tasks, on_progress=lambda done, _: seen.append(done))
        assert executor.map(_threads, [0]) == [["1", "1", "1"]]
        with pytest.raises(InvalidArgument) as caught:
            executor.map(_refuse, [1, 2, 3])
    assert caught.value.field == "task"
    assert seen == [1, 2, 3, 4, 5, 6]
    for one, other in zip(results, expected, strict=True):
        np.testing.assert_array_equal(one, other)
