"""Keys with which anyone could sign are no keys."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from serving.audit import checkpoints
from serving.audit.checkpoints import Head
from serving.governance.board import Board
from serving.signing import curve, keys
from tests.support.torsion import affine, encoded, spelt, torsion
from troth.errors import InvalidArgument
from troth.types import parse_time


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _forged(raw: bytes, messages: range = range(64)) -> bool:
    """Whether a signature made without any private key verifies for one of some messages."""
    public = Ed25519PublicKey.from_public_bytes(raw)
    for message in messages:
        for commitment in torsion():
            try:
                public.verify(commitment + bytes(32), b"%d" % message)
            except InvalidSignature:
                continue
            return True
    return False


def test_all_fourteen_spellings_are_looked_at() -> None:
    """Eight points, two of them with a sign that zero has not, and three more with y over p."""
    assert len(torsion()) == 14


def test_under_the_neutral_point_one_signature_fits_every_message() -> None:
    """What such a key on a roster meant: anyone signs as that member, whatever the statement."""
    neutral = spelt(1)
    public = Ed25519PublicKey.from_public_bytes(neutral)
    for message in (b"", b"approve", b"approve anything"):
        public.verify(neutral + bytes(32), message)


@pytest.mark.parametrize("raw", torsion(), ids=bytes.hex)
def test_a_key_of_small_order_is_refused(raw: bytes, tmp_path: Path) -> None:
    """On the way in, in the file of the roster, and under a head; each by its field."""
    with pytest.raises(InvalidArgument, match="anyone could sign") as refused:
        keys.from_public_text(_text(raw), "somewhere")
    assert refused.value.field == "somewhere"
    with pytest.raises(InvalidArgument) as added:
        Board().with_member("eve", _text(raw))
    assert added.value.field == "board.members.eve.public_key"
    (tmp_path / "board.toml").write_text(f'[members.eve]\npublic_key = "{_text(raw)}"\n')
    (tmp_path / "board.toml").chmod(0o644)
    with pytest.raises(InvalidArgument):
        Board.load(tmp_path / "board.toml")
    for commitment in torsion():
        head = Head(
            seq=1,
            hash="a" * 64,
            at=parse_time("2026-01-01T00:00:00Z"),
            public_key=_text(raw),
            signature=commitment + bytes(32),
        )
        assert not head.verifies()


def test_such_signatures_do_verify_where_they_are_not_refused() -> None:
    """The library lets them pass: a forgery is found under each spelling that it decodes."""
    forged = [raw for raw in torsion() if _forged(raw)]
    assert len(forged) >= 8
    assert all(not curve.is_key(raw) for raw in forged)


def test_a_key_with_a_part_of_small_order_is_refused() -> None:
    """A + T for a member's key A would be a second spelling of the same person."""
    key = keys.generate().public_key().public_bytes_raw()
    point = curve.decode(key)
    assert point is not None
    assert curve.is_key(key)
    for small in (found for raw in torsion() if (found := curve.decode(raw)) is not None):
        mixed = encoded(curve.plus(point, small))
        assert curve.is_key(mixed) == (affine(small) == (0, 1))


def test_keys_that_were_made_are_keys() -> None:
    """Whatever the private key, and the public key of RFC 8032's first vector."""
    for _ in range(20):
        key = keys.generate()
        assert keys.public_text(keys.from_public_text(keys.public_text(key))) == keys.public_text(
            key
        )
    first = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert curve.is_key(bytes.fromhex(first))


def test_bytes_that_are_no_point_are_refused() -> None:
    """No point of the curve has 2 for its y."""
    assert curve.decode(spelt(2)) is None
    assert not curve.is_key(spelt(2))


def test_a_head_of_the_host_still_verifies() -> None:
    """What the host signs is signed with a key."""
    head = checkpoints.sign(keys.generate(), 1, "a" * 64)
    assert head.verifies()
