"""The time budget of a model."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from serving.decisioning import time_budget
from serving.decisioning.time_budget import Late, TimeBudget


def test_result_and_exception_come_through() -> None:
    """A call in time answers as if it were called directly, its own TimeoutError included."""
    limit: TimeBudget[int] = TimeBudget(5.0)
    assert limit.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        limit.run(lambda: 1 // 0)

    def raises() -> int:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        limit.run(raises)


def test_one_late_call_costs_nobody_else_the_model() -> None:
    """A call that hangs is passed over; the ones after it are answered by the policy."""
    limit: TimeBudget[int] = TimeBudget(0.5)  # what a busy machine takes for nothing
    release = threading.Event()

    def stuck() -> int:
        release.wait(60)
        return 1

    with pytest.raises(Late):
        limit.run(stuck)
    assert [limit.run(lambda: 2) for _ in range(20)] == [2] * 20
    with pytest.raises(Late):
        limit.run(stuck)
    assert limit.run(lambda: 3) == 3
    release.set()
    assert limit.run(lambda: 4) == 4


def test_policy_that_is_late_again_and_again_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many waits and no more: until the calls are over and it has rested, nobody waits."""
    monkeypatch.setattr(time_budget, "REST_S", 0.1)
    limit: TimeBudget[int] = TimeBudget(0.05)
    release = threading.Event()
    asked = 0

    def stuck() -> int:
        nonlocal asked
        asked += 1
        release.wait(60)
        return 1

    for _ in range(100):
        with pytest.raises(Late):
            limit.run(stuck)
    assert asked == time_budget.MOST_LATE
    release.set()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            assert limit.run(lambda: 3) == 3
            break
        except Late:
            time.sleep(0.01)
    else:
        pytest.fail("the model was never asked again")


def test_quick_policy_is_called_directly_until_it_is_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Trust is earned by quick calls in a row and lost by one late call, which is used."""
    limit: TimeBudget[str] = TimeBudget(10.0)
    now = 0.0
    clock = SimpleNamespace(perf_counter=lambda: now, monotonic=time.monotonic)
    monkeypatch.setattr(time_budget, "time", clock)

    def where() -> str:
        return threading.current_thread().name

    here = threading.current_thread().name
    threads = [limit.run(where) for _ in range(time_budget.TRUSTED_AFTER + 5)]
    assert threads[: time_budget.TRUSTED_AFTER] == ["troth-model"] * time_budget.TRUSTED_AFTER
    assert threads[time_budget.TRUSTED_AFTER :] == [here] * 5

    def taking(seconds: float) -> str:
        nonlocal now
        now += seconds
        return where()

    assert limit.run(lambda: taking(10.0)) == here  # no longer than the budget
    assert limit.run(lambda: taking(10.5)) == here
    assert limit.run(where) == "troth-model"


def test_a_call_that_is_not_quick_earns_no_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes more than half the budget starts the count again."""
    limit: TimeBudget[str] = TimeBudget(10.0)
    now = 0.0
    clock = SimpleNamespace(perf_counter=lambda: now, monotonic=time.monotonic)
    monkeypatch.setattr(time_budget, "time", clock)

    def taking(seconds: float) -> str:
        nonlocal now
        now += seconds
        return threading.current_thread().name

    for _ in range(time_budget.TRUSTED_AFTER - 1):
        limit.run(lambda: taking(5.0))
    limit.run(lambda: taking(5.5))
    threads = [limit.run(lambda: taking(5.0)) for _ in range(time_budget.TRUSTED_AFTER + 1)]
    here = threading.current_thread().name
    assert threads == ["troth-model"] * time_budget.TRUSTED_AFTER + [here]


def test_failing_policy_earns_no_trust() -> None:
    """A call that raises starts the count again."""
    limit: TimeBudget[str] = TimeBudget(5.0)

    def fails() -> str:
        raise ValueError

    for _ in range(time_budget.TRUSTED_AFTER - 1):
        limit.run(lambda: "fine")
    with pytest.raises(ValueError):  # noqa: PT011 - ours, two lines up
        limit.run(fails)
    assert limit.run(lambda: threading.current_thread().name) == "troth-model"
