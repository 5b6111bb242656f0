"""Putting figures into a scenario's text without touching anything else in it."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

from simulator.calibration.figures import Figures
from troth.errors import InvalidArgument

_HEADER = re.compile(r"\s*\[+\s*([A-Za-z0-9_.\-\" ]+?)\s*\]+\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"(\s*)([A-Za-z0-9_\-]+)(\s*=\s*)([^#]*?)(\s*#.*)?$")


def overlay_text(text: str, figures: Figures, *, name: str) -> str:
    """TOML ``text`` with the values of the three fitted sections replaced, comments kept.

    A value that is missing is added at the top of its section, a section that is missing at
    the end.

    Args:
        text: the scenario.
        figures: what to put in.
        name: the file's, for errors.

    Raises:
        InvalidArgument: if ``text`` is not TOML, or writes a section in a way that is not
            ``[section]`` with one ``key = value`` on each line.
    """
    before = _parsed(text, name)
    sections = {s: dict(values) for s, values in figures.sections().items()}
    lines: list[str] = []
    headers: dict[str, int] = {}
    section = ""
    for line in text.splitlines():
        header = _HEADER.match(line)
        assigned = _ASSIGNMENT.match(line)
        if header:
            section = header[1]
            headers[section] = len(lines)
        elif assigned and assigned[2] in sections.get(section, {}):
            indent, key, equals, _, comment = assigned.groups()
            line = f"{indent}{key}{equals}{sections[section].pop(key)!r}{comment or ''}"
        lines.append(line)
    for section in sorted(sections, key=lambda s: -headers.get(s, -1)):
        missing = [f"{key} = {value!r}" for key, value in sections[section].items()]
        if section in headers:
            lines[headers[section] + 1 : headers[section] + 1] = missing
        else:
            lines += ["", f"[{section}]", *missing]
    result = "\n".join(lines) + "\n"
    _check(before, result, figures, name)
    return result


def _check(before: dict[str, object], result: str, figures: Figures, name: str) -> None:
    """Refuse a result that is not exactly the old scenario with the new sections."""
    wanted = dict(before)
    for section, values in figures.sections().items():
        old = before.get(section, {})
        wanted[section] = {**old, **values} if isinstance(old, dict) else values
    try:
        same = tomllib.loads(result) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise InvalidArgument(
            "its fitted sections are not written as [section] with one `key = value` per line; "
            "write them so first",
            field=name,
        )


def _parsed(text: str, name: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f"not TOML: {error}", field=name) from error


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: flushed to disk beside it, then renamed over it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
