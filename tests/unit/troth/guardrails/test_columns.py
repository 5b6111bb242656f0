"""Columns of facts: what a guardrail could take for allowed by not understanding it is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.decisions import CATALOGUE
from troth.catalogue import CHANNELS
from troth.errors import InvalidArgument
from troth.guardrails import FactsBatch, GuardrailConfig, GuardrailEngine
from troth.guardrails.columns import COLUMNS, GRANTED, NEVER_US
from troth.guardrails.consent import Consent

N, C, K = 4, len(CHANNELS), len(CATALOGUE)
ROW = 2
WEEK_US = 7 * 86_400_000_000
ENGINE = GuardrailEngine(GuardrailConfig.shipped())


def allowed() -> FactsBatch:
    """Customers to whom everything may go out."""
    return FactsBatch(
        permissions=np.full((N, C), GRANTED, dtype=np.int8),
        local_minute=np.full(N, 600),
        contact_age_us=np.full((N, 1), WEEK_US),
        contact_channel=np.ones((N, 1), dtype=np.int8),
        granted_today=np.zeros((N, K), dtype=bool),
        listed_us=np.full(N, WEEK_US),
    )


def spoilt(name: str, value: Any, dtype: Any) -> Any:
    """The column with ``value`` in one row."""
    column = getattr(allowed(), name).astype(dtype)
    column[ROW] = value
    return column


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.5, 1e300, -7.0, 2.0**53 + 2])
@pytest.mark.parametrize(
    "name",
    ["permissions", "local_minute", "contact_age_us", "contact_channel", "listed_us"],
)
def test_what_is_no_whole_number_in_range_is_refused_by_row(name: str, value: float) -> None:
    """It would be neither refused nor near, and so pass for allowed."""
    with pytest.raises(InvalidArgument, match=rf"in row {ROW} is not") as caught:
        replace(allowed(), **{name: spoilt(name, value, np.float64)})
    assert caught.value.field == f"facts.{name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("permissions", 2),
        ("permissions", -2),
        ("permissions", 257),
        ("local_minute", -2),
        ("local_minute", 1440),
        ("contact_age_us", -1),
        ("contact_channel", -1),
        ("contact_channel", C),
        ("contact_channel", 256),
        ("listed_us", 0),
    ],
)
def test_whole_numbers_out_of_range_are_refused_before_they_are_cut(name: str, value: int) -> None:
    """Also those that eight bits would make a permission of."""
    with pytest.raises(InvalidArgument, match=rf"^facts\.{name}: {value} in row {ROW} is not"):
        replace(allowed(), **{name: spoilt(name, value, np.int64)})


@pytest.mark.parametrize(
    ("name", "value", "dtype"),
    [
        ("permissions", None, object),
        ("permissions", True, bool),
        ("permissions", "1", str),
        ("contact_age_us", np.timedelta64("NaT"), "m8[us]"),
        ("contact_age_us", np.timedelta64(1, "h"), "m8[ns]"),
        ("contact_age_us", 1, complex),
        ("contact_channel", True, bool),
        ("local_minute", None, object),
        ("granted_today", 0, np.int64),
        ("granted_today", np.nan, np.float64),
        ("granted_today", None, object),
    ],
)
def test_columns_of_another_kind_are_refused(name: str, value: Any, dtype: Any) -> None:
    """A duration in nanoseconds is not read as so many microseconds, nor a gap as false."""
    with pytest.raises(InvalidArgument, match=r"in row 0, is not") as caught:
        replace(allowed(), **{name: spoilt(name, value, dtype)})
    assert caught.value.field == f"facts.{name}"


@pytest.mark.parametrize("name", ["permissions", "contact_age_us", "granted_today", "listed_us"])
def test_a_value_behind_a_mask_is_missing(name: str) -> None:
    """What lies under the mask is nobody's."""
    column = np.ma.array(getattr(allowed(), name))
    column[ROW] = np.ma.masked
    with pytest.raises(InvalidArgument, match=rf"^facts\.{name}: missing in row {ROW}$"):
        replace(allowed(), **{name: column})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("local_minute", 600),
        ("contact_age_us", 5),
        ("granted_today", True),
        ("permissions", [[1], [1, 1], [1], [1]]),
    ],
)
def test_what_is_no_column_is_refused(name: str, values: Any) -> None:
    """One number for all, or rows of several lengths."""
    with pytest.raises(InvalidArgument) as caught:
        replace(allowed(), **{name: values})
    assert str(caught.value.field).startswith("facts.")


def test_other_types_of_the_same_values_are_cast() -> None:
    """To the documented ones, lists and empty columns too."""
    expected = allowed()
    other: dict[str, Any] = {
        "permissions": expected.permissions.astype(np.int64),
        "local_minute": expected.local_minute.tolist(),
        "contact_age_us": expected.contact_age_us.astype(np.uint64),
        "contact_channel": expected.contact_channel.astype(np.float32),
        "granted_today": expected.granted_today.tolist(),
        "listed_us": expected.listed_us.astype(">i8"),
    }
    wide = FactsBatch(**other)
    for name in COLUMNS:
        found, column = getattr(wide, name), getattr(expected, name)
        assert found.dtype == column.dtype
        np.testing.assert_array_equal(found, column)
    none: dict[str, Any] = dict.fromkeys(("contact_age_us", "contact_channel"), np.empty((N, 0)))
    nobody = replace(wide, **none)
    assert nobody.contact_age_us.dtype == np.int64
    assert ENGINE.judge(np.ones((N, K), dtype=bool), CATALOGUE, nobody)[0].all()
    far: dict[str, Any] = {"contact_age_us": np.full((N, 1), NEVER_US, dtype=np.uint64)}
    padded = replace(wide, **far)
    assert (padded.contact_age_us == NEVER_US).all()


@pytest.mark.parametrize("value", [2, -2, 127])
def test_consent_refuses_whatever_is_not_granted(value: int) -> None:
    """Also what was written into a column after it was looked at."""
    facts = allowed()
    facts.permissions[ROW] = value
    denied, unknown = Consent().refusals(CATALOGUE, facts)
    assert not denied.blocked.any()
    assert unknown.blocked[ROW, 1:].all()
    assert np.count_nonzero(unknown.blocked) == K - 1
