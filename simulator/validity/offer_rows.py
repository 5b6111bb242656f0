"""What offers do beyond their redemption, soon and later, on counterfactual twins.

*Advertising*: what a discount by e-mail adds within four weeks, how much of it through its
redemption, and how much in the second week. *Deep discounts*: whoever took one, did they buy
more or less afterwards than in the life without it? What they spend afterwards is the world's
own expectation, given each life's state: it leaves out the chance of single purchases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.validity.contrast import Contrast, contrast
from simulator.validity.populations import column, messages, newcomers, rested, send
from simulator.validity.row import Target, ValidityRow
from simulator.validity.statistics import ratio_error
from simulator.validity.study import Chart, Findings, Series, Study
from simulator.world import World
from troth.catalogue import Channel, OfferKind

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

GROUP = "Documented effects: offers"

OFFER_DAYS = 28
CUSTOMERS_FACTOR = 16
"""One e-mail adds a purchase to one in a hundred members."""
WEEK = 7
SENDING_WEEKS = 4
LATER_DAYS = 90
LATER_FACTOR = 6
"""A few who were won back weigh most in what takers spend later."""
ESTABLISHED_DAYS = 365
LEAST_REACH = 0.05

SAHNI = "Sahni, Zou & Chintagunta, Management Science 63(8), 2017"
ANDERSON = "Anderson & Simester, Marketing Science 23(1), 2004"


def advertising_rows(found: Contrast) -> list[ValidityRow]:
    """Share of the gain through redemption, and share of it in the second week."""
    gain = found.added_orders()
    second = found.added_orders(WEEK, 2 * WEEK)
    rows = []
    for key, name, top, target in (
        (
            "through_redemption",
            "share of an offer e-mail's added purchases that redeem the offer",
            found.redeemed.astype(np.float64),
            Target.figure(0.10, 0.05, 0.20),
        ),
        (
            "week_later",
            "share of them that come in the second week",
            second,
            Target.figure(0.25, 0.15, 0.35),
        ),
    ):
        ratio, error = ratio_error(top, gain)
        told = bool(np.isfinite(ratio))
        rows.append(
            ValidityRow(
                id=f"offers.{key}",
                group=GROUP,
                name=name,
                target=target,
                simulated=ratio if told else None,
                stderr=error if told else None,
                source=SAHNI,
                note="a discount by e-mail against none, four weeks"
                if told
                else "the offer adds no purchase",
            )
        )
    return rows


def deepest(world: World, group: Bool) -> int | None:
    """The deepest discount that a share of ``group`` (n,) may be sent; ``None`` if there is none.

    Of equal depth the one of most reach.
    """
    depth = world.catalogue.discount
    reach = world.mask()[group].mean(axis=0) if group.any() else np.zeros(depth.size)
    usable = np.flatnonzero((depth > 0.0) & (reach >= LEAST_REACH))
    if not usable.size:
        return None
    return int(usable[np.lexsort((reach[usable], depth[usable]))[-1]])


def later_row(start: World, study: Study, key: str, group: Bool, target: Target) -> ValidityRow:
    """What takers are expected to spend after the offers, over what their twins are."""
    row = ValidityRow(
        id=f"offers.later_{key}",
        group=GROUP,
        name=f"spending of {key} customers in the months after deep discounts they took, "
        "over that without them",
        target=target,
        simulated=None,
        stderr=None,
        source=ANDERSON,
        note="nobody of them may be sent a discount",
    )
    action = deepest(start, group)
    if action is None:
        return row
    with_it, without, takers = _afterwards(start, action, group, study)
    ratio, error = ratio_error(with_it, without)
    depth = start.catalogue.actions[action].discount
    if not np.isfinite(ratio):
        return replace(row, note="nobody took it")
    note = (
        f"{100.0 * depth:g} % off once a week for {SENDING_WEEKS} weeks, the {LATER_DAYS} days "
        f"after the last, {int(takers.sum())} takers"
    )
    return replace(row, simulated=ratio, stderr=error, note=note)


def _afterwards(start: World, action: int, group: Bool, study: Study) -> tuple[Float, Float, Bool]:
    """Expected margin after the offers with and without them (n,), 0 for all but takers (n,)."""
    life, twin = start.fork(), start.fork()
    takers = np.zeros(start.size, dtype=np.bool_)
    nobody = np.zeros(start.size, dtype=np.int64)
    sums = [np.zeros(start.size), np.zeros(start.size)]
    for day in range(SENDING_WEEKS * WEEK + LATER_DAYS):
        if day >= SENDING_WEEKS * WEEK:
            for world, total in zip((life, twin), sums, strict=True):
                total += world.expected_components(nobody)["margin_minor"]
        sending = day < SENDING_WEEKS * WEEK and day % WEEK == 0
        actions = send(life, action, group) if sending else nobody
        result = life.step(actions)
        twin.step(nobody)
        if sending:
            takers |= result.redeemed & (actions > 0)
        study.advance(2)
    return np.where(takers, sums[0], 0.0), np.where(takers, sums[1], 0.0), takers


@dataclass(frozen=True, slots=True)
class OfferMoments:
    """See :class:`simulator.validity.study.MomentSource`."""

    title: str = "offers"

    def days(self, study: Study) -> int:
        """Both lives of the three experiments."""
        return 2 * OFFER_DAYS + 4 * (LATER_DAYS + SENDING_WEEKS * WEEK)

    def measure(self, study: Study) -> Findings:
        """Rows and a plot of what offers do."""
        crowd = rested(study.larger(CUSTOMERS_FACTOR))
        action = int(messages(crowd, Channel.EMAIL, (OfferKind.DISCOUNT,))[0])
        found = contrast(crowd, action, OFFER_DAYS, advance=study.advance)
        larger = study.larger(LATER_FACTOR)
        start, joined = rested(larger), newcomers(larger)
        established = column(start.contexts(), "tenure_days") > ESTABLISHED_DAYS
        return Findings(
            (
                *advertising_rows(found),
                later_row(
                    joined,
                    study,
                    "new",
                    np.ones(joined.size, dtype=np.bool_),
                    Target(1.02, 1.60, "more as published, range ours"),
                ),
                later_row(
                    start,
                    study,
                    "established",
                    established,
                    Target(0.50, 0.98, "fewer as published, range ours"),
                ),
            ),
            (_chart(found),),
        )


def _chart(found: Contrast) -> Chart:
    daily = found.orders.mean(axis=1)
    return Chart(
        id="offers_gain",
        group=GROUP,
        title="When an offer's purchases come",
        caption="Purchases that a discount by e-mail adds per member, by day since it was sent.",
        x_label="days since the e-mail",
        y_label="added purchases per member",
        style="steps",
        series=(
            Series(
                "simulated",
                tuple(float(day) for day in range(daily.size)),
                tuple(daily.tolist()),
                False,
            ),
        ),
    )
