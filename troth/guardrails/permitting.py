"""What given facts about permissions come to, for whoever asks: a decision, or an audit."""

from __future__ import annotations

from collections.abc import Mapping

from troth.catalogue import Channel
from troth.guardrails.config import CONTACT_CHANNELS

ALL = "all"
"""In place of a channel: every one."""
_BY_NAME = tuple((channel.value, channel) for channel in CONTACT_CHANNELS)
"""Plain text beside each channel: hashing a member of an enumeration takes ten times as long."""


def fold(facts: Mapping[tuple[str, str], str]) -> dict[Channel, bool]:
    """What follows from the facts about one customer; a channel nobody spoke of is absent.

    Args:
        facts: time that each (channel or all, kind) counts from, as text, which orders as
            time does.
    """
    permissions: dict[Channel, bool] = {}
    known = facts.get
    for name, channel in _BY_NAME if facts else ():
        refused = max(known((name, "refused"), ""), known((ALL, "refused"), ""))
        if refused:
            given = max(known((name, "given"), ""), known((ALL, "given"), ""))
            permissions[channel] = given > refused
        elif (
            (name, "given") in facts
            or (name, "stated") in facts
            or (ALL, "given") in facts
            or (ALL, "stated") in facts
        ):
            permissions[channel] = True
    return permissions
