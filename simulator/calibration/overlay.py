"""Putting figures into a scenario's text without touching anything else in it."""

from __future__ import annotations

import copy
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulator.calibration.figures import Figures
from troth.errors import AlreadyExists, InvalidArgument, PermissionDenied

_OURS = (b"# Made by `troth calibrate`", b"# Figures estimated from ")
"""How a file begins that ``troth calibrate`` made."""
_PROCESS_KEYS = frozenset({"model", "r", "alpha_weeks", "a", "b", "s", "beta_weeks"})
_HEADER = re.compile(r"\s*\[+\s*([A-Za-z0-9_.\-\" ]+?)\s*\]+\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"(\s*)([A-Za-z0-9_\-]+)(\s*=\s*)([^#]*?)(\s*#.*)?$")


def overlay_text(text: str, figures: Figures, *, name: str) -> str:
    """TOML ``text`` with the values of the three fitted sections replaced, comments kept.

    A value that is missing is added at the top of its section, a section that is missing at
    the end; what another purchase process needs, and this one does not, goes.

    Args:
        text: the scenario.
        figures: what to put in.
        name: the file's, for errors.

    Raises:
        InvalidArgument: if ``text`` is not TOML, or writes a section in a way that is not
            ``[section]`` with one ``key = value`` on each line.
    """
    return overlay_sections(text, figures.sections(), name=name)


def overlay_sections(
    text: str,
    values: Mapping[str, Mapping[str, Any]],
    *,
    name: str,
    notes: Mapping[str, str] | None = None,
) -> str:
    """As :func:`overlay_text`, for any sections.

    Args:
        text: the scenario.
        values: section, as its header writes it, to key to value; ``""`` is above all headers.
        name: the file's, for errors.
        notes: ``section.key`` to the comment that replaces the line's own.

    Raises:
        InvalidArgument: as :func:`overlay_text`.
    """
    before = _parsed(text, name)
    sections = {section: dict(keys) for section, keys in values.items()}
    said = notes or {}
    gone = _PROCESS_KEYS - set(sections.get("purchases", _PROCESS_KEYS))
    lines: list[str] = []
    headers = {"": -1}
    section = ""
    for line in text.splitlines():
        header = _HEADER.match(line)
        assigned = _ASSIGNMENT.match(line)
        if header:
            section = header[1]
            headers[section] = len(lines)
            if notes is not None and section in sections:
                line = line.split("#")[0].rstrip()
        elif assigned and assigned[2] in sections.get(section, {}):
            indent, key, equals, _, comment = assigned.groups()
            note = said.get(f"{section}.{key}")
            comment = f"  # {note}" if note else comment or ""
            line = f"{indent}{key}{equals}{toml_value(sections[section].pop(key))}{comment}"
        elif assigned and section == "purchases" and assigned[2] in gone:
            continue
        lines.append(line)
    for section in sorted(sections, key=lambda s: -headers.get(s, -1)):
        missing = [
            f"{key} = {toml_value(value)}"
            + (f"  # {said[at]}" if (at := f"{section}.{key}") in said else "")
            for key, value in sections[section].items()
        ]
        if section in headers:
            lines[headers[section] + 1 : headers[section] + 1] = missing
        elif missing:
            lines += ["", f"[{section}]", *missing]
    result = "\n".join(lines) + "\n"
    _check(before, result, values, gone, name)
    return result


def toml_value(value: Any) -> str:
    """A number, word or list of them in TOML."""
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _check(
    before: dict[str, Any],
    result: str,
    values: Mapping[str, Mapping[str, Any]],
    gone: frozenset[str],
    name: str,
) -> None:
    """Refuse a result that is not exactly the old scenario with the new values."""
    wanted = copy.deepcopy(before)
    for section, keys in values.items():
        place: Any = wanted
        for part in filter(None, section.split(".")):
            place = place.setdefault(part, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            for key in gone if section == "purchases" else ():
                place.pop(key, None)
            place.update(keys)
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


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidArgument(f"not TOML: {error}", field=name) from error


def check_writable(path: Path, field: str) -> None:
    """Refuse a place for a result before anything is computed for it.

    A file that ``troth calibrate`` made is written anew; one that it did not make is kept.

    Raises:
        InvalidArgument: if there is a folder, or a file where its folder should be.
        AlreadyExists: if there is a file that somebody else made.
        PermissionDenied: if the folder may not be written to.
    """
    if path.is_dir():
        raise InvalidArgument(f"{path} is a folder, must be a file", field=field)
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise InvalidArgument(f"{folder} is a file, must be a folder", field=field)
    if not os.access(folder, os.W_OK):
        raise PermissionDenied(f"{folder} may not be written to", field=field)
    if path.is_file():
        with path.open("rb") as file:
            made = file.readline().startswith(_OURS)
        if not made:
            raise AlreadyExists(
                f"{path} was not made by `troth calibrate` and is not written over; name another "
                "file, or remove it",
                field=field,
            )


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
