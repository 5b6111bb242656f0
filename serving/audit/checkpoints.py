"""Signed heads of the audit log: what makes truncation and rewriting visible.

A hash chain alone proves order, not completeness: whoever can write the file can cut the
tail, or recompute every hash. A head is (seq, hash) under the Ed25519 key of the host,
``keys/audit.pem`` beside the store. The newest is also kept in ``keys/audit.head``, outside
the database, and any can be exported and kept elsewhere. Rows after the newest head that
left the reach of an attacker are protected by nothing yet; so heads are taken after every
act of governance.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serving.signing import keys
from serving.storage.audit import StoredHead
from serving.storage.unit_of_work import UnitOfWork
from troth import locks
from troth.clock import utc_now
from troth.digests import canonical_json, parse_json, require_digest
from troth.errors import DataLoss, InvalidArgument, NotFound
from troth.files import write_whole
from troth.types import isoformat, parse_time

DOMAIN = b"troth/checkpoint/v1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A signed statement that row ``seq`` has hash ``hash``.

    Attributes:
        seq: row of the audit log, >= 1.
        hash: SHA-256 of that row.
        at: aware UTC, when it was signed.
        public_key: base64 of the signer's key.
        signature: Ed25519 over the other four.
    """

    seq: int
    hash: str
    at: datetime
    public_key: str
    signature: bytes

    def message(self) -> bytes:
        """The bytes that are signed."""
        return _message(self.seq, self.hash, self.at, self.public_key)

    def verifies(self) -> bool:
        """Whether the signature is that of :attr:`public_key`."""
        try:
            public = keys.from_public_text(self.public_key)
        except InvalidArgument:
            return False
        return keys.verifies(public, self.signature, self.message())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "seq": self.seq,
            "hash": self.hash,
            "at": isoformat(self.at),
            "public_key": self.public_key,
            "signature": base64.b64encode(self.signature).decode("ascii"),
        }

    @classmethod
    def from_dict(cls, data: Any) -> Head:
        """Inverse of :meth:`to_dict`; raises :class:`InvalidArgument` naming the bad key."""
        if not isinstance(data, dict):
            raise InvalidArgument("is not a JSON object", field="head")
        for name, kind in (("seq", int), ("hash", str), ("at", str), ("public_key", str)):
            if not isinstance(data.get(name), kind):
                raise InvalidArgument(f"is not {kind.__name__}", field=f"head.{name}")
        if data["seq"] < 1:
            raise InvalidArgument(f"{data['seq']} is below 1", field="head.seq")
        try:
            signature = base64.b64decode(data.get("signature", ""), validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise InvalidArgument(f"is not base64: {error}", field="head.signature") from error
        return cls(
            seq=data["seq"],
            hash=require_digest(data["hash"], "head.hash"),
            at=parse_time(data["at"], "head.at"),
            public_key=data["public_key"],
            signature=signature,
        )

    @classmethod
    def read(cls, path: Path) -> Head:
        """Read an exported head.

        Raises:
            NotFound: if there is no such file.
            InvalidArgument: if it does not hold a head.
        """
        try:
            data = parse_json(path.read_bytes())
        except FileNotFoundError:
            raise NotFound(f"{path} does not exist", field="head") from None
        except ValueError as error:
            raise InvalidArgument(f"{path} is not JSON: {error}", field="head") from error
        return cls.from_dict(data)

    def write(self, path: Path) -> None:
        """Write the head as JSON; the file appears whole or not at all."""
        write_whole(path, canonical_json(self.to_dict()) + b"\n")


def _message(seq: int, row_hash: str, at: datetime, public_key: str) -> bytes:
    return DOMAIN + canonical_json(
        {"seq": seq, "hash": row_hash, "at": isoformat(at), "public_key": public_key}
    )


def sign(key: Ed25519PrivateKey, seq: int, row_hash: str, at: datetime | None = None) -> Head:
    """Sign that row ``seq`` has ``row_hash``; ``at`` is now unless given."""
    at = at or utc_now()
    public_key = keys.public_text(key)
    signature = key.sign(_message(seq, row_hash, at, public_key))
    return Head(seq=seq, hash=row_hash, at=at, public_key=public_key, signature=signature)


def key_path(home: Path) -> Path:
    """Where the host's audit key lies."""
    return home / "keys" / "audit.pem"


def kept_path(home: Path) -> Path:
    """Where the newest head is kept outside the database."""
    return home / "keys" / "audit.head"


def kept(home: Path) -> Head | None:
    """The newest head kept on the host, ``None`` before the first.

    Raises:
        DataLoss: if the file is there and does not hold a head signed by the host's key.
    """
    path = kept_path(home)
    try:
        head = Head.read(path)
    except NotFound:
        return None
    except InvalidArgument as error:
        raise DataLoss(f"{path}: {error}", field="head") from error
    if not head.verifies() or head.public_key != keys.public_text(keys.load(key_path(home))):
        raise DataLoss(f"{path} is not signed by {key_path(home)}", field="head")
    return head


def keep(home: Path, head: Head) -> None:
    """Keep ``head`` on the host, unless a later one is there already."""
    path = kept_path(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two processes may come out of order.
    with locks.held(path.with_suffix(".lock")):
        before = kept(home)
        if before is None or before.seq < head.seq:
            head.write(path)


def insert(unit: UnitOfWork, head: Head) -> None:
    """Put ``head`` into the store; one that is already there stays as it is."""
    unit.audit.add_head(
        StoredHead(head.seq, head.hash, isoformat(head.at), head.public_key, head.signature)
    )


def stored(unit: UnitOfWork) -> Iterator[tuple[int, Head | None]]:
    """(seq, head) of every checkpoint in the store, oldest first; ``None`` if unreadable."""
    for row in unit.audit.heads():
        try:
            signature = base64.b64encode(row.signature).decode("ascii")
            yield row.seq, Head.from_dict({**row._asdict(), "signature": signature})
        except (InvalidArgument, TypeError):
            yield row.seq, None
