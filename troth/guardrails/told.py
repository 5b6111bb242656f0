"""Facts about customers that an installation is told, because a guardrail asks for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from troth.errors import FailedPrecondition, InvalidArgument
from troth.guardrails.facts import Facts
from troth.ids import is_name

log = logging.getLogger(__name__)

UNTOLD = int(np.iinfo(np.int64).min)
"""Value of a fact that nobody has told about a customer."""
MOST = 2**53 - 1
"""Greatest size of a value, as JSON can hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFact:
    """A whole number known of each customer, such as a flag, a count or an amount.

    The guardrail that needs it declares it, and nothing else has to know of it. Either it is
    worked out from what a decision knows (``from_facts``), or installations are told it: files of
    customers may have its column, and decisions record it. Logs hold it as ``fact.NAME``, and in
    a simulated world it is what ``in_world`` gives. Where nobody told it, it is unknown:
    :data:`UNTOLD` stands in its column, which a guardrail takes for a refusal.

    Attributes:
        name: lower-case letters, digits and ``_``, at most 48, beginning with a letter.
        meaning: in words, with its unit.
        low, high: least and greatest value; a flag by default.
        from_facts: of what is known of a customer at a decision, the value; ``None`` if that does
            not say.
        in_world: of a :class:`simulator.world.World`, the value of each customer this morning,
            int64 (n,); without it nothing is known there.

    Raises:
        InvalidArgument: for another name, or a range that is empty or too wide.
    """

    name: str
    meaning: str
    low: int = 0
    high: int = 1
    from_facts: Callable[[Facts], int | None] | None = field(default=None, compare=False)
    in_world: Callable[[Any], NDArray[np.int64]] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise InvalidArgument(f"{self.name!r} cannot name a fact", field="told.name")
        if not -MOST <= self.low < self.high <= MOST:
            raise InvalidArgument(f"{self.low}..{self.high} is no range", field=self.name)

    @property
    def is_flag(self) -> bool:
        """Whether it is true or false."""
        return (self.low, self.high) == (0, 1)

    def of(self, facts: Facts) -> int:
        """The value for a customer, :data:`UNTOLD` if that is unknown or cannot be one."""
        try:
            found = facts.told.get(self.name) if self.from_facts is None else self.from_facts(facts)
            return UNTOLD if found is None else self.require(index(found), self.name)
        except (Exception, SystemExit):  # whatever the code of others raises
            log.exception("the fact %s is taken for unknown", self.name)
            return UNTOLD

    def require(self, value: int, where: str) -> int:
        """Return ``value`` if the fact can have it; else raise :class:`InvalidArgument`."""
        if not self.low <= value <= self.high:
            raise InvalidArgument(f"{value} is not {self.low}..{self.high}", field=where)
        return value


def together(facts: Iterable[ToldFact]) -> tuple[ToldFact, ...]:
    """Each fact once, by name.

    Raises:
        FailedPrecondition: if two of one name differ.
    """
    found: dict[str, ToldFact] = {}
    for fact in facts:
        if found.setdefault(fact.name, fact) != fact:
            raise FailedPrecondition(
                f"two guardrails mean different things by the fact {fact.name!r}",
                field=f"facts.{fact.name}",
            )
    return tuple(found[name] for name in sorted(found))


def require_told(wanted: Iterable[ToldFact], told: Mapping[str, NDArray[np.int64]]) -> None:
    """Refuse columns that lack one of the facts, or hold what it cannot be.

    Raises:
        FailedPrecondition: naming the fact that is not there.
        InvalidArgument: naming the fact and the row.
    """
    for fact in wanted:
        column = told.get(fact.name)
        if column is None:
            raise FailedPrecondition(
                f"nothing says this of the customers ({fact.meaning}), and a guardrail needs it",
                field=f"facts.{fact.name}",
            )
        bad = (column != UNTOLD) & ((column < fact.low) | (column > fact.high))
        if bad.any():
            row = int(np.argmax(bad))
            raise InvalidArgument(
                f"{column[row]} in row {row} is not {fact.low}..{fact.high}",
                field=f"facts.{fact.name}",
            )
