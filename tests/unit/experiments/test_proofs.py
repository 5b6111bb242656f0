"""The proofs of truth and of the long year: their rows by hand, and that they can fail."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.proofs import brake, kills, truth, year
from troth.cli.entry import build
from troth.errors import DataLoss

PAIRS, LIVES = 40, 4000


def lives(chance: float) -> tuple[np.ndarray, np.ndarray]:
    """Rewards of 2 with a chance, and their expectation."""
    rng = np.random.default_rng(3)
    return 2.0 * (rng.random((LIVES, PAIRS)) < chance), np.full(PAIRS, 2.0 * chance)


def test_a_true_expectation_agrees() -> None:
    """The mean of many lives is within its error, and one pair in twenty is beyond two."""
    drawn, expected = lives(0.1)
    row = truth.judged("e", "contact", drawn, expected)
    assert (row.pairs, row.uncertain, row.lives) == (PAIRS, PAIRS, LIVES)
    assert row.lived == pytest.approx(drawn.mean())
    error = drawn.mean(axis=1).std(ddof=1) / LIVES**0.5
    assert row.lived_error == pytest.approx(error)
    assert row.z == pytest.approx((drawn.mean() - 0.2) / error)
    assert abs(row.z) < 3.0
    assert row.beyond_two <= 0.15
    assert row.largest < 4.0


def test_a_wrong_expectation_shows() -> None:
    """One that is a tenth too high for everybody is many standard errors away."""
    drawn, expected = lives(0.1)
    row = truth.judged("e", "contact", drawn, 1.1 * expected)
    assert row.z < -8.0
    assert row.beyond_two > 0.2


def test_pairs_of_one_outcome_are_not_judged_alone() -> None:
    """Whose lives are all alike has no standard error; it still counts in the mean."""
    drawn, expected = lives(0.1)
    drawn[:, 7] = 0.5
    row = truth.judged("e", "no contact", drawn, expected)
    assert (row.pairs, row.uncertain) == (PAIRS, PAIRS - 1)
    assert np.isfinite(row.largest)


def test_truth_is_written_down(tmp_path: Path) -> None:
    """All environments, each with and without a contact, as figures and as a page."""
    rows = truth.agree("coffee", pairs=30, lives=60)
    assert len(rows) == 8
    assert all(abs(row.z) < 5.0 for row in rows)
    page = truth.write(rows, "coffee", tmp_path).read_text()
    assert len([line for line in page.splitlines() if line.startswith("| troth/")]) == 8
    figures = json.loads((tmp_path / "truth.json").read_text())
    assert figures == [row.model_dump() for row in rows]


def cut(digest: str) -> year.Cut:
    """A run of this digest."""
    return year.Cut(
        workers=0, threads=1, shard=10, killed=False, customers=10, days=8,
        customer_days_per_second=5.0, state_bytes=600.0, peak_bytes=2000.0, digest=digest * 64,
    )  # fmt: skip


def test_lives_that_differ_are_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five ways to cut the same lives must end in one digest; the large year has its own."""
    digests = iter("abbbbb" + "abbabb")
    monkeypatch.setattr(year, "_kill_after_a_checkpoint", lambda *_: None)
    monkeypatch.setattr(year, "_finish", lambda *_, killed: cut(next(digests)))
    seen: list[tuple[int, int]] = []
    assert len(year.live_a_year("x", on_progress=lambda *at: seen.append(at))) == 6
    assert seen == [(done, 6) for done in range(7)]
    with pytest.raises(DataLoss, match="not the same"):
        year.live_a_year("x")


@pytest.mark.slow
def test_a_short_year_in_its_own_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed and resumed, cut and not, on Ray and here: one history; a failed run says so."""
    monkeypatch.setattr(year, "RAY_WORKERS", 1)
    ways = year._ways
    monkeypatch.setattr(year, "_ways", lambda *whole: [ways(*whole)[at] for at in (0, 1, 5)])
    cuts = year.live_a_year("coffee", customers=2000, days=24)
    assert {c.killed for c in cuts} == {True, False}
    assert (cuts[0].customers, cuts[0].days, cuts[1].customers, cuts[1].days) == (2000, 24, 200, 6)
    assert "| 2,000 | 24 | 1 |" in year.write(cuts, "coffee", tmp_path).read_text()
    with pytest.raises(DataLoss, match="nowhere"):
        year._finish([*year.TROTH, "live", "nowhere", "--out", str(tmp_path / "o")], tmp_path,
                     killed=False)  # fmt: skip


def test_a_proof_that_there_is_not_is_named() -> None:
    """An unknown name is refused with those there are."""
    result = CliRunner().invoke(build(), ["prove", "--only", "everything"])
    assert result.exit_code != 0
    said = f"{result.output} {result.exception}"
    assert "everything" in said
    assert "truth" in said


def test_the_brake_is_written_down(tmp_path: Path) -> None:
    """A row per state; a time beyond the promise is not kept."""
    row = brake.Stopped(
        state="normal", times=50, last_s=0.4, median_s=0.2, command_s=1.1, taken_up=50, answered=90
    )
    late = row.model_copy(update={"state": "watch jammed", "last_s": brake.PROMISE_S})
    assert (row.kept, late.kept) == (True, False)
    page = brake.write([row, late], tmp_path)
    assert "| normal | 50 | 0.40 | 0.20 | 1.10 | 50 of 50 | 90 |" in page.read_text()
    assert len(json.loads((tmp_path / "brake.json").read_text())) == 2
    assert brake.STATES[0] == "normal"


def test_kills_are_written_down(tmp_path: Path) -> None:
    """A service that went on is told from one that ended, and what was lost stands beside it."""
    row = kills.Killed(
        kind="GCS",
        ended=7,
        gone_s=1.25,
        silent_s=None,
        unanswered=None,
        answered=900,
        lost=0,
        twice=0,
    )
    going_on = row.model_copy(
        update={"kind": "HAProxy", "ended": None, "gone_s": None, "silent_s": 6.31, "unanswered": 2}
    )
    page = kills.write([row, going_on], tmp_path).read_text()
    assert "ends with 7" in page
    assert "6.3" in page
    assert len(json.loads((tmp_path / "kills.json").read_text())) == 2
    assert len(kills.KINDS) == 7
