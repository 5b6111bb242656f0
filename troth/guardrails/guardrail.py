"""The seam: what every guardrail is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import NO_CONTACT, Action, Catalogue
from troth.guardrails.columns import FactsBatch
from troth.guardrails.facts import Facts
from troth.guardrails.sections import GuardrailSection
from troth.guardrails.told import ToldFact


@dataclass(frozen=True)
class Refusal:
    """Actions refused for one reason.

    Attributes:
        reason: short slug, e.g. ``no_consent``.
        blocked: bool (n, K), true where the action is refused.
    """

    reason: str
    blocked: NDArray[np.bool_]


class Guardrail(ABC):
    """A pure function from facts to refusals.

    An implementation refuses no more when it knows more in a customer's favour, never
    refuses *no contact*, and treats each row by itself. One with a section is made from it and
    acts where a configuration has it; one without always holds, and only Troth's own may.

    Attributes:
        name: slug under which verdicts are reported, and the section's name.
        section: the type of what it is told; ``None`` if there is nothing and it always holds.
        needs: columns of :class:`~troth.guardrails.columns.FactsBatch` that it reads.
        told: facts beside these that installations are to be told for it.
        goes_by_channel: whether of an action it reads channel and id alone. It can then judge
            one whose catalogue is gone.
    """

    name: ClassVar[str]
    section: ClassVar[type[GuardrailSection] | None] = None
    needs: ClassVar[AbstractSet[str]] = frozenset()
    told: ClassVar[Sequence[ToldFact]] = ()
    goes_by_channel: ClassVar[bool] = False

    # Each takes its own section, or nothing where it has none.
    def __init__(self, *section: Any) -> None:
        super().__init__()

    @property
    def reach(self) -> timedelta:
        """How far from a decision, before and after, a contact can matter to it."""
        return timedelta(0)

    @abstractmethod
    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """What the facts forbid.

        Args:
            catalogue: the K actions.
            facts: n customers.

        Returns:
            One :class:`Refusal` per reason, in a fixed order, with bool (n, K) each.
        """

    def holds_until(self, action: Action, facts: Facts) -> datetime | None:
        """When it will refuse an action it allows now, as far as the clock alone tells.

        Args:
            action: a contact.
            facts: of one customer.

        Returns:
            Aware UTC, after ``facts.decided_at``; ``None`` if no passing of time makes it.
        """
        return None


def by_channel(blocked: NDArray[np.bool_], catalogue: Catalogue) -> NDArray[np.bool_]:
    """Spread bool (n, C) over channels to bool (n, K) over actions, sparing *no contact*."""
    actions: NDArray[np.bool_] = blocked[:, catalogue.channel]
    actions[:, NO_CONTACT] = False
    return actions
