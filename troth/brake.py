"""The stop that acts before anything else is loaded.

A stop is a file in the folder ``stops`` of an installation, whose name alone stops; see
:mod:`serving.governance.stops` for the names. On a busy machine Python takes seconds to load
what the ``troth`` command needs, and a model that is to be stopped answers hundreds of
customers meanwhile. So ``troth pause`` puts its file here first; the command itself then
checks, completes and records it, and takes it away again if it was given in error.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from troth.clock import utc_now
from troth.errors import Unavailable
from troth.files import sync_folder, whole_folder, write_whole
from troth.ids import SLUG_PATTERN

STOPS = "stops"
"""The folder of an installation that holds its stops."""
DEFAULT_HOME = "runs/default"
"""The home where none is named."""
POINT = re.compile(SLUG_PATTERN)
"""What a decision point may be called."""
_put_first: set[Path] = set()
"""What :func:`first` has put in this process."""
_VALUED = ("--home", "--reason")
_FLAGS = ("--json", "--all")


def put(home: Path, name: str, facts: Mapping[str, Any]) -> None:
    """Stop, on the disk before this returns.

    A disk too full for ``facts`` still has room for the name. A folder of stops that is gone
    stops everything, so one that is made anew here says so, until somebody gives that back.

    Raises:
        Unavailable: if not even the name can be written.
    """
    folder = home / STOPS
    try:
        if not folder.is_dir():
            _make_stopped(folder)
        write_whole(folder / name, json.dumps(facts, sort_keys=True).encode() + b"\n")
    except OSError as error:
        try:
            os.close(os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o644))
            sync_folder(folder)
        except OSError:
            raise Unavailable(f"the stop cannot be written: {error}", field=STOPS) from error


def _make_stopped(folder: Path) -> None:
    """Make ``folder`` with the stop of everything in it: nobody sees it without."""
    told = {"by": _user(), "reason": "the folder of the stops was gone, and what it held"}
    with whole_folder(folder, mode=0o700) as made:
        write_whole(made / "all", json.dumps(told).encode() + b"\n")


def first(arguments: Sequence[str], environment: Mapping[str, str]) -> Path | None:
    """Put the stop that a command line asks for, if it surely asks for one.

    Args:
        arguments: of the ``troth`` command, its name left out.
        environment: of the process.

    Returns:
        The file, if this call made it; ``None`` where there is nothing to stop, no
        installation, a stop already, or a line that is not understood: the command says.
    """
    if not arguments or arguments[0] != "pause":
        return None
    given = _understood(arguments[1:])
    if given is None:
        return None
    points, options = given
    home = home_of(options.get("--home"), environment)
    name = "all" if "--all" in options else f"point.{points[0]}" if points else ""
    if len(points) + ("--all" in options) != 1 or not (home / STOPS).is_dir():
        return None
    path = home / STOPS / name
    if path.exists():
        return None
    facts = {"by": _user(), "reason": options.get("--reason", "")}
    with contextlib.suppress(Unavailable):
        put(home, name, {**facts, "at": utc_now().isoformat()})
        _put_first.add(path.resolve())
        return path
    return None


def home_of(given: str | Path | None, environment: Mapping[str, str]) -> Path:
    """The home that a command means: what :class:`troth.settings.Settings` finds, unread.

    A stop must not wait for settings that cannot be.
    """
    if given is not None:
        return Path(given)
    named = {name.lower(): value for name, value in environment.items()}
    return Path(named.get("troth_home", DEFAULT_HOME))


def was_put_first(home: Path, name: str) -> bool:
    """Whether this process put the stop itself, before it was loaded."""
    return (home / STOPS / name).resolve() in _put_first


def take_back(path: Path) -> None:
    """Undo :func:`first`: the command refused what it was asked."""
    _put_first.discard(path.resolve())
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _understood(words: Sequence[str]) -> tuple[list[str], dict[str, str]] | None:
    """Decision points and options of the line; ``None`` if anything else is in it."""
    points: list[str] = []
    options: dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            options[word] = ""
        elif name in _VALUED and (equals or left):
            options[name] = value if equals else left.pop(0)
        elif POINT.fullmatch(word):
            points.append(word)
        else:
            return None
    return points, options


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "unknown"
