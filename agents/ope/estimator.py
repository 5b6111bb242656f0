"""What an estimator is: what it needs of a log and a target, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, auto

from agents.ope.terms import EstimatorAnswer
from agents.ope.weighed import WeighedLog


class Need(IntEnum):
    """What an estimator may need, the cheapest first."""

    WEIGHTS = auto()
    """Importance weights: where the target was never played there is no estimate."""
    REWARD_MODEL = auto()
    """Predicted rewards, which are fitted only if somebody needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """A way to estimate what a target is worth on a log it did not make.

    Attributes:
        title: its name for people.
        needs: what it asks the log for.
        answer: the estimate, with what each customer adds to its error.
    """

    title: str
    needs: frozenset[Need]
    answer: Callable[[WeighedLog], EstimatorAnswer]

    @property
    def costliest(self) -> Need:
        """Of its needs."""
        return max(self.needs)
