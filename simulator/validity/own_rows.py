"""A world of one's own beside one's own customers: purchases and spend from the first one on.

What the customers did stands below the scenario that ``troth calibrate`` wrote. Simulated members
join, and are watched, as long as they were. Nobody is contacted; what real contacts brought is in
the fitted purchases. All other mechanisms of the world are at work, and may move what was fitted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.calibration.jackknife import jackknife
from simulator.calibration.own.scenario import read_provenance
from simulator.calibration.own_moments import NAMES, OwnMoments, moments
from simulator.scenarios.source import ENDING, read
from simulator.validity.cdnow_rows import imitate
from simulator.validity.row import Target, ValidityRow
from simulator.validity.study import Findings, Study
from simulator.validity.transactions import TransactionLog

GROUP = "Your customers: purchases from the first one on"
WITHIN = 0.10
CUSTOMERS_FACTOR = 3
_DEVIATE = 1.96
_DAYS = ("gap_p25", "gap_p50", "gap_p75")
_LEAST_DAYS = 1.0
_MOMENTS = "#: [moments]"
"""The line below a scenario under which they stand."""

NOT_COMPARED = (
    "what your experiment's contact and your mailings bring",
    "your own data",
    "their figures are fitted, but nobody is simulated who is placed like their customers",
)
"""As :data:`simulator.validity.validate.NOT_MEASURED`."""


@dataclass(frozen=True, slots=True)
class OwnCustomers:
    """See :class:`simulator.validity.study.MomentSource`.

    Attributes:
        own: what the customers did.
    """

    own: OwnMoments
    title: str = "your customers"

    def days(self, study: Study) -> int:
        """As many as the first of them is watched."""
        return max(self.own.ages[-1], 1)

    def measure(self, study: Study) -> Findings:
        """A row for each moment; no plots, as single purchases are not kept."""
        world = imitate(study.larger(CUSTOMERS_FACTOR), watched(self.own))
        values, errors = jackknife(
            world.customers,
            lambda chosen: moments(world.customer, world.day, world.amount, chosen),
        )
        return Findings(
            tuple(
                ValidityRow(
                    id=f"own.{key}",
                    group=GROUP,
                    name=name,
                    target=_target(key, *self.own.values[key]),
                    simulated=value if np.isfinite(value) else None,
                    stderr=error if np.isfinite(error) else None,
                    source=f"{self.own.source}, {self.own.customers:,} customers until "
                    f"{self.own.until}",
                    note="" if np.isfinite(value) else "no such purchase",
                )
                for (key, name), value, error in zip(
                    NAMES.items(), values.tolist(), errors.tolist(), strict=True
                )
                if np.isfinite(self.own.values[key][0])
            )
        )


def own_customers(scenario: str) -> tuple[OwnCustomers, ...]:
    """The customers a scenario was made from, if its own file tells of any.

    Args:
        scenario: name of one that ships, or the path of a file.

    Raises:
        NotFound: if there is no such scenario.
        InvalidArgument: if what stands below it is damaged.
    """
    if not scenario.endswith(ENDING):
        return ()
    file = read(scenario).layers[0]
    if _MOMENTS not in file.text.splitlines():  # comments of others may begin alike
        return ()
    table = read_provenance(file.text)["moments"]
    return (OwnCustomers(OwnMoments.of_table(table, field=f"{file.name}: [moments]")),)


def watched(own: OwnMoments) -> TransactionLog:
    """Customers without purchases who are watched as long as the real ones."""
    span = np.array(own.ages, dtype=np.int64)
    last = np.datetime64(own.until, "D").astype(np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    return TransactionLog(nothing, nothing, np.zeros(0), np.maximum(span, 1), last - span)


def _target(key: str, value: float, error: float) -> Target:
    """A tenth of the value, or what chance does to so many customers, if that is more."""
    chance = _DEVIATE * error if np.isfinite(error) else 0.0
    floor = max(chance, _LEAST_DAYS) if key in _DAYS else chance
    return Target.near(value, WITHIN, floor=floor)
