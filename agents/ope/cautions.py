"""What can be wrong with an off-policy evaluation, in words, and how far to trust it then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from agents.ope.copies import Copies
from agents.ope.evidence import Evidence, RewardRange
from agents.ope.intervals import MANY, MAX_UNSUPPORTED
from agents.ope.propensities import Misfit
from troth.logs.ids import AlikeIds

if TYPE_CHECKING:
    from agents.ope.diagnostics import Diagnostics

MIN_EFFECTIVE_ROWS = 100.0
MIN_EFFECTIVE_SHARE = 0.01
MAX_WEIGHT_SHARE = 0.05
MAX_MEAN_WEIGHT_Z = 3.0
FEW_CUSTOMERS = 10.0
MIN_CUSTOMERS = MANY
FEW_EVENTS = 10
MIN_EVENTS = 100
MIN_MASS = 1e-9


class Trust(StrEnum):
    """How far to trust an evaluation; worse ones later."""

    FULL = "trust"
    WITH_CARE = "with_care"
    NONE = "do_not_trust"

    @property
    def words(self) -> str:
        """For people: ``do not trust``."""
        return self.value.replace("_", " ")


class Caution(StrEnum):
    """What can be wrong with an evaluation."""

    NEVER_PLAYED = "never_played"
    ALIKE_REWARDS = "alike_rewards"
    FEW_TELLING = "few_telling"
    UNBOUNDED = "unbounded"
    EFFECTIVE_SAMPLE_SIZE = "effective_sample_size"
    DOMINANT_ROW = "dominant_row"
    MISSING_SUPPORT = "missing_support"
    MEAN_WEIGHT = "mean_weight"
    PROPENSITIES = "propensities"
    COPIES = "copies"
    ALIKE_IDS = "alike_ids"
    FEW_CUSTOMERS = "few_customers"
    FEW_REWARDS = "few_rewards"
    CENSORED = "censored"


@dataclass(frozen=True, slots=True)
class Warned:
    """One caution with its reason, a sentence that gives the figure.

    Attributes:
        caution: what stands out.
        message: the sentence.
        verdict: the best verdict that it allows.
    """

    caution: Caution
    message: str
    verdict: Trust


def gravest_first(warnings: Iterable[Warned]) -> tuple[Warned, ...]:
    """``warnings`` in the order of their verdicts, the worst first."""
    return tuple(sorted(warnings, key=lambda w: -list(Trust).index(w.verdict)))


def warnings_of(
    d: Diagnostics,
    evidence: Evidence,
    level: float,
    reward_range: RewardRange | None,
    *,
    unexplained: bool,
) -> list[Warned]:
    """The cautions that apply.

    ``unexplained`` is whether missing support leaves the mean weight far from what it should be.
    """
    care, grave = Trust.WITH_CARE, Trust.NONE
    found: list[Warned] = []

    def check(caution: Caution, applies: bool, verdict: Trust, message: str) -> None:
        if applies:
            found.append(Warned(caution, message, verdict))

    if evidence.customers == 0.0:
        check(
            Caution.NEVER_PLAYED,
            True,
            grave,
            f"in none of {d.rows:,} rows was an action served that the target plays: IPS, "
            "SNIPS and DR have no estimate, and DM is a guess of its model",
        )
    else:
        few = d.effective_sample_size < MIN_EFFECTIVE_ROWS
        check(
            Caution.EFFECTIVE_SAMPLE_SIZE,
            few or d.effective_share < MIN_EFFECTIVE_SHARE,
            grave if few else care,
            f"effective sample size {d.effective_sample_size:,.1f} of {d.rows:,} rows: "
            + (grave.words if few else "treat with care"),
        )
        found += _about_rewards(d, evidence, level, reward_range)
    check(
        Caution.MISSING_SUPPORT,
        d.unsupported_mass > MIN_MASS,
        grave if d.unsupported_mass > MAX_UNSUPPORTED else care,
        f"the target puts {d.unsupported_mass:.2%} of its probability, in "
        f"{d.unsupported_rows:.2%} of the rows, on actions this log cannot speak of: "
        "IPS counts them as worth 0, SNIPS as worth the average, DM and DR extrapolate",
    )
    check(
        Caution.MEAN_WEIGHT,
        # Where the target was never played, that is the reason, and it has been given.
        evidence.customers > 0.0 and abs(d.mean_weight_z) > MAX_MEAN_WEIGHT_Z,
        grave if unexplained else care,
        f"mean weight {d.mean_weight:.3f} is {abs(d.mean_weight_z):.1f} standard errors "
        "from 1: the propensities, or the target, do not belong to this log",
    )
    check(
        Caution.DOMINANT_ROW,
        d.max_weight_share > MAX_WEIGHT_SHARE,
        care,
        f"one row carries {d.max_weight_share:.1%} of all weight",
    )
    check(
        Caution.FEW_CUSTOMERS,
        0.0 < d.effective_customers < MIN_CUSTOMERS,
        grave if d.effective_customers < FEW_CUSTOMERS else care,
        f"only {d.effective_customers:,.1f} effective customers of {d.customers:,}",
    )
    check(
        Caution.CENSORED,
        d.censored_rows > 0,
        care,
        f"{d.censored_rows:,} rows with an open outcome window were left out: the value "
        "is that of the older decisions",
    )
    return found


def about_ids(copies: Copies | None, alike_ids: Sequence[AlikeIds]) -> Iterator[Warned]:
    """Whether decisions or customers are there more than once under several ids."""
    if copies is not None:
        later, earlier = copies.first
        yield Warned(
            Caution.COPIES,
            f"{copies.rows:,} rows repeat another row in all but ids (the first is row {later}, "
            f"which repeats row {earlier}), where by their propensities about "
            f"{copies.by_chance:,.0f} would: the same decisions under other ids, or decisions that "
            "were not drawn one by one; "
            "customers who share such rows are counted as one",
            Trust.NONE,
        )
    for found in alike_ids:
        (name, row), (other, there) = found.example
        yield Warned(
            Caution.ALIKE_IDS,
            f"{found.ids:,} ids in {found.field} differ from others only in capitals, zeros in "
            f"front or blanks: {name!r} in row {row} and {other!r} in row {there}"
            + ("; such customers are counted as one" if found.field == "customer_id" else ""),
            Trust.WITH_CARE,
        )


def about_propensities(misfit: Misfit | None) -> Iterator[Warned]:
    """Whether propensities are those of the actions that were served."""
    if misfit is not None:
        by = f"{misfit.errors:,.1f} standard errors" if np.isfinite(misfit.errors) else "for sure"
        said = f"the propensities do not fit the actions served: {misfit.what} ({by})"
        yield Warned(Caution.PROPENSITIES, said, Trust.NONE)


def _about_rewards(
    d: Diagnostics, evidence: Evidence, level: float, reward_range: RewardRange | None
) -> Iterator[Warned]:
    """Whether the rewards of the rows with weight say anything of their spread."""
    care, grave = Trust.WITH_CARE, Trust.NONE
    bound = reward_range is not None and bool(np.isfinite(reward_range).all())
    if evidence.common is not None and evidence.others < 0.5:
        most = evidence.others_at_most(level)
        known = "" if bound else "; how much that is, nothing here bounds"
        values = sorted({value for value in evidence.common if not np.isnan(value)})
        usual, what = f"{values[0]:g}", f"anything but {values[0]:g}"
        if len(values) > 1:
            usual = f"the same after each action ({values[0]:g} to {values[-1]:g})"
            what = "another"
        elif values[0] == 0.0:
            what = "anything"
        rows = (
            f"all rewards of what the target plays are {usual}"
            if evidence.telling == 0.0
            else f"all but {evidence.others:.2%} of the weighted rewards are {usual}"
        )
        yield Warned(
            Caution.ALIKE_REWARDS,
            f"{rows}: at {100 * level:g} % at most {most:.2%} of decisions "
            f"({most * d.effective_customers:.1f} in "
            f"{d.effective_customers:,.0f} effective customers) bring {what}{known}",
            care if bound else grave,
        )
    elif d.telling_customers < MIN_CUSTOMERS:
        yield Warned(
            Caution.FEW_TELLING,
            f"the spread of the rewards rests on {d.telling_customers:,.1f} of "
            f"{d.effective_customers:,.1f} effective customers: the rewards of so few differ much "
            "from what their action usually brings that some more or less would move the "
            "estimate and its interval",
            grave if d.telling_customers < FEW_CUSTOMERS else care,
        )
    if d.rewarded_rows_played < MIN_EVENTS:
        yield Warned(
            Caution.FEW_REWARDS,
            f"only {d.rewarded_rows_played:,} of {d.rows:,} rows have a reward other than "
            "their action's most common, and an action that the target plays",
            grave if d.rewarded_rows_played < FEW_EVENTS and not bound else care,
        )
