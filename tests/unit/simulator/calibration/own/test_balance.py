"""An experiment that was none is said to be none."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.calibration.hillstrom import EmailTrial
from simulator.calibration.own.balance import warn_of_imbalance
from simulator.calibration.own.world import fit_own
from tests.support import own_files as made


def test_arms_that_the_firm_chose_are_told() -> None:
    """Contacts went to those who spend: their lift is not the contact's."""
    rng = np.random.default_rng(4)
    bought, trial = made.transactions(rng, 400), made.responses(rng, 2000)
    columns = {"responses.arm": "group", "control": "none"}
    at_random = fit_own(bought, trial, columns=columns, process="bg_nbd")
    assert not [w for w in at_random.warnings if w.startswith("responses:")]
    trial["group"] = np.where(trial["history"] > 150, "letter", "none")
    chosen = fit_own(bought, trial, columns=columns, process="bg_nbd")
    (warning,) = (w for w in chosen.warnings if w.startswith("responses:"))
    assert "differ in history by" in warning
    assert "recency" not in warning
    assert "not given at random" in warning


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_not_taken_for_choice(seed: int) -> None:
    """Arms drawn at random, of very different size, and a history with a long tail."""
    rng = np.random.default_rng(seed)
    rows = 3000
    warnings: list[str] = []
    trial = EmailTrial(
        recency=rng.integers(1, 13, rows).astype(np.float64),
        history=np.exp(rng.normal(4.0, 2.0, rows)),
        emailed=rng.random(rows) < 0.03,
        visited=rng.random(rows) < 0.2,
        converted=np.zeros(rows, dtype=np.bool_),
    )
    warn_of_imbalance(trial, warnings)
    assert not warnings


def test_a_share_of_visitors_counts_its_own_arms() -> None:
    """The rows beside a conversion are the visitors of that arm, not of both."""
    rng = np.random.default_rng(8)
    trial = made.responses(rng, 6000)
    columns = {"responses.arm": "group", "control": "none"}
    result = fit_own(made.transactions(rng, 300), trial, columns=columns, process="bg_nbd")
    rows = {e.key: e.origin.rows for e in result.found}
    for key, arm in (("email", "letter"), ("none", "none")):
        visitors = int(trial.loc[trial["group"] == arm, "visit"].sum())
        assert rows[f"email.conversion_given_visit_{key}"] == visitors
