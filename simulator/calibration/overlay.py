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
        notes: ``section.key`` to the comment that replaces the line's own. With notes, comment
            lines right above a value that is replaced go, and so does what stands on and above
            the header of a section all of whose values are: it spoke of the values before.

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
            if notes is not None and _all_replaced(before, section, sections, gone):
                _drop_comments(lines)
                line = line.split("#")[0].rstrip()
            headers[section] = len(lines)
        elif assigned and assigned[2] in sections.get(section, {}):
            indent, key, equals, _, comment = assigned.groups()
            note = said.get(f"{section}.{key}")
            if note:
                _drop_comments(lines)
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


def drop_section(text: str, section: str, *, name: str) -> str:
    """TOML ``text`` without ``[section]`` and the comments on and above its header.

    Args:
        text: the scenario.
        section: dotted, as its header writes it.
        name: the file's, for errors.

    Raises:
        InvalidArgument: if ``text`` is not TOML, or has the section in another form.
    """
    lines: list[str] = []
    above: list[str] = []  # blank and comment lines, which may be about the header below them
    inside = False
    for line in text.splitlines():
        if header := _HEADER.match(line):
            inside = header[1].replace(" ", "") == section
            if inside:
                _drop_comments(lines)
            lines += above
            above = []
        elif inside:
            plain = not line.strip() or line.lstrip().startswith("#")
            above = [*above, line] if plain else []
        if not inside:
            lines.append(line)
    result = "\n".join(lines) + "\n"
    if _at(_parsed(result, name), section):
        raise InvalidArgument(f"write {section} as [{section}] first", field=name)
    return result


def _at(values: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    """The table at a dotted header; empty where there is none."""
    here: Any = values
    for part in filter(None, section.split(".")):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here if isinstance(here, Mapping) else {}


def _all_replaced(
    before: Mapping[str, Any],
    section: str,
    by: Mapping[str, Mapping[str, Any]],
    gone: frozenset[str],
) -> bool:
    """Whether no value that ``section`` had stays."""
    left = set(_at(before, section)) - (gone if section == "purchases" else frozenset())
    return section in by and left <= set(by[section])


def _drop_comments(lines: list[str]) -> None:
    """Remove the comment lines at the end of ``lines``."""
    while lines and lines[-1].lstrip().startswith("#"):
        lines.pop()


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
