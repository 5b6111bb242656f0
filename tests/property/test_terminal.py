"""Whatever others write, it steers no terminal and starts no line of its own."""

from __future__ import annotations

import io
import unicodedata
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from troth import text as text_of
from troth.cli import output

words = st.text(st.characters(), max_size=40)
steering = st.sampled_from(
    ["\x1b[2J", "\x1b]8;;http://x\x07", "\u202e", "\u2028", "\r", "\x9b", "[b]"]
)
others = st.lists(words | steering, max_size=4).map("".join)


@given(others)
def test_what_is_visible_is_letters_alone(text: str) -> None:
    """No control, format, separator or half of a pair is left; what had none is as it was."""
    shown = text_of.visible(text)
    assert not {unicodedata.category(c) for c in shown} & text_of.STEERING
    assert text_of.visible(shown) == shown
    shown.encode()
    if text.isprintable():
        assert shown == text


@given(others, others)
def test_a_table_has_the_lines_that_we_gave_it(name: str, cell: str) -> None:
    """A cell cannot end a row, forge another one, or send an escape to the terminal."""
    stream = io.StringIO()
    console = Console(file=stream, width=4000, force_terminal=True, color_system=None)
    with mock.patch.object(output, "_stdout", console):
        output.show_table("T", ("n", f"v {name}"), [("x", cell), (f"a {cell}", 1)])
        output.say(f"say {cell}")
    printed = stream.getvalue()
    assert len(printed.splitlines()) == len(printed.split("\n")) - 1
    assert printed.count("\n") == 1 + 6 + 1
    # Rich's own: the italics of the title and the weight of the headings are the only escapes.
    plain = printed.replace("\n", "")
    for ours in ("\x1b[3m", "\x1b[1m", "\x1b[0m"):
        plain = plain.replace(ours, "")
    assert not {unicodedata.category(c) for c in plain} & text_of.STEERING
