"""The catalogue of actions: the columns of every (n, K) array in Troth.

An action is one (journey, step, offer, channel). Row 0 is always *no contact*. Each action
has a feature vector, so that a policy can score an offer that was added yesterday.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from troth.digests import digest
from troth.errors import InvalidArgument, NotFound


class Channel(StrEnum):
    """How a contact reaches the customer; ``NONE`` is *no contact*."""

    NONE = "none"
    EMAIL = "email"
    PUSH = "push"
    SMS = "sms"
    IN_APP = "in_app"
    WEB = "web"
    POINT_OF_SALE = "point_of_sale"
    CALL_CENTRE = "call_centre"
    PAID_MEDIA = "paid_media"


class OfferKind(StrEnum):
    """What is put before the customer, as the models see it."""

    NONE = "none"
    CONTENT = "content"
    REMINDER = "reminder"
    DISCOUNT = "discount"
    POINTS = "points"
    GIFT = "gift"
    CHALLENGE = "challenge"
    EARLY_ACCESS = "early_access"
    APOLOGY = "apology"


CHANNELS: tuple[Channel, ...] = tuple(Channel)
OFFER_KINDS: tuple[OfferKind, ...] = tuple(OfferKind)
NO_CONTACT = 0
"""Index of *no contact* in every catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One row of the catalogue.

    Attributes:
        action_id: unique, lower-case slug.
        journey: the journey this is a step of; ``none`` for *no contact*.
        step: position within the journey, from 1; 0 for *no contact*.
        offer: name of the offer or message.
        kind: what the offer is.
        channel: how it is sent.
        cost_minor: cost of the contact itself, integer minor units, >= 0.
        discount: share of the basket given away when the customer buys, in [0, 1].
        points: points promised when the customer buys, >= 0.
    """

    action_id: str
    journey: str
    step: int
    offer: str
    kind: OfferKind
    channel: Channel
    cost_minor: int = 0
    discount: float = 0.0
    points: int = 0

    def __post_init__(self) -> None:
        if not self.action_id or self.action_id != self.action_id.lower().strip():
            raise InvalidArgument(
                f"{self.action_id!r} is not a lower-case slug", field="actions.action_id"
            )
        where = f"actions[{self.action_id}]"
        if self.cost_minor < 0:
            raise InvalidArgument(f"{self.cost_minor} is below 0", field=f"{where}.cost_minor")
        if not 0.0 <= self.discount <= 1.0:
            raise InvalidArgument(f"{self.discount} is outside 0..1", field=f"{where}.discount")
        if self.points < 0:
            raise InvalidArgument(f"{self.points} is below 0", field=f"{where}.points")
        if (self.channel is Channel.NONE) != (self.kind is OfferKind.NONE):
            raise InvalidArgument(
                "channel and kind are either both 'none' or neither", field=f"{where}.channel"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values in declaration order, for JSON."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


NO_CONTACT_ACTION = Action(
    action_id="no_contact",
    journey="none",
    step=0,
    offer="none",
    kind=OfferKind.NONE,
    channel=Channel.NONE,
)
"""Row 0 of every catalogue that has no reason to name it otherwise."""


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, StrEnum) else value


@dataclass(frozen=True)
class Catalogue:
    """An ordered set of actions with a digest.

    Raises:
        InvalidArgument: if row 0 is not *no contact*, an id repeats, or a journey is unknown.
    """

    actions: tuple[Action, ...]
    journeys: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.actions or self.actions[NO_CONTACT].channel is not Channel.NONE:
            raise InvalidArgument("row 0 must be the no-contact action", field="actions[0]")
        seen: set[str] = set()
        for row, action in enumerate(self.actions):
            if action.action_id in seen:
                raise InvalidArgument(
                    f"{action.action_id!r} is listed twice", field=f"actions[{row}].action_id"
                )
            seen.add(action.action_id)
            if row and action.channel is Channel.NONE:
                raise InvalidArgument("only row 0 may be no contact", field=f"actions[{row}]")
            if row and action.journey not in self.journeys:
                raise InvalidArgument(
                    f"{action.journey!r} is not one of {', '.join(self.journeys)}",
                    field=f"actions[{row}].journey",
                )

    def __len__(self) -> int:
        return len(self.actions)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the catalogue."""
        return digest(self.to_dict())

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {action.action_id: row for row, action in enumerate(self.actions)}

    def index(self, action_id: str) -> int:
        """Column of ``action_id``; raises :class:`NotFound` if it is not in the catalogue."""
        try:
            return self._rows[action_id]
        except KeyError:
            raise NotFound(f"{action_id!r} is not in the catalogue", field="action_id") from None

    def find(self, action_id: str) -> int | None:
        """Column of ``action_id``, ``None`` if it is not in the catalogue."""
        return self._rows.get(action_id)

    @cached_property
    def channel(self) -> NDArray[np.int64]:
        """int64 (K,): position of each action's channel in :data:`CHANNELS`."""
        return np.array([CHANNELS.index(a.channel) for a in self.actions], dtype=np.int64)

    @cached_property
    def kind(self) -> NDArray[np.int64]:
        """int64 (K,): position of each action's kind in :data:`OFFER_KINDS`."""
        return np.array([OFFER_KINDS.index(a.kind) for a in self.actions], dtype=np.int64)

    @cached_property
    def journey(self) -> NDArray[np.int64]:
        """int64 (K,): position of each action's journey in :attr:`journeys`; -1 for row 0."""
        return np.array(
            [-1, *(self.journeys.index(a.journey) for a in self.actions[1:])], dtype=np.int64
        )

    @cached_property
    def cost_minor(self) -> NDArray[np.int64]:
        """int64 (K,): contact cost in minor units."""
        return np.array([a.cost_minor for a in self.actions], dtype=np.int64)

    @cached_property
    def discount(self) -> NDArray[np.float64]:
        """float64 (K,): share of the basket given away on purchase."""
        return np.array([a.discount for a in self.actions], dtype=np.float64)

    @cached_property
    def points(self) -> NDArray[np.int64]:
        """int64 (K,): points promised on purchase."""
        return np.array([a.points for a in self.actions], dtype=np.int64)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of :attr:`features`."""
        return (
            "contact",
            *(f"channel={c}" for c in CHANNELS[1:]),
            *(f"kind={k}" for k in OFFER_KINDS[1:]),
            *(f"journey={j}" for j in self.journeys),
            "discount_per_10pc",
            "points_per_500",
            "cost_per_unit",
        )

    @cached_property
    def features(self) -> NDArray[np.float64]:
        """float64 (K, A): what a model sees of an action; row 0 is all zero."""
        size = len(self.actions)
        contact = (self.channel > 0).astype(np.float64)[:, None]
        channels = np.eye(len(CHANNELS))[self.channel][:, 1:]
        kinds = np.eye(len(OFFER_KINDS))[self.kind][:, 1:]
        journeys = np.zeros((size, len(self.journeys)))
        journeys[np.arange(1, size), self.journey[1:]] = 1.0
        scalars = np.column_stack(
            (self.discount / 0.1, self.points / 500.0, self.cost_minor / 100.0)
        )
        return np.ascontiguousarray(np.hstack((contact, channels, kinds, journeys, scalars)))

    def candidates(self, triggered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which actions the triggered journeys offer.

        Args:
            triggered: bool (n, J), column order of :attr:`journeys`.

        Returns:
            bool (n, K); column 0 is always true.
        """
        triggered = np.asarray(triggered, dtype=bool)
        if triggered.ndim != 2 or triggered.shape[1] != len(self.journeys):
            raise InvalidArgument(
                f"shape {triggered.shape} is not (n, {len(self.journeys)})", field="triggered"
            )
        mask = np.ones((triggered.shape[0], len(self.actions)), dtype=bool)
        mask[:, 1:] = triggered[:, self.journey[1:]]
        return mask

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "journeys": list(self.journeys),
            "actions": [action.to_dict() for action in self.actions],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Catalogue:
        """Inverse of :meth:`to_dict`; raises :class:`InvalidArgument` naming the bad key."""
        rows: Sequence[Mapping[str, Any]] = data.get("actions", ())
        return cls(
            actions=tuple(_action(row, at) for at, row in enumerate(rows)),
            journeys=tuple(data.get("journeys", ())),
        )


def _action(row: Mapping[str, Any], at: int) -> Action:
    where = f"actions[{at}]"
    unknown = set(row) - set(Action.__slots__)
    if unknown:
        raise InvalidArgument(f"unknown key {sorted(unknown)[0]!r}", field=where)
    try:
        return Action(**{**row, "channel": Channel(row["channel"]), "kind": OfferKind(row["kind"])})
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidArgument(str(error), field=where) from error
