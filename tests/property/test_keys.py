"""Every key that was made is taken; nothing that differs from one by a point of small order is."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.signing import curve, keys
from tests.support.torsion import affine, encoded, torsion
from troth.errors import InvalidArgument

SMALL = [point for raw in torsion() if (point := curve.decode(raw)) is not None]


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.sampled_from(SMALL))
def test_only_points_of_prime_order_are_keys(seed: bytes, small: curve.Point) -> None:
    """Whatever the private key, and whatever is added to the public one."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    raw = public.public_bytes_raw()
    point = curve.decode(raw)
    assert point is not None
    assert encoded(point) == raw
    assert keys.public_text(keys.from_public_text(keys.public_text(public))) == base64.b64encode(
        raw
    ).decode("ascii")
    mixed = encoded(curve.plus(point, small))
    assert curve.is_key(mixed) == (affine(small) == (0, 1))


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_any_bytes_are_a_key_or_refused(raw: bytes) -> None:
    """By field and in one line; what is taken is spelt in the one way there is."""
    text = base64.b64encode(raw).decode("ascii")
    if curve.is_key(raw):
        assert keys.public_text(keys.from_public_text(text)) == text
        assert encoded(curve.decode(raw) or (0, 1, 1, 0)) == raw
        return
    with pytest.raises(InvalidArgument) as refused:
        keys.from_public_text(text, "board.members.eve.public_key")
    assert refused.value.field == "board.members.eve.public_key"
