"""What every log must hold before anything is learnt from it; refusals name column and row.

Rows are counted from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument
from troth.logs.ids import plain

if TYPE_CHECKING:
    from troth.logs.batches import LoggedBatch

_KINDS = {
    "action": ("iu", "whole numbers"),
    "propensity": ("f", "floating-point numbers"),
    "reward_minor": ("f", "floating-point numbers"),
    "censored": ("b", "true or false"),
    "customer_id": ("UT", "text"),
    "episode": ("iu", "whole numbers"),
    "step": ("iu", "whole numbers"),
    "decided_at": ("M", "moments"),
    "decision_id": ("UT", "text"),
    "policy_digest": ("UT", "text"),
}
_ROWS = 8192
"""Rows hashed at a time: what lies in the cache."""


def check(log: LoggedBatch) -> None:
    """Refuse a log that would spoil an estimate.

    Raises:
        InvalidArgument: for columns of another shape or type; a missing value; an id that is
            empty or there twice; an action that is none, or was not eligible; a propensity
            outside (0, 1]; a reward or a feature that is infinite.
    """
    n, k = len(log.contexts), len(log.catalogue)
    if log.mask.dtype != np.bool_ or log.mask.shape != (n, k):
        raise InvalidArgument(
            f"{log.mask.dtype} {log.mask.shape} is not bool ({n}, {k})", field="mask"
        )
    for name, (kinds, what) in _KINDS.items():
        column = getattr(log, name)
        if column.shape != (n,):
            raise InvalidArgument(f"shape {column.shape} is not ({n},)", field=name)
        if column.dtype.kind not in kinds:
            if column.dtype.kind == "O":
                refuse_first(np.array([v is None or v != v for v in column]), name, "missing")
            raise InvalidArgument(f"{column.dtype} is not {what}", field=name)
    if n == 0:
        return
    refuse_first(plain(log.customer_id, "customer_id") == "", "customer_id", "empty")
    decisions = plain(log.decision_id, "decision_id")
    refuse_first(decisions == "", "decision_id", "empty")
    refuse_first(np.isnat(log.decided_at), "decided_at", "missing")
    _check_numbers(log)
    _check_features(log)
    doubled = first_doubled(decisions)
    if doubled is not None:
        first, again = doubled
        one, other = (repr(str(log.decision_id[row])) for row in doubled)
        written = "" if one == other else f", as {other}"
        raise InvalidArgument(
            f"{one} is in row {first} and again in row {again}{written}; each decision is "
            "logged once",
            field="decision_id",
        )


def refuse_first(bad: NDArray[np.bool_], field: str, what: str) -> None:
    """Raise :class:`InvalidArgument` for the first row in which ``bad``, bool (n,), is true."""
    if bad.any():
        raise InvalidArgument(f"{what} in row {int(np.argmax(bad))}", field=field)


def first_doubled(ids: NDArray[Any]) -> tuple[int, int] | None:
    """The first row of ``ids``, str (n,), whose id stands in an earlier row.

    Returns:
        The earlier row and the later one, or ``None`` if all ids differ.
    """
    hashes = _hashes(ids)
    ordered = np.sort(hashes)
    if not (ordered[1:] == ordered[:-1]).any():
        return None
    # Different ids may share a hash: those that do are compared in full.
    alike = np.isin(hashes, ordered[1:][ordered[1:] == ordered[:-1]])
    rows = np.flatnonzero(alike)
    _, first, which = np.unique(ids[rows], return_index=True, return_inverse=True)
    again = np.flatnonzero(first[which] != np.arange(len(rows)))
    if not len(again):
        return None
    at = again[0]
    return int(rows[first[which[at]]]), int(rows[at])


def _hashes(ids: NDArray[Any]) -> NDArray[np.uint64]:
    """A 64-bit hash of each text, uint64 (n,): a sum of its characters times odd numbers."""
    fixed = np.ascontiguousarray(ids.astype(np.str_, copy=False))
    width = fixed.dtype.itemsize // 4
    characters = fixed.view(np.uint32).reshape(len(fixed), width)
    rng = np.random.Generator(np.random.PCG64(0))
    factors = rng.integers(0, 2**64, size=width, dtype=np.uint64) | np.uint64(1)
    found = np.zeros(len(fixed), dtype=np.uint64)
    for start in range(0, len(fixed), _ROWS):
        block = found[start : start + _ROWS]
        for at, factor in enumerate(factors):
            block += characters[start : start + _ROWS, at] * factor
    return found


def _check_numbers(log: LoggedBatch) -> None:
    action, propensity, reward = log.action, log.propensity, log.reward_minor
    k = len(log.catalogue)
    outside = (action < 0) | (action >= k)
    if outside.any():
        row = int(np.argmax(outside))
        raise InvalidArgument(f"{action[row]} in row {row} is outside 0..{k - 1}", field="action")
    refused = ~log.mask[np.arange(len(log)), action]
    if refused.any():
        row = int(np.argmax(refused))
        raise InvalidArgument(
            f"{action[row]} in row {row} was logged and, by its mask, not eligible", field="action"
        )
    for name, column in (("propensity", propensity), ("reward_minor", reward)):
        refuse_first(np.isnan(column), name, "missing")
    wrong = ~((propensity > 0) & (propensity <= 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        hint = (
            "; if these are per cent, divide them by 100"
            if (propensity > 0).all() and 1 < propensity.max() <= 100
            else ""
        )
        raise InvalidArgument(
            f"{propensity[row]:g} in row {row} is outside (0, 1]{hint}", field="propensity"
        )
    refuse_first(np.isinf(reward), "reward_minor", "not finite")


def _check_features(log: LoggedBatch) -> None:
    """NaN means missing, which the encoder knows; out of range it clips; infinite is neither."""
    raw = log.contexts.raw
    if not np.isinf(raw).any():
        return
    row, column = (int(at) for at in np.argwhere(np.isinf(raw))[0])
    raise InvalidArgument(
        f"{raw[row, column]} in row {row}",
        field=f"features[{log.contexts.schema.names[column]}]",
    )
