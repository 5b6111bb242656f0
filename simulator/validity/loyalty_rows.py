"""What the programme itself does: the pull of a goal, and points that nobody redeems.

*Goal gradient*: members are sent a challenge; their twins, with the same chances, are not. On
every morning on which a member is near the goal and both have bought alike so far, what either is
expected to spend today without a contact is added up: the ratio is how much faster the goal
makes them buy. Expectations are the world's own, given each life's state; they leave out the
chance of a single purchase and change no mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.validity.populations import column, rested
from simulator.validity.row import Target, ValidityRow
from simulator.validity.statistics import ratio_error
from simulator.validity.study import Findings, Study
from simulator.world import World
from troth.catalogue import OfferKind
from troth.errors import FailedPrecondition

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

GROUP = "Documented effects: programme"

CHALLENGE_DAYS = 60
SENDING_DAYS = 10
NEAR = 0.5
"""Share of the goal from which a member counts as near it: one purchase short of two."""
FREQUENT = 0.75
"""Quantile of a year's purchases, among those who made any, from which one is frequent."""
CUSTOMERS_FACTOR = 16
"""Few come near a goal within two months."""
PARTS = 20
"""Parts of the members with a ledger each, whose spread is the error of breakage."""
SETTLING_DAYS = 360
LEDGER_DAYS = 720

KIVETZ = "Kivetz, Urminsky & Zheng, JMR 43(1), 2006"
HARTMANN = "Hartmann & Viard, QME 6(2), 2008"
BREAKAGE = "industry reports on loyalty liabilities"


@dataclass(frozen=True, slots=True)
class Pull:
    """Expected margin on days near the goal, per customer: with the challenge, and without."""

    near: Float
    twin: Float


def goal_pull(start: World, study: Study) -> Pull:
    """Run the experiment of the module; ``start`` is left as it is."""
    life, twin = start.fork(), start.fork()
    offers = challenge_offers(start)
    alike = np.ones(start.size, dtype=np.bool_)
    near_sum, twin_sum = np.zeros(start.size), np.zeros(start.size)
    nobody = np.zeros(start.size, dtype=np.int64)
    for day in range(CHALLENGE_DAYS):
        near = (column(life.contexts(), "challenge_progress") >= NEAR) & alike
        actions = nobody
        if day < SENDING_DAYS:  # another channel is tried first each day
            today = np.roll(offers, -day)
            mask = life.mask()[:, today] & ~near[:, None]
            actions = np.where(mask.any(axis=1), today[mask.argmax(axis=1)], 0).astype(np.int64)
        near_sum += np.where(near, _expected(life), 0.0)
        twin_sum += np.where(near, _expected(twin), 0.0)
        with_it = life.step(actions).orders
        without = twin.step(nobody).orders
        alike &= with_it == without
        study.advance(2)
    return Pull(near_sum, twin_sum)


def _expected(world: World) -> Float:
    """What each is expected to bring today without a contact, minor units of margin, (n,)."""
    nobody = np.zeros(world.size, dtype=np.int64)
    return world.expected_components(nobody)["margin_minor"]


def challenge_offers(world: World) -> NDArray[np.int64]:
    """Columns of every offer that starts a challenge, int64 (k,).

    Raises:
        FailedPrecondition: if the catalogue has none.
    """
    found = [at for at, x in enumerate(world.catalogue.actions) if x.kind is OfferKind.CHALLENGE]
    if not found:
        raise FailedPrecondition("the catalogue has no challenge", field="offers")
    return np.array(found, dtype=np.int64)


def goal_rows(start: World, study: Study) -> list[ValidityRow]:
    """Acceleration of occasional and of frequent members."""
    pull = goal_pull(start, study)
    orders = column(start.contexts(), "frequency_365")
    active = orders > 0
    frequent = active & (orders >= np.quantile(orders[active], FREQUENT))
    rows = []
    for key, name, chosen, target, source in (
        (
            "goal_gradient",
            "purchases near a goal over those without one, occasional members",
            ~frequent,
            Target.figure(1.20, 1.10, 1.30),
            KIVETZ,
        ),
        (
            "goal_frequent",
            "the same, the quarter of buyers who buy most often",
            frequent,
            Target(0.95, 1.07, "hardly react as published, range ours"),
            HARTMANN,
        ),
    ):
        ratio, error = ratio_error(pull.near[chosen], pull.twin[chosen])
        told = bool(np.isfinite(ratio))
        rows.append(
            ValidityRow(
                id=f"programme.{key}",
                group=GROUP,
                name=name,
                target=target,
                simulated=ratio if told else None,
                stderr=error if told else None,
                source=source,
                note="twins with and without a challenge, days at half of the goal or more"
                if told
                else "nobody came near a goal",
            )
        )
    return rows


def breakage_row(study: Study) -> ValidityRow:
    """Points that expire, of those that expire or are redeemed, in years after a settling one."""
    row = ValidityRow(
        id="programme.breakage",
        group=GROUP,
        name="share of points that expire rather than being redeemed",
        target=Target.published(0.25, 0.35),
        simulated=None,
        stderr=None,
        source=BREAKAGE,
    )
    smaller = replace(study, customers=max(study.customers // PARTS, 1))
    flows = np.array([_flows(rested(smaller, part=part), study) for part in range(PARTS)])
    expired, redeemed = flows[:, 0], flows[:, 1]
    share, error = ratio_error(expired, expired + redeemed)
    if not np.isfinite(share):
        return replace(row, note="no point expired or was redeemed")
    return replace(
        row,
        simulated=share,
        stderr=error,
        note=f"{LEDGER_DAYS} days without contacts, after {SETTLING_DAYS} days to settle",
    )


def _flows(world: World, study: Study) -> tuple[float, float]:
    """Points that expire, and that are redeemed, in the years of the ledger."""
    nobody = np.zeros(world.size, dtype=np.int64)
    flows = []
    for days in (SETTLING_DAYS, LEDGER_DAYS):
        for _ in range(days):
            world.step(nobody)
        ledger = world.ledger()
        flows.append((float(ledger.expired), float(ledger.redeemed)))
    study.advance((SETTLING_DAYS + LEDGER_DAYS) // PARTS)
    return flows[1][0] - flows[0][0], flows[1][1] - flows[0][1]


@dataclass(frozen=True, slots=True)
class LoyaltyMoments:
    """See :class:`simulator.validity.study.MomentSource`."""

    title: str = "programme"

    def days(self, study: Study) -> int:
        """Both lives of the challenge, and the ledger's years."""
        return 2 * CHALLENGE_DAYS + SETTLING_DAYS + LEDGER_DAYS

    def measure(self, study: Study) -> Findings:
        """Rows on goals and breakage."""
        larger = study.larger(CUSTOMERS_FACTOR)
        return Findings((*goal_rows(rested(larger), study), breakage_row(study)))
