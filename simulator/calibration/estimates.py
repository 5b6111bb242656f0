"""What a user's data say: estimates with intervals and origins, and what they leave open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import exp, log
from typing import Literal

from simulator.calibration.figures import SIGNIFICANT_DIGITS
from simulator.calibration.own_moments import OwnMoments

Scale = Literal["plain", "log", "logit"]
MIN_CLUSTERS = 20
"""Customers, or rows of an arm, below which no standard error is believed."""
DEVIATE_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class EstimateOrigin:
    """Where an estimate comes from.

    Attributes:
        source: the file, or what the data frame is.
        digest: SHA-256 of what was read.
        rows: observations the estimate rests on.
        method: the estimator, with its source.
    """

    source: str
    digest: str
    rows: int
    method: str


@dataclass(frozen=True, slots=True)
class FittedParameter:
    """One estimated parameter.

    Attributes:
        key: section and name, such as ``purchases.r``.
        value: the estimate; several for factors, a word for a choice of model.
        low, high: 95 % interval; ``None`` where the value was held or chosen.
        origin: where it comes from.
    """

    key: str
    value: float | str | tuple[float, ...]
    low: float | tuple[float, ...] | None
    high: float | tuple[float, ...] | None
    origin: EstimateOrigin


@dataclass(frozen=True, slots=True)
class Unidentified:
    """What the data could not identify.

    Attributes:
        key: a parameter or a section.
        why: in a sentence, with the count or span that is short.
    """

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Estimates:
    """All that a user's data gave.

    Attributes:
        found: parameters with intervals.
        open: parameters that stay as the template has them.
        notes: comparisons that chose nothing by themselves, such as AIC, in sentences.
        warnings: why figures above may be wrong, each with what to do about it; said first.
        moments: what a world with these figures is to be compared with; ``None`` where purchases
            or spend are not estimated.
    """

    found: tuple[FittedParameter, ...]
    open: tuple[Unidentified, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    moments: OwnMoments | None = None

    def sections(self) -> dict[str, dict[str, float | str | list[float]]]:
        """Section -> name -> value, as TOML takes it."""
        result: dict[str, dict[str, float | str | list[float]]] = {}
        for estimate in self.found:
            section, _, name = estimate.key.rpartition(".")
            value = estimate.value
            result.setdefault(section, {})[name] = (
                list(value) if isinstance(value, tuple) else value
            )
        return result


@dataclass(slots=True)
class Gathered:
    """What has been found so far; the fields are those of :class:`Estimates`."""

    found: list[FittedParameter] = field(default_factory=list)
    open: list[Unidentified] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def estimates(self, moments: OwnMoments | None = None) -> Estimates:
        """All of it, and what a world is compared with."""
        return Estimates(
            tuple(self.found), tuple(self.open), tuple(self.notes), tuple(self.warnings), moments
        )


def estimate(
    key: str, value: float, error: float | None, origin: EstimateOrigin, scale: Scale = "plain"
) -> FittedParameter:
    """An estimate with the normal interval on its scale: of itself, its logarithm or logit."""
    low, high = (None, None) if error is None else interval(value, error, scale)
    return FittedParameter(key, rounded(value), low, high, origin)


def interval(value: float, error: float, scale: Scale) -> tuple[float, float]:
    """95 % bounds, none of them impossible on the scale."""
    half = DEVIATE_95 * error
    if scale == "log":
        width = exp(min(half / value, 300.0))
        return rounded(value / width), rounded(value * width)
    if scale == "logit":
        centre, half = log(value / (1.0 - value)), half / (value * (1.0 - value))
        low, high = (1.0 / (1.0 + exp(-(centre + side * half))) for side in (-1.0, 1.0))
        return rounded(low), rounded(high)
    return rounded(value - half), rounded(value + half)


def several(values: Iterable[float]) -> tuple[float, ...]:
    """Each value rounded as it is written."""
    return tuple(rounded(float(value)) for value in values)


def rounded(value: float) -> float:
    """At the digits that are written."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
