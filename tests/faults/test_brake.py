"""The brake on a real service: each state once, with the promise of two seconds itself.

The proof (`make prove`) does the same fifty times with figures.
"""

from __future__ import annotations

import pytest

from experiments.proofs import brake

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(400)]


LOCKED_S = 8.0
"""Four times what is promised; whoever waits for the store waits all of it."""


@pytest.fixture(scope="module")
def stopped() -> dict[str, brake.Stopped]:
    """What came of every state."""
    with pytest.MonkeyPatch.context() as short:
        short.setattr(brake, "LOCK_S", LOCKED_S)
        return {row.state: row for row in brake.brake(times=2, weathered=1)}


@pytest.mark.parametrize("state", [*brake.STATES])
def test_the_model_stops_in_every_state(stopped: dict[str, brake.Stopped], state: str) -> None:
    """No answer of the model later than promised, and the command knew that it held."""
    row = stopped[state]
    assert row.kept, row
    assert row.taken_up == row.times, row
    assert row.answered > 0, "there was no load"
