"""How commands speak where there is no terminal."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from troth import output


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What goes to stderr, which is no terminal."""
    stream = io.StringIO()
    monkeypatch.setattr(output, "_stderr", Console(file=stream, width=100))
    return stream


def test_progress_in_a_pipe_is_lines(errors: io.StringIO) -> None:
    """A log shows a beginning and an end of each task, not one line per step."""
    with output.progress() as bars:
        task = bars.add_task("train", total=1000)
        for _ in range(1000):
            bars.advance(task)
        for _ in bars.track(range(3), description="check"):
            pass
    lines = errors.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "train: 0/1000",
        "train: 1000/1000",
        "check: 0/3",
        "check: 3/3",
    ]


def test_long_tasks_say_how_long_is_left(
    errors: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every few seconds a task that goes on gets a line."""
    monkeypatch.setattr(output, "LINE_EVERY_S", 0.0)
    with output.progress() as bars:
        task = bars.add_task("train", total=4)
        bars.update(task, completed=2)
    assert [line.split(",")[0] for line in errors.getvalue().splitlines()] == [
        "train: 0/4",
        "train: 2/4",
    ]


def test_emit_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    """What --json prints parses, and NaN is refused rather than printed."""
    output.emit({"a": [1, 2.5, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2.5, None]}
    with pytest.raises(ValueError, match="JSON"):
        output.emit({"a": float("nan")})
