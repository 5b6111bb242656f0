"""The transaction log, from receipts and from a world."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenarios import load
from simulator.validity.transactions import TransactionLog, from_dates, simulate
from simulator.world import World
from troth.errors import InvalidArgument


def test_receipts_of_a_day_are_one_purchase() -> None:
    """Two receipts of one day count once, with the sum of both."""
    day = np.array(["2020-01-01", "2020-01-01", "2020-01-04"], dtype="datetime64[D]")
    log = from_dates(np.array([5, 5, 5]), day, np.array([1.0, 2.0, 4.0]), day[-1])
    assert log.day.tolist() == [0, 3]
    assert log.amount.tolist() == [3.0, 4.0]
    assert log.span.tolist() == [3]


def test_days_count_from_each_first_purchase(log: TransactionLog) -> None:
    """Day 0 is each customer's own first day, and they are observed from there to the end."""
    assert log.day.tolist() == [0, 2, 10, 0, 0, 4]
    assert log.span.tolist() == [14, 12, 13]
    assert log.customers == 3


def test_common_beginning() -> None:
    """With a common first day, days count from it and not from the first purchase."""
    day = np.array(["2017-01-05", "2017-01-09"], dtype="datetime64[D]")
    log = from_dates(np.array([1, 2]), day, np.ones(2), day[1], begin=np.datetime64("2017-01-01"))
    assert log.day.tolist() == [4, 8]
    assert log.span.tolist() == [8, 8]


def test_gaps_last_and_weekday(log: TransactionLog) -> None:
    """Gaps stay within a customer; weekdays are those of the calendar."""
    days, whose = log.gaps()
    assert days.tolist() == [2, 8, 4]
    assert whose.tolist() == [0, 0, 2]
    assert log.last().tolist() == [10, 0, 4]
    # Thursday, Saturday, Sunday; Saturday; Friday, Tuesday.
    assert log.weekday.tolist() == [3, 5, 6, 5, 4, 1]


def test_selection_keeps_customers_whole(log: TransactionLog) -> None:
    """Some customers' log is theirs, numbered anew; a cut log ends earlier for all."""
    some = log.of(np.array([True, False, True]))
    assert some.customer.tolist() == [0, 0, 0, 1, 1]
    assert some.spend().tolist() == [30.0, 10.0]
    cut = log.within(np.array([2, 2, 2]))
    assert cut.count().tolist() == [2, 1, 1]
    assert cut.span.tolist() == [2, 2, 2]


def test_disorder_is_refused() -> None:
    """A log out of order would make wrong gaps silently."""
    one = np.array([0, 0])
    with pytest.raises(InvalidArgument, match="order"):
        TransactionLog(one, np.array([3, 3]), np.ones(2), np.array([9]), np.array([0]))
    with pytest.raises(InvalidArgument, match="different length"):
        TransactionLog(one, np.array([3]), np.ones(2), np.array([9]), np.array([0]))


def test_simulated_log_has_every_purchase_of_the_world() -> None:
    """The log's purchases and spend are those that a twin of the world books, day by day."""
    world = World(load(), 400, 5)
    twin = world.fork()
    log = simulate(world, 30)
    buyers, spend = np.zeros(400, dtype=np.int64), np.zeros(400)
    for _ in range(30):
        today = twin.step(np.zeros(400, dtype=np.int64))
        buyers += today.orders > 0
        spend += today.spend_minor / 100.0
    assert len(log) > 0
    assert np.array_equal(log.count(), buyers)
    assert log.spend() == pytest.approx(spend)
    assert world.day == twin.day


def test_simulated_weekdays_are_the_calendars() -> None:
    """Day 0 of a log from day 7 of a world is the scenario's start plus a week."""
    world = World(load(), 50, 5)
    for _ in range(7):
        world.step(np.zeros(50, dtype=np.int64))
    log = simulate(world, 1)
    assert (log.start == np.datetime64(world.scenario.start, "D").astype(int) + 7).all()
