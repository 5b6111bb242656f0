"""A store in PostgreSQL: an installation lives in it, and its failures have names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from agents.artifacts.artifact import ArtifactStore
from agents.policies.uniform import NeverContact, UniformPolicy
from serving.audit import audit_log
from serving.decisioning.replay import replay
from serving.governance import braking
from serving.rpc.replica import Replica
from serving.storage.database import Database
from tests.support.decisions import ALL_CHANNELS, Bench, customers, request
from tests.support.installations import Installation
from tests.support.looks import policies, roles
from tests.unit.serving.customers import test_other_contacts as other_contacts
from tests.unit.serving.decisioning import test_outcomes as outcomes
from tests.unit.serving.decisioning import test_pipeline as pipeline
from troth.cli.entry import build
from troth.database_url import DatabaseUrl
from troth.errors import DataLoss, InvalidArgument, Unavailable
from troth.settings import Settings
from troth.types import Outcome, OutcomeKind, Role, ServedBy, new_id

Fresh = Callable[[], DatabaseUrl]


@pytest.fixture
def bench(tmp_path: Path, postgresql: Fresh) -> Iterator[Callable[..., Bench]]:
    """Makes benches on databases of their own: the tests of decisions above run on these."""
    made: list[Bench] = []

    def make(**changes: Any) -> Bench:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Bench(folder, where=postgresql(), **changes))
        return made[-1]

    yield make
    for one in made:
        one.close()


# What decisions rest on the store for, as the tests of SQLite have it.
test_repeated_request_gets_the_stored_answer = pipeline.test_repeated_request_gets_the_stored_answer
test_request_id_with_other_content_is_refused = (
    pipeline.test_request_id_with_other_content_is_refused
)
test_same_request_fifty_times_at_once_is_one_decision = (
    pipeline.test_same_request_fifty_times_at_once_is_one_decision
)
test_last_contact_is_granted_once_among_threads = (
    pipeline.test_last_contact_is_granted_once_among_threads
)
test_same_action_is_granted_once_a_day = pipeline.test_same_action_is_granted_once_a_day
test_missing_consent_means_no_contact = pipeline.test_missing_consent_means_no_contact
test_each_group_has_one_audit_row_over_its_records = (
    pipeline.test_each_group_has_one_audit_row_over_its_records
)
test_outcome_counts_once = outcomes.test_outcome_counts_once
test_outcome_id_with_other_content_is_refused = (
    outcomes.test_outcome_id_with_other_content_is_refused
)
test_opt_out_holds_for_the_next_decision = outcomes.test_opt_out_holds_for_the_next_decision
test_opt_out_is_not_lost_because_of_a_clock = outcomes.test_opt_out_is_not_lost_because_of_a_clock
test_opt_out_needs_no_decision_where_it_names_the_customer = (
    outcomes.test_opt_out_needs_no_decision_where_it_names_the_customer
)
test_own_push_in_the_log_is_one_contact = other_contacts.test_own_push_in_the_log_is_one_contact
test_row_elsewhere_counts_under_the_cap = other_contacts.test_row_elsewhere_counts_under_the_cap


@pytest.fixture
def installed(
    tmp_path: Path, postgresql: Fresh, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """An installation whose store is where the variable says."""
    monkeypatch.setenv("TROTH_DATABASE", postgresql().secret)
    one = Installation(tmp_path / "home", model_budget_ms=5000.0)
    one.activate(one.save(UniformPolicy()), Role.MODEL)
    one.activate(one.save(NeverContact()), Role.BASELINE)
    yield one
    one.database.close()


def told(*line: str) -> Any:
    """What a command says as JSON."""
    done = CliRunner().invoke(build(line[0]), [*line, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def test_an_installation_lives_in_it(installed: Installation) -> None:
    """Governance, decisions, outcomes, replay, a stop and its end: by the same commands."""
    home = str(installed.settings.home)
    now = datetime.now(UTC)
    customers(installed.database, "C1", "C2", permissions=ALL_CHANNELS, now=now)
    replica = Replica(installed.settings)
    made = [
        replica.pipeline.decide(request(f"C{1 + i % 2}", decided_at=datetime.now(UTC)))
        for i in range(6)
    ]
    assert {one.served_by for one in made} == {ServedBy.MODEL}
    purchase = Outcome(
        outcome_id=new_id(),
        decision_id=made[0].decision_id,
        kind=OutcomeKind.PURCHASED,
        value_minor=500,
        occurred_at=datetime.now(UTC),
    )
    assert replica.pipeline.record_outcome(purchase).first_time
    assert replica.health() == ()
    replica.close()
    store = ArtifactStore(installed.settings.artifacts)
    assert all(replay(installed.database, store, one.decision_id).identical for one in made)
    assert not (installed.settings.home / "troth.db").exists()
    assert told("pause", "daily", "--home", home)["generation"] == 3
    assert roles(policies(installed)) == [ServedBy.BASELINE]
    braking.resume(installed.database, "daily", verifier=installed.verifier, now=now, by="tests")
    assert roles(policies(installed)) == [ServedBy.MODEL, ServedBy.BASELINE]
    assert told("audit", "verify", "--home", home)["ok"]
    assert told("migrate", "--home", home)["changed"] is False
    assert {row["role"] for row in told("registry", "--home", home)["activations"]} == {
        "model", "baseline",
    }  # fmt: skip


def tampered(database: Database, *statements: str) -> None:
    """What the owner of the tables can do."""
    with database.write() as unit:
        for statement in statements:
            unit.execute(statement)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "ALTER TABLE audit DISABLE TRIGGER audit_no_delete",
            "trigger 'audit_no_delete' was changed",
        ),
        ("DROP TRIGGER audit_no_update ON audit", "trigger 'audit_no_update' is gone"),
        ("CREATE RULE r AS ON INSERT TO audit DO INSTEAD NOTHING", "rule 'r' is not ours"),
        ("CREATE VIEW v AS SELECT 1", "view 'v' is not ours"),
        ("ALTER TABLE votes ENABLE ROW LEVEL SECURITY", "table 'votes' was changed"),
        ("ALTER TABLE votes ADD COLUMN extra text", "table 'votes' was changed"),
        ("DROP INDEX contacts_granted_once", "index 'contacts_granted_once' is gone"),
        ("ALTER TABLE votes DROP CONSTRAINT votes_vote_check", "'votes_vote_check' is gone"),
        (
            "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN RETURN NULL; END'",
            "trigger 'audit_no_delete' was changed",
        ),
    ],
)
def test_a_schema_that_was_tampered_with_is_found(
    tmp_path: Path, postgresql: Fresh, statement: str, found: str
) -> None:
    """Whatever could change an answer or leave the log open."""
    database = Database(postgresql(), home=tmp_path)
    database.require_own_schema()
    tampered(database, statement)
    assert any(found in message for message in database.foreign())
    with pytest.raises(DataLoss):
        database.require_own_schema()
    assert not audit_log.verify(database).ok
    database.close()


def test_a_trigger_that_swallows_is_data_loss(tmp_path: Path, postgresql: Fresh) -> None:
    """The row that is not there is missed at once."""
    database = Database(postgresql(), home=tmp_path)
    tampered(
        database,
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER swallow BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION swallow()",
    )
    with pytest.raises(DataLoss, match="swallows"), database.write() as unit:
        audit_log.append(unit, "serving.loaded", {})  # type: ignore[arg-type]
    database.close()


def test_a_lost_connection_is_unavailable_and_the_next_one_works(
    tmp_path: Path, postgresql: Fresh
) -> None:
    """As after a restart of the server: nothing is half written."""
    url = postgresql()
    database = Database(url, home=tmp_path)

    def lose(*, goes_on: bool) -> None:
        with psycopg.connect(url.secret, autocommit=True) as other, database.write() as unit:
            unit.registry.bump()
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'troth'"
            )
            if goes_on:
                unit.registry.bump()

    for goes_on in (True, False):
        with pytest.raises(Unavailable):
            lose(goes_on=goes_on)
        assert database.unwritable
        with database.write() as unit:
            assert unit.registry.bump() == 2 - goes_on
        assert not database.unwritable
    database.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:hunter2@127.0.0.1:1/troth",
        "postgresql://ann:hunter2@nowhere.invalid/troth",
    ],
)
def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path, url: str) -> None:
    """And the line that says so has no password in it."""
    with pytest.raises(Unavailable, match="cannot be reached") as refused:
        Database(DatabaseUrl(url), home=tmp_path)
    assert "hunter2" not in str(refused.value)


def test_what_the_server_refuses_is_not_shown_either(tmp_path: Path, postgresql: Fresh) -> None:
    """A database that is not there, or options that are none."""
    real = postgresql().secret.replace("troth@", "troth:hunter2@")
    for url in (real.replace("/postgres?", "/nothing?"), f"{real}&sslmodus=hunter2"):
        with pytest.raises((Unavailable, InvalidArgument)) as refused:
            Database(DatabaseUrl(url), home=tmp_path)
        assert "hunter2" not in str(refused.value)


def test_a_stop_does_not_wait_for_the_server(
    tmp_path: Path, installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in force, and recorded when the store can be reached."""
    monkeypatch.setenv("TROTH_DATABASE", "postgresql://ann@127.0.0.1:1/troth")
    home = installed.settings.home
    done = braking.pause(home, "daily", now=datetime.now(UTC), by="tests")
    assert done.generation is None
    assert (home / "stops" / "point.daily").exists()


def test_text_that_it_cannot_hold_is_an_invalid_argument(tmp_path: Path, postgresql: Fresh) -> None:
    """PostgreSQL's text has no zero in it."""
    database = Database(postgresql(), home=tmp_path)
    with pytest.raises(InvalidArgument, match="cannot hold"), database.write() as unit:
        unit.registry.put_state("daily", "a\0b", "")
    database.close()


def test_two_stores_of_a_database_do_not_wait_for_each_other(
    tmp_path: Path, postgresql: Fresh
) -> None:
    """Their writers have locks of their own."""
    one, other = (Database(postgresql(), home=tmp_path) for _ in range(2))
    with one.write() as unit, other.write(patience_s=0.01) as beside:
        assert unit.registry.bump() == beside.registry.bump() == 1
    one.close()
    other.close()


def test_settings_mean_the_store(installed: Installation) -> None:
    """The variable is what every command of the test above went by."""
    assert isinstance(Settings(home=installed.settings.home).database, DatabaseUrl)
