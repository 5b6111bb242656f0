"""How commands speak where there is no terminal."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from troth.cli import output
from troth.text import visible


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
    assert [line.split(", ")[0] for line in lines] == [
        "train: 0/1,000",
        "train: 1,000/1,000",
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


def test_counts_are_written_out(errors: io.StringIO) -> None:
    """Millions in full, and no count where there is nothing to count to."""
    with output.progress() as bars:
        bars.add_task("live", total=1_600_000)
        bars.add_task("look", total=None)
    assert errors.getvalue().splitlines() == ["live: 0/1,600,000, 0 s", "look: 0 s"]


def test_tables_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that begin alike are folded, not cut to look the same; brackets are no markup."""
    stream = io.StringIO()
    monkeypatch.setattr(output, "_stdout", Console(file=stream, width=30))
    names = ["objective_weights.margin_minor", "objective_weights.opt_outs", "[fit]_by_[me]"]
    output.show_table("Keys", ("key", "note"), [(name, "as it was written") for name in names])
    cells = [line.split("│")[1].strip() for line in stream.getvalue().splitlines() if "│" in line]
    assert "".join(cells) == "".join(names)
    monkeypatch.setattr(output, "_stdout", Console(file=(stream := io.StringIO()), width=70))
    output.show_table("Keys", ("key", "note"), [(name, "word " * 30) for name in names])
    assert all(f"│ {name} " in stream.getvalue() for name in names)


PROPOSALS = (
    ("proposal", "policy", "role", "decision points", "proposer", "expires", "standing"),
    [
        (f"0198c7a2-1111-7abc-8def-00112233445{at}", "ab12cd34ef56", role, "daily", "ada", "", "x")
        for at, role in enumerate(("model", "baseline"))
    ],
)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_table_that_does_not_fit_tears_no_word(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Rows come one below the other then, each cell beside its heading, and nothing is lost."""
    stream = io.StringIO()
    monkeypatch.setattr(output, "_stdout", Console(file=stream, width=width))
    columns, rows = PROPOSALS
    output.show_table("Proposals", columns, rows)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for text in (*columns, *rows[0], *rows[1]):
        assert any(text in line for line in lines) or (text == "expires" and width < 120), text
    assert ("┃" in stream.getvalue()) == (width >= 120)
    assert sum("model" in line for line in lines) == 1


def test_rows_one_below_the_other_are_no_markup_and_stay_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What others wrote neither steers nor looks like a row of ours; an empty row is seen."""
    stream = io.StringIO()
    monkeypatch.setattr(output, "_stdout", Console(file=stream, width=30))
    evil = "[b]x[/b]\x1b[2J\nname  forged"
    output.show_table("T", ("name", "what it is", "why"), [("a" * 25, evil, ""), ("b", "", "")])
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    assert [line for line in lines if line.startswith("name")] == [
        f"name        {'a' * 18}",
        "name  b",
    ]
    assert "\x1b" not in stream.getvalue()
    shown = "".join(line.removeprefix("what it is").strip() for line in lines)
    assert r"[b]x[/b]\x1b[2J\nname" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fine, für alle: 好 [x]", "fine, für alle: 好 [x]"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x9b2J", r"\x9b2J"),
        ("two\nlines\r", r"two\nlines\r"),
        ("abc\u202edcba", r"abc\u202edcba"),
        ("a\u2066b\u200bc\u2028d", r"a\u2066b\u200bc\u2028d"),
        ("lone \udc9b", r"lone \udc9b"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_steers_a_terminal_is_shown(text: str, shown: str) -> None:
    """Escapes, ends of lines, overrides of direction and widths of zero become letters."""
    assert visible(text) == shown
    assert visible(shown) == shown


def test_nothing_printed_is_markup_or_steers(
    errors: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines, titles, headings and cells alike; a link in a reason stays its letters."""
    stream = io.StringIO()
    monkeypatch.setattr(output, "_stdout", Console(file=stream, width=200, force_terminal=True))
    evil = "[link=http://x]\x1b]0;me\x07\u202e :skull: [/x]"
    output.say(evil)
    output.note(evil)
    output.show_table(evil, (evil, "n"), [(evil, 1)])
    output.show_mapping("Map", {evil: evil})
    printed, shown = stream.getvalue(), r"[link=http://x]\x1b]0;me\x07\u202e :skull: [/x]"
    assert printed.count(shown) == 6
    assert errors.getvalue().strip() == shown
    assert not {"\x07", "\u202e"} & set(printed)
    assert "\x1b]" not in printed


def test_a_style_holds_for_the_whole_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colour comes from us alone, and only where there is a terminal."""
    stream = io.StringIO()
    monkeypatch.setattr(
        output,
        "_stdout",
        Console(file=stream, force_terminal=True, color_system="standard", no_color=False),
    )
    output.say("whole", style="green")
    assert stream.getvalue() == "\x1b[32mwhole\x1b[0m\n"


def test_emit_is_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    """What --json prints parses, and NaN is refused rather than printed."""
    output.emit({"a": [1, 2.5, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2.5, None]}
    with pytest.raises(ValueError, match="JSON"):
        output.emit({"a": float("nan")})
