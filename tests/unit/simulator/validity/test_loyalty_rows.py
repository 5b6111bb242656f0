"""The pull of a goal on twins, and breakage from a ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from simulator.scenarios import load
from simulator.validity import loyalty_rows
from simulator.validity.populations import rested
from simulator.validity.study import Study


@dataclass
class _Flows:
    """Points since the beginning."""

    redeemed: int
    expired: int


@dataclass
class _Till:
    """A world that only keeps a ledger: 3 points redeemed a day, later 1 expires as well."""

    size: int = 2
    day: int = 0
    stepped: list[int] = field(default_factory=list)

    def step(self, actions: np.ndarray) -> None:
        assert not actions.any()
        self.day += 1

    def ledger(self) -> _Flows:
        late = max(self.day - loyalty_rows.SETTLING_DAYS, 0)
        return _Flows(redeemed=3 * self.day, expired=late)


def test_breakage_counts_the_years_after_settling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One point expires for three redeemed once points are old enough: a quarter."""
    monkeypatch.setattr(loyalty_rows, "rested", lambda _study, part: _Till())
    row = loyalty_rows.breakage_row(Study(load(), 500, 1, tmp_path))
    assert row.simulated == 0.25
    assert row.inside


def test_no_gradient_no_pull(tmp_path: Path) -> None:
    """Twins with a challenge that pulls nobody spend alike, to the last bit; else they do not."""
    busy = load().replace(
        population={"tenure_days_max": 120},
        channels={
            name: {**section.model_dump(), "clicked": 0.5, "opened": 0.9, "reach": 1.0}
            for name, section in load().channels.items()
        },
    )
    for gradient, pulls in ((0.0, False), (0.2, True)):
        scenario = busy.replace(challenges={"goal_gradient": gradient})
        study = Study(scenario, 600, 4, tmp_path)
        pull = loyalty_rows.goal_pull(rested(study), study)
        assert pull.twin.sum() > 0.0
        if pulls:
            assert 1.005 < pull.near.sum() / pull.twin.sum() < 1.3
        else:
            assert pull.near == pytest.approx(pull.twin)
