"""One validity run: which sources of moments speak, and what they found together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simulator.scenarios import Scenario
from simulator.validity.cdnow_rows import CdnowMoments
from simulator.validity.channel_rows import ChannelMoments
from simulator.validity.grocery_rows import GroceryMoments
from simulator.validity.hillstrom_rows import HillstromMoments
from simulator.validity.loyalty_rows import LoyaltyMoments
from simulator.validity.offer_rows import OfferMoments
from simulator.validity.own_rows import NOT_COMPARED, OwnCustomers
from simulator.validity.pressure_rows import PressureMoments
from simulator.validity.row import NOT_EXPLAINED, ValidityRow
from simulator.validity.study import Chart, DataSet, Findings, MomentSource, Study
from troth.errors import InvalidArgument

AGAINST: Mapping[DataSet, MomentSource] = {
    "cdnow": CdnowMoments(),
    "hillstrom": HillstromMoments(),
    "complete_journey": GroceryMoments(),
}
"""Data sets a scenario may claim to resemble, in the order of the report."""

DOCUMENTED: tuple[MomentSource, ...] = (
    ChannelMoments(),
    PressureMoments(),
    LoyaltyMoments(),
    OfferMoments(),
)
"""Effects with published ranges, for every scenario."""

NOT_MEASURED: tuple[tuple[str, str, str], ...] = (
    (
        "a finite expiry of points moves flexible customers only",
        "Breugelmans & Liu-Thompkins, Journal of Retailing 93(4), 2017",
        "all members' points expire by one rule, so there is no world without expiry to compare",
    ),
    (
        "how much a contact on one channel helps or harms another channel's",
        "no sourced figure was found",
        "a knob of the scenario",
    ),
    (
        "how many customers are sure things, persuadables, lost causes, sleeping dogs",
        "no sourced figure was found",
        "a knob of the scenario",
    ),
    (
        "permissions for push withdrawn per message",
        "no sourced figure was found",
        "a knob of the scenario",
    ),
)
"""Effects without a row: what, source, why. They count neither as inside nor as outside."""

NO_CUSTOMERS = (
    "whether its customers buy as real ones do",
    "the scenario's validity.against names no data set",
    "a world of your own is compared with your own customers if `troth calibrate --transactions` "
    "wrote it, with purchases and spend estimated",
)
"""As above, of a scenario that is compared with documented effects alone."""

LEAST_CUSTOMERS = 500
DEFAULT_CUSTOMERS = 10_000

OnStage = Callable[[str, int, int], None]
"""(what is being measured, days simulated, days in all)."""


@dataclass(frozen=True, slots=True)
class Validity:
    """The report's content.

    Attributes:
        scenario: its name; ``digest`` that of its values.
        customers, seed: of the simulated populations.
        rows: in the order of the report, with the scenario's reasons.
        charts: plots, in the same order.
        not_measured: effects without a row: what, source, why.
    """

    scenario: str
    digest: str
    description: str
    customers: int
    seed: int
    rows: tuple[ValidityRow, ...]
    charts: tuple[Chart, ...]
    not_measured: tuple[tuple[str, str, str], ...] = NOT_MEASURED

    @property
    def inside(self) -> int:
        """How many rows lie inside their range."""
        return sum(row.inside for row in self.rows)

    @property
    def share(self) -> float:
        """Share of the rows inside their range, 0..1."""
        return self.inside / len(self.rows) if self.rows else 0.0

    @property
    def groups(self) -> tuple[str, ...]:
        """Headings, in order."""
        return tuple(dict.fromkeys(row.group for row in self.rows))


def against(scenario: Scenario) -> tuple[DataSet, ...]:
    """The data sets the scenario claims to resemble."""
    return scenario.validity.against


def reasons(scenario: Scenario) -> Mapping[str, str]:
    """Why a row lies outside, by its id, as the scenario says."""
    return scenario.validity.reasons


def sources_of(scenario: Scenario) -> tuple[MomentSource, ...]:
    """What is measured: the scenario's data sets, then the documented effects.

    Raises:
        InvalidArgument: for a data set that no rows exist for.
    """
    named = against(scenario)
    for name in named:
        if name not in AGAINST:
            raise InvalidArgument(
                f"{name!r} is not one of {', '.join(AGAINST)}", field="validity.against"
            )
    return (*(AGAINST[name] for name in AGAINST if name in named), *DOCUMENTED)


def validate(
    scenario: Scenario,
    data: Path,
    *,
    customers: int = DEFAULT_CUSTOMERS,
    seed: int = 1,
    sources: Sequence[MomentSource] | None = None,
    own: Sequence[OwnCustomers] = (),
    on_stage: OnStage = lambda _what, _done, _of: None,
) -> Validity:
    """Measure every row.

    Args:
        scenario: whose world is judged.
        data: folder with the real data sets.
        customers: size of the simulated populations.
        seed: of all of them.
        sources: what is measured; by default what the scenario calls for.
        own: the user's customers, measured first.
        on_stage: called as the work moves on.

    Raises:
        InvalidArgument: for too few customers, a wrong value in a data file, or a reason for a
            row that does not exist.
        NotFound: if a data set is absent.
    """
    if customers < LEAST_CUSTOMERS:
        raise InvalidArgument(f"{customers} is below {LEAST_CUSTOMERS}", field="customers")
    chosen = (*own, *(sources_of(scenario) if sources is None else sources))
    unsaid = (NOT_COMPARED,) if own else () if against(scenario) else (NO_CUSTOMERS,)
    done = [0]
    title = [""]

    def advance(days: int) -> None:
        done[0] += days
        on_stage(title[0], done[0], total)

    study = Study(scenario, customers, seed, data, advance)
    total = sum(source.days(study) for source in chosen)
    found: list[Findings] = []
    before = 0
    for source in chosen:
        title[0] = source.title
        advance(0)
        found.append(source.measure(study))
        before += source.days(study)
        done[0] = before
        advance(0)
    rows = tuple(row for part in found for row in part.rows)
    return Validity(
        scenario=scenario.name,
        digest=scenario.digest,
        description=scenario.description,
        customers=customers,
        seed=seed,
        rows=_explained(rows, reasons(scenario), complete=sources is None),
        charts=tuple(chart for part in found for chart in part.charts),
        not_measured=(*unsaid, *NOT_MEASURED),
    )


def _explained(
    rows: tuple[ValidityRow, ...], given: Mapping[str, str], *, complete: bool
) -> tuple[ValidityRow, ...]:
    known = {row.id for row in rows}
    for key in given:
        if complete and key not in known:
            raise InvalidArgument("no such row", field=f"validity.reasons.{key}")
    return tuple(
        row if row.inside else replace(row, reason=given.get(row.id, NOT_EXPLAINED)) for row in rows
    )
