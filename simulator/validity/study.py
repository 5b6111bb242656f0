"""What every part of a validity run is given and gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from simulator.scenarios import Scenario
from simulator.validity.row import ValidityRow

DataSet = Literal["cdnow", "hillstrom", "complete_journey"]
Style = Literal["line", "points", "bars", "hbars", "steps"]


@dataclass(frozen=True, slots=True)
class Study:
    """The question: which scenario, how many customers, which seed, where the data lie.

    Attributes:
        scenario: whose world is judged.
        customers: size of the smallest simulated population, >= 100; what is rare is measured
            on a multiple of it.
        seed: of all of them.
        data: folder with the real data sets.
        advance: called with the number of days just simulated.
    """

    scenario: Scenario
    customers: int
    seed: int
    data: Path
    advance: Callable[[int], None] = field(default=lambda _days: None)

    def larger(self, factor: int) -> Study:
        """The same question to ``factor`` times as many customers."""
        return replace(self, customers=factor * self.customers)


@dataclass(frozen=True, slots=True)
class Series:
    """One set of points of a chart; ``low`` and ``high`` are an interval around ``y``."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    real: bool
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot, told apart from how it is drawn.

    Attributes:
        id: file name without its ending.
        group: heading of the rows it belongs to.
        title, caption: for people.
        x_label, y_label: with units.
        style: how the points are joined.
        series: what is drawn; real first.
        ticks: labels of x = 0, 1, ...; empty for a numeric axis.
        log_x: whether x is on a logarithmic scale.
        mark: x of a vertical line, e.g. where a hold-out begins, and its label.
    """

    id: str
    group: str
    title: str
    caption: str
    x_label: str
    y_label: str
    style: Style
    series: tuple[Series, ...]
    ticks: tuple[str, ...] = ()
    log_x: bool = False
    mark: tuple[float, str] | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What one source of moments found."""

    rows: tuple[ValidityRow, ...]
    charts: tuple[Chart, ...] = ()


class MomentSource(Protocol):
    """Something that measures moments of a scenario's world."""

    @property
    def title(self) -> str:
        """What it measures, for people."""
        ...

    def days(self, study: Study) -> int:
        """Days it will simulate, to tell how far it has got."""
        ...

    def measure(self, study: Study) -> Findings:
        """The rows, and plots of them.

        Raises:
            NotFound: if its data are absent.
            InvalidArgument: for a wrong value in them, naming file, line and column.
        """
        ...
