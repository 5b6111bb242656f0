"""Digests, times, ids, scopes, objective, errors and settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from troth import errors
from troth.digests import array_digest, canonical_json, digest, require_digest
from troth.errors import Code, InvalidArgument, NotApproved, TrothError
from troth.objective import COMPONENTS, Objective
from troth.settings import Settings
from troth.types import Scope, isoformat, new_id, parse_time


def test_canonical_json_is_rfc_8785() -> None:
    """Keys are sorted and numbers written as ECMAScript does (RFC 8785, section 3.2)."""
    assert canonical_json({"b": 1.0, "a": [True, None, 1e21]}) == b'{"a":[true,null,1e+21],"b":1}'
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    with pytest.raises(InvalidArgument, match="canonical JSON"):
        canonical_json({"x": float("nan")})


def test_array_digest_sees_dtype_shape_and_values() -> None:
    """Byte order does not matter, everything else does."""
    a = np.arange(6, dtype=np.float64)
    assert array_digest(a) == array_digest(a.astype(">f8"))
    others = [a.reshape(2, 3), a.astype(np.float32), a + 1e-12]
    assert len({array_digest(x) for x in [a, *others]}) == 4


@pytest.mark.parametrize("text", ["", "f" * 63, "F" * 64, "g" * 64])
def test_a_digest_is_64_lower_case_hex(text: str) -> None:
    """Anything else is refused, naming the field."""
    with pytest.raises(InvalidArgument, match="policy_digest"):
        require_digest(text, "policy_digest")
    assert require_digest("0" * 64, "x") == "0" * 64


def test_times_have_one_text_form() -> None:
    """UTC with microseconds and Z; a naive time is refused."""
    paris = datetime(2026, 7, 1, 10, 0, tzinfo=timezone(timedelta(hours=2)))
    assert isoformat(paris) == "2026-07-01T08:00:00.000000Z"
    assert parse_time(isoformat(paris)) == paris
    with pytest.raises(InvalidArgument, match="when: has no time zone"):
        parse_time("2026-07-01T10:00:00", "when")
    with pytest.raises(InvalidArgument, match="when: 'soon'"):
        parse_time("soon", "when")
    for edge in ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"):
        with pytest.raises(InvalidArgument, match="when: is outside the years"):
            parse_time(edge, "when")


def test_ids_are_uuid7_in_time_order() -> None:
    """Later ids sort later."""
    ids = [new_id() for _ in range(100)]
    assert ids == sorted(ids)
    assert {i[14] for i in ids} == {"7"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"decision_points": ()}, r"scope\.decision_points"),
        ({"traffic_share": 0.0}, r"scope\.traffic_share"),
        ({"traffic_share": 1.1}, r"scope\.traffic_share"),
        ({"expires_at": datetime(2027, 1, 1)}, r"scope\.expires_at"),
    ],
)
def test_a_bad_scope_names_the_field(changes: dict[str, object], field: str) -> None:
    """A scope that allows nothing, too much or for ever is refused."""
    good = {
        "decision_points": ("daily",),
        "traffic_share": 1.0,
        "expires_at": datetime(2027, 1, 1, tzinfo=UTC),
    }
    with pytest.raises(InvalidArgument, match=field):
        Scope(**{**good, **changes})  # type: ignore[arg-type]


def test_reward_by_hand() -> None:
    """Money in, money out, and a price on opt-outs when one is set."""
    components = dict(zip(COMPONENTS, np.array([[1000, 100, 30, 5, 1]]).T, strict=True))
    assert Objective().reward(components).tolist() == [865.0]
    assert Objective(opt_outs=-200.0).reward(components).tolist() == [665.0]
    with pytest.raises(InvalidArgument, match="margin_minor"):
        Objective().reward({})


def test_every_error_carries_a_status() -> None:
    """Each typed error has a code, a reason and renders its field."""
    kinds = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, TrothError)]
    assert len(kinds) > 8
    for kind in kinds:
        assert isinstance(kind.code, Code)
        assert kind.reason.isupper()
        assert str(kind("is wrong", field="f")) == "f: is wrong"
    assert NotApproved("x").code is Code.FAILED_PRECONDITION


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """TROTH_HOME moves every path."""
    monkeypatch.setenv("TROTH_HOME", "/somewhere")
    assert Settings().database == Path("/somewhere/troth.db")
    assert Settings().artifacts == Path("/somewhere/artifacts")
