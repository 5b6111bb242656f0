"""The time budget of a model."""

from __future__ import annotations

import threading
import time

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
    limit: TimeBudget[int] = TimeBudget(0.05)
    release = threading.Event()

    def stuck() -> int:
        release.wait(5)
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
        release.wait(5)
        return 1

    for _ in range(100):
        with pytest.raises(Late):
            limit.run(stuck)
    assert asked == time_budget.MOST_LATE
    release.set()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert limit.run(lambda: 3) == 3
            break
        except Late:
            time.sleep(0.01)
    else:
        pytest.fail("the model was never asked again")


def test_quick_policy_is_called_directly_until_it_is_late() -> None:
    """Trust is earned by quick calls in a row and lost by one late call, which is used."""
    limit: TimeBudget[str] = TimeBudget(0.2)

    def where() -> str:
        return threading.current_thread().name

    here = threading.current_thread().name
    threads = [limit.run(where) for _ in range(time_budget.TRUSTED_AFTER + 5)]
    assert threads[: time_budget.TRUSTED_AFTER] == ["troth-model"] * time_budget.TRUSTED_AFTER
    assert threads[time_budget.TRUSTED_AFTER :] == [here] * 5

    def late() -> str:
        time.sleep(0.25)
        return where()

    assert limit.run(late) == here
    assert limit.run(where) == "troth-model"
    with pytest.raises(Late):
        limit.run(late)


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
