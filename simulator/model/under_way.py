"""What a contact has set under way, packed into one int32 of a customer.

A click with the visit that follows it, or a visit alone (kind :data:`VISIT_ONLY`):

    bits 13 and above   the day on which it lands
    bits 8 to 12        days from there to the visit, plus one; 0 if none follows
    bits 4 to 7         channel
    bits 0 to 3         kind of offer

A word of 0 is a free slot. A purchase that will land has its category in the lowest eight bits
of its *place*, and its store above them.
"""

from __future__ import annotations

from typing import Any

from simulator.compiled.kernel import compiled

DAY_SHIFT, VISIT_SHIFT, CHANNEL_SHIFT = 13, 8, 4
VISIT_MASK, NIBBLE = 31, 15
VISIT_ONLY = NIBBLE
"""Kind of a visit that no click precedes; no kind of offer has this code."""
LONGEST_PAUSE = VISIT_MASK - 1
"""Days from a click to its visit; what would come later comes then."""
STORE_SHIFT, CATEGORY_MASK = 8, 255


@compiled
def click(day: Any, visit: Any, channel: Any, kind: Any) -> Any:
    """A click that lands on ``day``; ``visit`` is the pause before its visit plus one, or 0."""
    return (day << DAY_SHIFT) + (visit << VISIT_SHIFT) + (channel << CHANNEL_SHIFT) + kind


@compiled
def visit_alone(day: Any) -> Any:
    """A visit on ``day`` that no click precedes, or none any more."""
    return click(day, 1, 0, VISIT_ONLY)


@compiled
def lands(packed: Any) -> Any:
    """The day on which it lands."""
    return packed >> DAY_SHIFT


@compiled
def visit_of(packed: Any) -> Any:
    """Days from there to the visit, plus one; 0 if none follows."""
    return (packed >> VISIT_SHIFT) & VISIT_MASK


@compiled
def channel_of(packed: Any) -> Any:
    """Code of the channel."""
    return (packed >> CHANNEL_SHIFT) & NIBBLE


@compiled
def kind_of(packed: Any) -> Any:
    """Code of the kind of offer, or :data:`VISIT_ONLY`."""
    return packed & NIBBLE


@compiled
def place(category: Any, store: Any) -> Any:
    """Where a purchase that will land is made."""
    return category + (store << STORE_SHIFT)


@compiled
def category_of(where: Any) -> Any:
    """The category of a place."""
    return where & CATEGORY_MASK


@compiled
def store_of(where: Any) -> Any:
    """The store of a place."""
    return where >> STORE_SHIFT
