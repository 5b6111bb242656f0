"""What sections of a guardrail configuration are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from troth.catalogue import CHANNELS, Channel

CONTACT_CHANNELS = tuple(c for c in CHANNELS if c is not Channel.NONE)


class GuardrailSection(BaseModel):
    """What one guardrail is told; a key it does not know is refused.

    As it is, the section of a guardrail that has nothing to be told and acts where it is named.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def places(channels: Iterable[Channel]) -> tuple[int, ...]:
    """Positions of ``channels`` in the one order there is, each once."""
    return tuple(sorted({CHANNELS.index(channel) for channel in channels}))


def _in_order(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    if Channel.NONE in channels:
        raise ValueError(f"{Channel.NONE} is no channel of a contact: no guardrail refuses it")
    return tuple(CHANNELS[at] for at in places(channels))


Channels = Annotated[tuple[Channel, ...], AfterValidator(_in_order)]
"""A set of channels of contacts, written in one order, so that it has one digest."""
