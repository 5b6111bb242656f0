"""The proof of reproducibility: what it compares, by hand, and that it can fail."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.proofs import reproducible
from experiments.proofs.reproducible import LAST_BIT, agree, described, shared_digits
from experiments.runs.config import load


@pytest.mark.parametrize(
    ("one", "other", "digits"),
    [
        ([1.0, -2.0], [1.0, -2.0], LAST_BIT),
        ([2.17], [2.19], 2),
        ([1.0, 0.123456], [1.0, 0.123466], 4),
        ([0.0], [1e-9], 0),
        ([1.0], [1.0 + 2**-52], 15),
        ([-1.0], [1.0], 0),
        ([], [], LAST_BIT),
    ],
)
def test_leading_digits(one: list[float], other: list[float], digits: int) -> None:
    """The least agreeing pair counts; a difference in the last bit is one."""
    assert shared_digits(one, other) == digits


def test_a_difference_is_found(records: SimpleNamespace, tmp_path: Path) -> None:
    """Other weights and another value show in their cells, and in no other."""
    results = records.results()
    best, *rest = results.standings
    trained = [
        row.model_copy(update={"digest": "f" * 64})
        if (row.learner, row.seed_index) == ("masked_ppo", 3)
        else row
        for row in results.trained
    ]
    moved = results.model_copy(
        update={
            "standings": (best.model_copy(update={"mean": best.mean * 1.0001}), *rest),
            "trained": tuple(trained),
        }
    )
    plain, again = described("plain", results), described("plain, again", results)
    older = described("plain, older", moved)
    found = reproducible.Reproduced(
        size=reproducible.size_of(load("reference")),
        runs=(plain, again, older),
        agreements=(agree(plain, again), agree(plain, older)),
        slower=1.25,
    )
    same, different = found.agreements
    assert set(same.digits.values()) == {LAST_BIT}
    assert same.artifacts == {"linear_thompson": (5, 5), "masked_ppo": (5, 5)}
    assert different.artifacts == {"linear_thompson": (5, 5), "masked_ppo": (4, 5)}
    unlike = {figure: n for figure, n in different.digits.items() if n != LAST_BIT}
    assert unlike == {"One-step oracle": 4}
    text = reproducible.write(found, tmp_path).read_text(encoding="utf-8")
    assert "| weights of Masked PPO | 5 of 5 | 4 of 5 |" in text
    assert "| value of One-step oracle | same | 4 digits |" in text
    assert "1.25 times" in text
    assert "280,000 logged decisions and of 4,000 customers for 28 days" in text


def test_the_short_run_has_every_learner() -> None:
    """It is short in what costs time, and reproducible."""
    config = load("reference")
    short = reproducible.shortened(config)
    assert [row.name for row in short.learners] == [row.name for row in config.learners]
    assert short.reproducible
    assert short.log.customers < config.log.customers


def test_older_runs_differ_from_the_others_in_nothing_but_kernels() -> None:
    """The plain older run is held by every variable but those that the mode alone sets."""
    plans = reproducible.environments()
    assert plans["plain"] == plans["plain, again"] == {}
    assert plans["reproducible, older"].keys() > plans["reproducible"].keys()
    assert "MKL_CBWR" not in plans["plain, older"]
    assert plans["plain, older"]["OPENBLAS_CORETYPE"] == "Nehalem"
