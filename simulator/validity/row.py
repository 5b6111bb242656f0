"""One line of the validity report: what should come out, and what does."""

from __future__ import annotations

from dataclasses import dataclass

from troth.errors import InvalidArgument

NOT_EXPLAINED = "not explained"
"""What is said of a row outside its range when the scenario gives no reason."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a moment should be.

    Attributes:
        low, high: the range, inclusive; an end may be infinite.
        basis: where the range comes from, in words.
        value: the real value or the single published figure; ``None`` where only a range is
            published.

    Raises:
        InvalidArgument: if the range is empty.
    """

    low: float
    high: float
    basis: str
    value: float | None = None

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise InvalidArgument(f"{self.low} to {self.high} is no range", field="target")

    @classmethod
    def near(cls, value: float, share: float, *, floor: float = 0.0) -> Target:
        """``value`` give or take ``share`` of it, but at least ``floor`` units."""
        margin = max(abs(value) * share, floor)
        text = f"data, give or take {100.0 * share:g} %"
        if floor > abs(value) * share:
            text = f"data, give or take {floor:g}"
        return cls(value - margin, value + margin, text, value)

    @classmethod
    def sampled(cls, value: float, error: float) -> Target:
        """The 95 % interval of a real estimate with standard error ``error``."""
        half = 1.959963984540054 * error
        return cls(value - half, value + half, "95 % interval of the data", value)

    @classmethod
    def published(cls, low: float, high: float) -> Target:
        """A range as published."""
        return cls(low, high, "as published")

    @classmethod
    def figure(cls, value: float, low: float, high: float) -> Target:
        """A single published figure with a range that is ours, not its authors'."""
        return cls(low, high, "published figure, range ours", value)


@dataclass(frozen=True, slots=True)
class ValidityRow:
    """One moment.

    Attributes:
        id: stable name that a scenario's reasons refer to, e.g. ``cdnow.repeats_week_52``.
        group: heading it stands under.
        name: for people, with its unit.
        target: what it should be.
        simulated: what it is; ``None`` if it could not be measured.
        stderr: Monte Carlo standard error of ``simulated``; ``None`` if there is none.
        source: data set with its file, or literature reference.
        note: how it was measured or, where ``simulated`` is ``None``, why it was not.
        reason: why it lies outside, if the scenario says so.
    """

    id: str
    group: str
    name: str
    target: Target
    simulated: float | None
    stderr: float | None
    source: str
    note: str = ""
    reason: str = ""

    @property
    def inside(self) -> bool:
        """Whether the simulated value lies in the range; what was not measured does not."""
        if self.simulated is None:
            return False
        return self.target.low <= self.simulated <= self.target.high

    @property
    def near_edge(self) -> bool:
        """Whether an end of the range is within two standard errors of the simulated value."""
        if self.simulated is None or self.stderr is None:
            return False
        return any(
            abs(self.simulated - end) < 2.0 * self.stderr
            for end in (self.target.low, self.target.high)
        )
