"""Stops: files of the installation that each replica looks at before each answer.

A stop must act when the store is locked, damaged or replaced, so it is a file first and a
row afterwards. Its *name* alone stops; what it holds tells people who did it and why. Names:

- ``all``: nobody is contacted, at any decision point;
- ``point.POINT``: no model answers there;
- ``policy.DIGEST.POINT``: that policy answers nowhere, in no role; it was stopped at POINT;
- ``role.ROLE.POINT``: nobody answers there in that role;
- ``refused.PROPOSAL``: a member refused it, so that it answers nowhere; the signed vote is
  kept beside (:mod:`serving.governance.votes`).

A folder that cannot be listed, or that holds what is none of these, stops everything:
somebody may have wanted to stop something. Whoever cannot run a command at night can still
``touch stops/all``.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from troth.brake import STOPS
from troth.brake import put as put
from troth.brake import was_put_first as was_put_first
from troth.digests import parse_json
from troth.files import sync_folder
from troth.ids import SLUG_PATTERN, UUID_PATTERN
from troth.types import Role

ALL = "all"
_POINT = rf"(?P<point>{SLUG_PATTERN})"
_MOST_BYTES = 1 << 16
_NAME = re.compile(
    rf"all|point\.{_POINT}"
    rf"|policy\.(?P<digest>[0-9a-f]{{64}})\.{_POINT.replace('point', 'at')}"
    rf"|role\.(?P<role>{'|'.join(Role)})\.{_POINT.replace('point', 'of')}"
    rf"|refused\.{UUID_PATTERN}"
)


@dataclass(frozen=True)
class Stop:
    """One stop, from its name.

    Attributes:
        name: of the file.
        kind: ``all``, ``point``, ``policy``, ``role`` or ``refused``.
        point: the decision point, empty for ``all`` and ``refused``.
        role: of a ``role`` stop.
        digest: of a ``policy`` stop.
    """

    name: str
    kind: str
    point: str = ""
    role: Role | None = None
    digest: str = ""


class StopSeen(NamedTuple):
    """A stop as it was when somebody looked: the file, its time of change and its content."""

    inode: int
    mtime_ns: int
    data: bytes


@dataclass(frozen=True)
class Stops:
    """What one look at the folder found.

    Attributes:
        names: of the stops.
        policies: digests of stopped policies.
        unreadable: why it cannot be told what is stopped; empty if it can.
    """

    names: frozenset[str] = frozenset()
    policies: frozenset[str] = frozenset()
    unreadable: str = ""

    @property
    def everything(self) -> str | None:
        """Why nobody may be contacted at all, as a slug; ``None`` if somebody may."""
        if self.unreadable:
            return "brake_unreadable"
        return "stopped_all" if ALL in self.names else None

    def hold(self, point: str, role: Role, policy_digest: str, proposal_id: str) -> str | None:
        """Why a policy must not answer, as a slug; ``None`` if it may."""
        if f"refused.{proposal_id}" in self.names:
            return "refused"
        if f"role.{role}.{point}" in self.names:
            return "deactivated"
        if policy_digest in self.policies:
            return "paused"
        if role is Role.MODEL and f"point.{point}" in self.names:
            return "paused"
        return None


def point_name(decision_point: str) -> str:
    """The stop of a decision point's model."""
    return f"point.{decision_point}"


def policy_name(digest: str, decision_point: str) -> str:
    """The stop of a policy, wherever it answers."""
    return f"policy.{digest}.{decision_point}"


def role_name(role: Role, decision_point: str) -> str:
    """The stop of a role at a decision point."""
    return f"role.{role}.{decision_point}"


def refusal_name(proposal_id: str) -> str:
    """The stop of a proposal that was refused."""
    return f"refused.{proposal_id}"


def look(home: Path) -> Stops:
    """What is stopped now: one short listing, never believed from a time of change."""
    try:
        found = os.listdir(_folder(home))  # noqa: PTH208 - twice per decision
    except OSError as error:
        return Stops(unreadable=str(error))
    return _understood(tuple(found))


@lru_cache(maxsize=64)
def _folder(home: Path) -> str:
    """As text: joining paths would take as long as listing them."""
    return str(home / STOPS)


@lru_cache(maxsize=64)
def _understood(found: tuple[str, ...]) -> Stops:
    names = [name for name in found if not name.startswith(".")]  # a file on its way in
    parsed = [parse(name) for name in names]
    unknown = [name for name, stop in zip(names, parsed, strict=True) if stop is None]
    return Stops(
        names=frozenset(names),
        policies=frozenset(stop.digest for stop in parsed if stop is not None and stop.digest),
        unreadable=f"{min(unknown)!r} in {STOPS} is not a stop" if unknown else "",
    )


def parse(name: str) -> Stop | None:
    """What a name stops; ``None`` if it is no stop's."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    kind = name.split(".")[0]
    role = match["role"]
    return Stop(
        name=name,
        kind=kind,
        point=match["point"] or match["at"] or match["of"] or "",
        role=Role(role) if role else None,
        digest=match["digest"] or "",
    )


def facts_of(home: Path, name: str) -> dict[str, Any]:
    """What a stop holds; nothing if that cannot be read."""
    try:
        found = parse_json(_bytes(home / STOPS / name))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def held(home: Path, *names: str) -> dict[str, StopSeen]:
    """Those of ``names`` that are there, as they are: what :func:`lift` may take away."""
    found = ((name, _sight(home / STOPS / name)) for name in names)
    return {name: sight for name, sight in found if sight is not None}


def lift(home: Path, held: Mapping[str, StopSeen]) -> None:
    """Take stops away; one that somebody put or touched anew meanwhile stays."""
    lifted = False
    for name, seen in held.items():
        path = home / STOPS / name
        if _sight(path) != seen:
            continue
        # Out of reach of who puts one now, before the last look at it.
        aside = path.with_name(f".{name}.{os.getpid()}.{os.urandom(4).hex()}.lifted")
        with contextlib.suppress(FileNotFoundError):
            path.rename(aside)
            if _sight(aside) != seen:
                aside.rename(path)
                continue
            aside.rmdir() if aside.is_dir() and not aside.is_symlink() else aside.unlink()
            lifted = True
    if lifted:
        sync_folder(home / STOPS)


def _sight(path: Path) -> StopSeen | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return StopSeen(found.st_ino, found.st_mtime_ns, _bytes(path))


def _bytes(path: Path) -> bytes:
    """What a stop holds, as far as it may; nothing of what is no plain file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            return file.read(_MOST_BYTES) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    except OSError:
        return b""


def listed(home: Path) -> tuple[Stop, ...]:
    """The stops there are, by name; what is not understood left out."""
    parsed = (parse(name) for name in sorted(look(home).names))
    return tuple(stop for stop in parsed if stop is not None)
