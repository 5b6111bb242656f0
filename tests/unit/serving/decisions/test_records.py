"""Records: canonical, exact, and damage is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from serving.decisions.canonical import float_text, plain_json
from serving.decisions.records import Decision, decode_features, decode_record, encode_record
from tests.support.decisions import Bench, customers, request
from troth.digests import canonical_json
from troth.errors import DataLoss

Make = Callable[..., Bench]


def decided(make: Make) -> Decision:
    """A decision with verdicts, an odd customer id and a missing feature."""
    one = make()
    name = 'Ö"\\ '.replace("Ö", "O") + "x"
    customers(one.database, name, zone=None)
    return one.pipeline.decide(request(name))


def test_record_is_canonical_json(bench: Make) -> None:
    """The quick writer gives the bytes of RFC 8785, so digests can be checked elsewhere."""
    text, _ = encode_record(decided(bench))
    assert text.encode() == canonical_json(json.loads(text))


def test_plain_json_is_canonical_for_awkward_text() -> None:
    """Control characters, quotes, non-ASCII text, big integers and nesting."""
    value = {
        "b": '\x00\x1f\x7f"\\/\b\n\u2028é😀',
        "a": [2**53 - 1, -1, True, None, {"z": [], "y": {}}],
        "": "",
    }
    assert plain_json(value).encode() == canonical_json(value)


def test_record_reads_back_equal(bench: Make) -> None:
    """Every field survives, to the last bit."""
    decision = decided(bench)
    assert decode_record(*encode_record(decision)) == decision


def test_floats_survive_as_text() -> None:
    """Sixty-four bits in, the same sixty-four out."""
    rng = np.random.default_rng(3)
    for value in (*rng.random(200), 5e-324, 1 / 3, 1.0, np.nextafter(1.0, 0.0)):
        assert float(float_text(value)).hex() == float(value).hex()


@pytest.mark.parametrize("bits", [[0x7FC00001, 0x80000000], [0xFFC00000, 0], [0x7F800001, 0]])
def test_equal_features_ask_the_same(bits: list[int]) -> None:
    """Another pattern of NaN, quiet or signalling, or -0.0 for 0.0, is not another request."""
    raw = np.array(bits, "<u4").view("<f4")
    plain = request(features=np.array([np.nan, 0.0], dtype=np.float32))
    asked = request(features=raw)
    assert asked.digest == plain.digest
    assert decode_features(asked.features_base64).tobytes() == plain.features.tobytes()


def test_record_of_before_answers_had_an_end_is_read(bench: Make) -> None:
    """A decision stored before answers had an end is readable, and over at its moment."""
    decision = decided(bench)
    data = {**decision.to_dict(), "version": 1}
    del data["valid_until"]
    assert Decision.from_dict(data) == replace(decision, valid_until=decision.send_at)


def test_damaged_record_is_noticed(bench: Make) -> None:
    """A record that was edited is not answered from."""
    text, digest = encode_record(decided(bench))
    with pytest.raises(DataLoss, match="does not match"):
        decode_record(text.replace("C", "D", 1).replace("daily", "dairy"), digest)


@pytest.mark.parametrize("key", ["uniform", "facts", "version", "served_by", "verdicts"])
def test_incomplete_record_is_refused(bench: Make, key: str) -> None:
    """A record without one of its parts is an error, not a guess."""
    data = decided(bench).to_dict()
    del data[key]
    with pytest.raises(DataLoss):
        Decision.from_dict(data)


def test_digest_covers_everything_asked() -> None:
    """A repeated id with any other content is told apart; order of journeys is not content."""
    from datetime import timedelta

    base = request()
    same = request(request_id=base.request_id, triggered_journeys=("winback", "welcome"))
    assert base.digest == same.digest
    for changes in (
        {"customer_id": "C2"},
        {"decision_point": "weekly"},
        {"features": np.array([3.0, 2.0, 0.0], dtype=np.float32)},
        {"feature_schema_digest": "0" * 64},
        {"triggered_journeys": ("welcome",)},
        {"decided_at": None},
        {"decided_at": base.decided_at + timedelta(microseconds=1)},  # type: ignore[operator]
    ):
        assert request(request_id=base.request_id, **changes).digest != base.digest
