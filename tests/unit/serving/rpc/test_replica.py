"""A replica without a transport: what it needs to start, what it says, when it is not well."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.policies.uniform import NeverContact, UniformPolicy
from serving.governance import braking, presence
from serving.governance.uptake import await_uptake
from serving.rpc.replica import Replica
from tests.support.decisions import customers, request
from tests.support.installations import Installation
from troth.errors import DataLoss, NotFound, Unavailable
from troth.settings import Settings
from troth.types import Role, ServedBy


@pytest.fixture
def one(tmp_path: Path) -> Installation:
    """A model and a baseline at ``daily``, and a customer who permits everything."""
    made = Installation(tmp_path / "home", model_budget_ms=5000.0)
    made.activate(made.save(UniformPolicy()), Role.MODEL)
    made.activate(made.save(NeverContact()), Role.BASELINE)
    customers(made.database, "C1", "C2")
    return made


@pytest.fixture
def replica(one: Installation) -> Iterator[Replica]:
    """One on it."""
    running = Replica(one.settings)
    yield running
    running.close()


def test_a_pause_is_taken_up_and_obeyed(one: Installation, replica: Replica) -> None:
    """The command knows; the next answer is the baseline's, and a person's pause is well."""
    now = datetime.now(UTC)
    first = replica.pipeline.decide(request("C1", decided_at=None))
    assert first.served_by is ServedBy.MODEL
    braked = braking.pause(one.settings.home, "daily", now=now, by="test")
    assert await_uptake(one.settings.home, braked.names, within_s=10.0).took_up == 1
    assert replica.pipeline.decide(request("C2", decided_at=None)).served_by is ServedBy.BASELINE
    assert replica.health() == ()
    (seen,) = presence.living(one.settings.home)
    assert [a["role"] for a in seen.standing["daily"]["answerers"]] == ["baseline"]


def test_nobody_is_contacted_once_the_store_is_another(
    one: Installation, replica: Replica, tmp_path: Path
) -> None:
    """Reading and writing end, health says why, and the check of the replica fails."""
    copy = tmp_path / "restored.db"
    copy.write_bytes(one.database.path.read_bytes())
    copy.replace(one.database.path)
    with pytest.raises(Unavailable, match="replaced"):
        replica.pipeline.decide(request("C1"))
    with pytest.raises(Unavailable):
        replica.check()
    assert "store_replaced" in replica.health()


def test_a_replica_leaves_when_it_ends(one: Installation) -> None:
    """Commands do not wait for one that is gone."""
    running = Replica(one.settings)
    assert len(presence.living(one.settings.home)) == 1
    running.close()
    assert presence.living(one.settings.home) == ()


def test_a_store_that_is_not_ours_is_not_served(one: Installation, tmp_path: Path) -> None:
    """A foreign trigger is refused at the start, as is a folder that is no installation."""
    with one.database.write() as connection:
        connection.execute(
            "CREATE TRIGGER x BEFORE INSERT ON audit BEGIN SELECT RAISE(IGNORE); END"
        )
    with pytest.raises(DataLoss, match="'x' is not ours"):
        Replica(one.settings)
    with pytest.raises(NotFound):
        Replica(Settings(home=tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_an_empty_registry_is_not_well(tmp_path: Path) -> None:
    """Who has nothing to serve does not say that all is well."""
    running = Replica(Installation(tmp_path / "home").settings)
    assert running.health() == ("nothing_active",)
    running.close()
