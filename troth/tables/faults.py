"""What is wrong with a table, told all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from troth.errors import InvalidArgument

MOST_FAULTS = 20
"""Faults told one by one."""
MOST_KEPT = 10_000
"""Faults of a kind kept for who asks for all; a wrong column has as many as the file has rows."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A wrong cell or row.

    Attributes:
        source: position of the file among those read together.
        line: of the file.
        where: ``FILE:LINE`` or ``FILE:LINE:COLUMN``.
        what: the value, and why it cannot be.
    """

    source: int
    line: int
    where: str
    what: str


@dataclass(slots=True)
class Faults:
    """Faults found so far.

    Attributes:
        found: the first of each kind.
        more: how many beyond those.
    """

    found: list[Fault] = field(default_factory=list)
    more: int = 0

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, faults: Sequence[Fault], rest: int = 0) -> None:
        """Add ``faults``, and ``rest`` like them that need not be told."""
        kept = faults[:MOST_KEPT]
        self.found += kept
        self.more += rest + len(faults) - len(kept)

    def refuse(self) -> None:
        """Raise if there are any, in the order of the file.

        Raises:
            InvalidArgument: ``FILE:LINE:COLUMN: 'VALUE' WHY; ...; and N more``, and all that are
                kept one by one.
        """
        if not self.found:
            return
        ordered = sorted(self.found)
        first = ordered[0]
        told = [f"{fault.where}: {fault.what}" for fault in ordered]
        error = InvalidArgument(
            listed([first.what, *told[1:]], self.more), field=first.where, faults=told
        )
        error.unlisted = self.more
        raise error


def listed(faults: Sequence[str], more: int = 0) -> str:
    """Faults in one line, the first few of them in full; ``more`` are known beyond those."""
    more += max(0, len(faults) - MOST_FAULTS)
    return "; ".join(faults[:MOST_FAULTS]) + (f"; and {more:,} more" if more > 0 else "")
