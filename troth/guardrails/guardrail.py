"""The seam: what every guardrail is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import NO_CONTACT, Catalogue
from troth.guardrails.columns import FactsBatch


@dataclass(frozen=True)
class Refusal:
    """Actions refused for one reason.

    Attributes:
        reason: short slug, e.g. ``no_consent``.
        blocked: bool (n, K), true where the action is refused.
    """

    reason: str
    blocked: NDArray[np.bool_]


@runtime_checkable
class Guardrail(Protocol):
    """A pure function from facts to refusals.

    An implementation refuses no more when it knows more in a customer's favour, never
    refuses *no contact*, and treats each row by itself.
    """

    @property
    def name(self) -> str:
        """Slug under which verdicts are reported."""
        ...

    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """What the facts forbid.

        Args:
            catalogue: the K actions.
            facts: n customers.

        Returns:
            One :class:`Refusal` per reason, in a fixed order, with bool (n, K) each.
        """
        ...


def by_channel(blocked: NDArray[np.bool_], catalogue: Catalogue) -> NDArray[np.bool_]:
    """Spread bool (n, C) over channels to bool (n, K) over actions, sparing *no contact*."""
    actions: NDArray[np.bool_] = blocked[:, catalogue.channel]
    actions[:, NO_CONTACT] = False
    return actions
