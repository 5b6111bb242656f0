"""Standings: ranks, paired differences and the share of the gap, by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from experiments.runs.leaderboard import changes, standings
from troth.errors import InvalidArgument

TRAINED = {"linear_thompson", "masked_ppo"}


def test_best_first_with_paired_differences(records: SimpleNamespace) -> None:
    """Seeds differ by 1 each, but differences on the same seed do not vary at all."""
    rows = standings(records.played(), trained=TRAINED, level=0.95)
    assert [row.policy for row in rows] == [
        "oracle",
        "linear_thompson",
        "masked_ppo",
        "rfm",
        "uniform",
    ]
    best = rows[1]
    assert best.mean == pytest.approx(17.0)
    assert best.high - best.low > 3.0
    assert best.over_uniform == pytest.approx((5.0, 5.0, 5.0))
    assert best.over_rfm == pytest.approx((3.0, 3.0, 3.0))
    assert best.gap_closed == pytest.approx((0.5, 0.5, 0.5))
    assert best.trained
    assert not rows[0].trained
    assert best.contacts_per_customer == pytest.approx(2.5)
    assert best.seeds == pytest.approx((15.0, 16.0, 17.0, 18.0, 19.0))


def test_a_missing_seed_is_refused(records: SimpleNamespace) -> None:
    """A pair with one half missing is no pair."""
    rows = records.played()
    with pytest.raises(InvalidArgument, match="'oracle' was not played on seed 4"):
        standings(rows[:-1], trained=TRAINED, level=0.95)


def test_no_gap_is_refused(records: SimpleNamespace) -> None:
    """If the oracle is no better than uniform, a share of the gap means nothing."""
    rows = records.played({**records.VALUES, "oracle": 10.0})
    with pytest.raises(InvalidArgument, match="no gap"):
        standings(rows, trained=TRAINED, level=0.95)


def test_changes_are_paired_over_seeds(records: SimpleNamespace) -> None:
    """What differs from seed to seed alike in both is no doubt about the change."""
    before = standings(records.played(), trained=TRAINED, level=0.95)
    found = changes(before, records.guarded().standings, level=0.95)
    assert found["linear_thompson"] == pytest.approx((-2.0, -2.0, -2.0))
    assert found["masked_ppo"][0] == pytest.approx(-0.9)
    assert found["masked_ppo"][1] < -1.0 < found["masked_ppo"][2]
    with pytest.raises(InvalidArgument, match="not the same policies"):
        changes(before[1:], records.guarded().standings, level=0.95)


def test_shares_behind_guardrails_are_of_the_gap_without(records: SimpleNamespace) -> None:
    """Also where guardrails leave the oracle no lead: there is still a table."""
    alone = records.played()
    behind = records.played({**records.VALUES, "oracle": 10.0, "rfm": 11.0})
    with pytest.raises(InvalidArgument, match="no gap to close"):
        standings(behind, trained=TRAINED, level=0.95)
    found = standings(behind, trained=TRAINED, level=0.95, gap_of=alone)
    shares = {row.policy: row.gap_closed[0] for row in found}
    assert shares["linear_thompson"] == pytest.approx(0.5)
    assert shares["oracle"] == pytest.approx(0.0)
    assert next(r for r in found if r.policy == "linear_thompson").over_rfm[0] == pytest.approx(4.0)
