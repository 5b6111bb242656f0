"""What is under way comes out of its word as it went in."""

from __future__ import annotations

import itertools

import numpy as np

from simulator.model import under_way
from simulator.state.codes import C
from troth.catalogue import OFFER_KINDS

LAST_DAY = 100 * 365


def test_a_click_comes_out_as_it_went_in() -> None:
    """For every channel, kind and pause, on the first and on the last day, within an int32."""
    for day, visit, channel, kind in itertools.product(
        (0, 1, LAST_DAY),
        range(under_way.LONGEST_PAUSE + 2),
        range(1, C),
        range(1, len(OFFER_KINDS)),
    ):
        packed = np.int32(under_way.click(day, visit, channel, kind))
        assert packed != 0
        assert under_way.lands(packed) == day
        assert under_way.visit_of(packed) == visit
        assert under_way.channel_of(packed) == channel
        assert under_way.kind_of(packed) == kind
        assert under_way.kind_of(packed) != under_way.VISIT_ONLY


def test_a_visit_alone_is_no_click() -> None:
    """It lands on its day, and is told from a click by its kind."""
    packed = np.int32(under_way.visit_alone(LAST_DAY))
    assert under_way.lands(packed) == LAST_DAY
    assert under_way.visit_of(packed) == 1
    assert under_way.kind_of(packed) == under_way.VISIT_ONLY


def test_a_place_comes_out_as_it_went_in() -> None:
    """For every category and store there may be."""
    for category, store in itertools.product(range(16), range(3)):
        where = np.int32(under_way.place(category, store))
        assert (under_way.category_of(where), under_way.store_of(where)) == (category, store)
