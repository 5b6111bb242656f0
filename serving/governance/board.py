"""The board: who may propose and approve, and how many must agree.

The roster is a TOML file on the serving host, and the root of all trust in approvals::

    quorum = 2

    [members.ada]
    public_key = "base64 of 32 bytes"

Its digest is part of every proposal: whoever joins, leaves or changes keys voids what was
approved before, which must then be proposed again to the new board.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from serving.signing import keys
from troth.digests import digest
from troth.errors import AlreadyExists, InvalidArgument, NotFound, PermissionDenied
from troth.files import write_whole

LEAST_QUORUM = 2
"""One signature is not four eyes."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Board:
    """Members and their public keys.

    Attributes:
        members: name to base64 public key; names are lower-case slugs, keys are distinct.
        quorum: approvals needed from members other than the proposer, >= 2.

    Raises:
        InvalidArgument: naming the member or value at fault.
    """

    members: Mapping[str, str] = field(default_factory=dict)
    quorum: int = LEAST_QUORUM

    def __post_init__(self) -> None:
        if self.quorum < LEAST_QUORUM:
            raise InvalidArgument(f"{self.quorum} is below {LEAST_QUORUM}", field="board.quorum")
        holders: dict[str, str] = {}
        for name, public_key in self.members.items():
            require_name(name, "board.members")
            where = f"board.members.{name}.public_key"
            keys.from_public_text(public_key, where)
            # One person under two names would be a quorum of one.
            if public_key in holders:
                raise InvalidArgument(f"is also the key of {holders[public_key]!r}", field=where)
            holders[public_key] = name

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of quorum and members."""
        return digest(self.to_dict())

    @property
    def can_approve(self) -> bool:
        """Whether a proposer and a quorum of others exist at all."""
        return len(self.members) > self.quorum

    def public_key(self, member: str) -> Ed25519PublicKey:
        """The key of ``member``; raises :class:`NotFound` if there is no such member."""
        if member not in self.members:
            raise NotFound(f"{member!r} is not on the board", field="member")
        return keys.from_public_text(self.members[member])

    def holder(self, key: Ed25519PrivateKey) -> str:
        """Whose private key this is.

        Raises:
            PermissionDenied: if it is no member's.
        """
        public_key = keys.public_text(key)
        for name, known in self.members.items():
            if known == public_key:
                return name
        raise PermissionDenied(f"{public_key} is no board member's key", field="key")

    def with_member(self, name: str, public_key: str) -> Board:
        """The board with one member more; raises :class:`AlreadyExists` if the name is taken."""
        if name in self.members:
            raise AlreadyExists(f"{name!r} is on the board already", field="member")
        return Board({**self.members, name: public_key}, self.quorum)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and for the digest."""
        return {
            "quorum": self.quorum,
            "members": {name: {"public_key": key} for name, key in sorted(self.members.items())},
        }

    def save(self, path: Path) -> None:
        """Write the roster, mode 0644; the file appears whole and synced, or not at all."""
        lines = [f"quorum = {self.quorum}"]
        for name, public_key in sorted(self.members.items()):
            lines += ["", f"[members.{name}]", f'public_key = "{public_key}"']
        write_whole(path, ("\n".join(lines) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> Board:
        """Read the roster.

        Raises:
            NotFound: if there is no such file.
            PermissionDenied: if anyone but its owner may write it.
            InvalidArgument: naming the key at fault.
        """
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read()
        except FileNotFoundError:
            raise NotFound(
                f"{path} does not exist; `troth board init` makes one", field="board"
            ) from None
        if mode & 0o022:
            raise PermissionDenied(
                f"{path} has mode {mode:04o}: others may change it; chmod 644 it", field="board"
            )
        try:
            data = tomllib.loads(text.decode())
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"{path} is not TOML: {error}", field="board") from error
        return cls(_members(data), _quorum(data))


def require_name(name: str, field: str) -> str:
    """Return ``name`` if it can be a member's, which also names files.

    Raises:
        InvalidArgument: naming ``field``, unless it is a lower-case slug of 1 to 64 characters.
    """
    if not _NAME.fullmatch(name):
        raise InvalidArgument(f"{name[:64]!r} is not a slug of a-z, 0-9, - and _", field=field)
    return name


def _quorum(data: Mapping[str, Any]) -> int:
    unknown = set(data) - {"quorum", "members"}
    if unknown:
        raise InvalidArgument(f"unknown key {min(unknown)!r}", field="board")
    quorum = data.get("quorum", LEAST_QUORUM)
    if not isinstance(quorum, int) or isinstance(quorum, bool):
        raise InvalidArgument(f"{quorum!r} is not a whole number", field="board.quorum")
    return quorum


def _members(data: Mapping[str, Any]) -> dict[str, str]:
    members = data.get("members", {})
    if not isinstance(members, dict):
        raise InvalidArgument("is not a table", field="board.members")
    found: dict[str, str] = {}
    for name, entry in members.items():
        where = f"board.members.{name}"
        if not isinstance(entry, dict) or set(entry) != {"public_key"}:
            raise InvalidArgument("must hold public_key and nothing else", field=where)
        if not isinstance(entry["public_key"], str):
            raise InvalidArgument("is not text", field=f"{where}.public_key")
        found[name] = entry["public_key"]
    return found
