"""Whatever a document holds, it makes a case or is refused by the key at fault."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from serving.governance import case, evidence
from tests.support.evidence import evidence as complete
from troth.errors import InvalidArgument

WHOLE = complete("a" * 64, "b" * 64)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def _outcome(function: Callable[[], Any]) -> Any:
    """What it gives, or the typed error that it raises."""
    try:
        return function()
    except InvalidArgument as error:
        return error


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to everything in a document."""
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path] * bool(path) + [p for key, v in inside for p in _places(v, (*path, key))]


@given(st.sampled_from(_places(WHOLE)), values)
def test_any_change_is_taken_or_refused_by_its_place(path: tuple[Any, ...], value: Any) -> None:
    """One value replaced by any other: a typed error that names evidence, or a sound case."""
    document = copy.deepcopy(WHOLE)
    part: Any = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    made = _outcome(lambda: case.read(document))
    if isinstance(made, InvalidArgument):
        assert str(made.field).startswith("evidence")
        assert "\n" not in str(made)
        return
    for figure in made.figures:
        for measure in (figure.proposed, figure.compared):
            assert measure.low <= measure.value <= measure.high
            assert measure.low < measure.high


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:0e1-\\ ', max_size=200).map(str.encode))
def test_any_bytes_are_json_or_refused(data: bytes) -> None:
    """No byte of a file is a traceback."""
    found = _outcome(lambda: evidence.to_bytes(evidence.parse(data)))
    if isinstance(found, InvalidArgument):
        assert found.field == "evidence"
