"""Where each value of a scenario comes from, as the comments of its file say.

A mark stands in the comment on a key's line, in comment lines right above it, on the header of
its table or right above that, or on the header of a table around it; the first found counts:

    [fit]   estimated from the data set named
    [doc]   documented elsewhere, the source beside it
    [knob]  no sourced figure was found: an explicit choice to vary
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from simulator.scenarios.source import BASED_ON, Layer, read

OriginKind = Literal["fit", "doc", "knob"]
LABELS = frozenset({"name", "description", BASED_ON})
"""Keys at the top of a file that are not parameters and need no mark."""

_MARK = re.compile(r"\[(fit|doc|knob)\]")
_HEADER = re.compile(r"\s*(\[{1,2})\s*([A-Za-z0-9_.\-\" ]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(r"([A-Za-z0-9_\-]+)\s*=")
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value comes from.

    Attributes:
        key: dotted, with positions in arrays of tables: ``tiers.1.earn_factor``.
        kind: of the mark; ``None`` where the file gives none.
        note: the comment without its mark.
        file: the one the value is written in.
    """

    key: str
    kind: OriginKind | None
    note: str
    file: str


@dataclass(frozen=True, slots=True)
class _Remark:
    """A mark and what is said beside it."""

    kind: OriginKind
    note: str

    @classmethod
    def of(cls, comment: str) -> _Remark | None:
        """The first mark of a comment; ``None`` if it has none."""
        mark = _MARK.search(comment)
        if mark is None:
            return None
        words = _MARK.sub("", comment).replace("#", " ").split()
        return cls(cast("OriginKind", mark[1]), " ".join(words))


def provenance(name_or_path: str | Path) -> list[Origin]:
    """The origin of every value in force, in the order of the files.

    Raises:
        NotFound: if there is no such scenario or file.
        InvalidArgument: if it is not TOML.
    """
    found: dict[str, Origin] = {}
    arrays: set[str] = set()
    source = read(name_or_path)
    for layer in source.layers:
        mine = list(_origins(layer))
        for origin in mine:
            if origin.key not in found and not any(
                origin.key.startswith(f"{array}.") for array in arrays
            ):
                found[origin.key] = origin
        # What a file says of an array of tables replaces the whole of it.
        arrays |= {key for key, value in _arrays(layer.values)}
    # A table that names another model has replaced the whole of its base's.
    replaced = set(_dead(source.values(), found))
    return [origin for key, origin in found.items() if key not in replaced]


def disowned(text: str, said: str) -> str:
    """TOML ``text`` in which what was fitted is said to be of other data.

    Args:
        text: a scenario's.
        said: what then stands behind the mark ``[fit]``, before the words that were there. A
            comment that explains several marks is left as it is.
    """
    lines = []
    depth = ""  # text of a value that goes on over several lines
    for line in text.splitlines():
        code, comment = _split(line)
        header = _HEADER.match(line) is not None
        inside, depth = depth, "" if header else _open(f"{depth}\n{code}" if depth else code)
        if not inside and _MARK.findall(comment) == ["fit"] and said not in comment:
            line = code + comment.replace("[fit]", f"[fit] {said}:", 1)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _dead(values: dict[str, Any], keys: Iterable[str]) -> Iterator[str]:
    """Those of the dotted ``keys`` at which ``values`` has nothing."""
    for key in keys:
        here: Any = values
        for part in key.split("."):
            if isinstance(here, list):
                here = here[int(part)]
            elif part in here:
                here = here[part]
            else:
                yield key
                break


def _arrays(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, list[Any]]]:
    for key, value in values.items():
        if isinstance(value, list):
            yield prefix + key, value
        elif isinstance(value, dict):
            yield from _arrays(value, f"{prefix}{key}.")


def _origins(layer: Layer) -> Iterator[Origin]:
    remarks: dict[str, _Remark | None] = {}  # of headers
    seen: dict[str, int] = {}  # tables of an array so far
    section, place, above = "", "", ""
    depth = ""  # text of a value that goes on over several lines
    for line in layer.text.splitlines():
        code, comment = _split(line)
        if depth:
            depth = _open(f"{depth}\n{code}")
            continue
        header = _HEADER.match(line)
        if header:
            section = header[2].replace(" ", "").replace('"', "")
            place = section
            if len(header[1]) == 2:
                seen[section] = seen.get(section, -1) + 1
                place = f"{section}.{seen[section]}"
            said = _Remark.of(comment) or _Remark.of(above)
            remarks[section] = said or remarks.get(section)
            above = ""
            continue
        key = _KEY.match(code.strip())
        if key:
            full = f"{place}.{key[1]}" if place else key[1]
            if full not in LABELS:
                said = _Remark.of(comment) or _Remark.of(above) or _around(remarks, section)
                note = "" if said is None else said.note
                yield Origin(full, None if said is None else said.kind, note, layer.name)
            depth = _open(code)
            above = ""
        else:
            above = f"{above} {comment}" if comment and not code.strip() else ""


def _around(remarks: dict[str, _Remark | None], section: str) -> _Remark | None:
    """The remark of a table or of the nearest table around it."""
    parts = section.split(".")
    for length in range(len(parts), 0, -1):
        said = remarks.get(".".join(parts[:length]))
        if said is not None:
            return said
    return None


def _split(line: str) -> tuple[str, str]:
    """Code and comment of a line; a # in a string is code."""
    hidden = _STRING.sub(lambda text: "_" * len(text[0]), line)
    at = hidden.find("#")
    return (line, "") if at < 0 else (line[:at], line[at:])


def _open(code: str) -> str:
    """``code`` if its value goes on in the next line, else nothing."""
    try:
        tomllib.loads(code)
    except tomllib.TOMLDecodeError:
        return code
    return ""
