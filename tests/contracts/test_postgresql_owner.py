"""What the owner of a PostgreSQL server may do with it: restarts, limits, defaults, rights."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from serving.installation import create
from serving.storage.database import Database
from troth.cli.entry import build
from troth.database_url import DatabaseUrl
from troth.errors import DataLoss, NotFound, Unavailable

Fresh = Callable[[], DatabaseUrl]


def hang_up(url: DatabaseUrl) -> None:
    """What a restart does to connections that are idle."""
    with psycopg.connect(url.secret, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'troth' AND pid <> pg_backend_pid()"
        )


def test_a_restart_between_transactions_costs_none(tmp_path: Path, postgresql: Fresh) -> None:
    """Nothing was under way: the next one begins on a new connection."""
    url = postgresql()
    database = Database(url, home=tmp_path)
    hang_up(url)
    with database.write() as unit:
        assert unit.registry.bump() == 1
    hang_up(url)
    with database.read() as unit:
        assert unit.registry.generation() == 1
    database.close()


def test_a_transaction_that_the_server_ends_is_unavailable(
    tmp_path: Path, postgresql: Fresh
) -> None:
    """Its owner may forbid idle ones; nothing is damaged then."""
    url = DatabaseUrl(f"{postgresql().secret}%20-cidle_in_transaction_session_timeout%3D50")
    database = Database(url, home=tmp_path)

    def idle() -> None:
        with database.write() as unit:
            time.sleep(0.3)
            unit.registry.bump()

    with pytest.raises(Unavailable, match="idle-in-transaction"):
        idle()
    with database.write(patience_s=30) as unit:
        assert unit.registry.bump() == 1
    database.close()


def test_a_writer_sees_what_was_committed_while_it_waited(
    tmp_path: Path, postgresql: Fresh
) -> None:
    """Whichever isolation is the server's default."""
    url = DatabaseUrl(
        f"{postgresql().secret}%20-cdefault_transaction_isolation%3Drepeatable%5C%20read"
    )
    database, other = (Database(url, home=tmp_path) for _ in range(2))

    def bump() -> int:
        try:
            with other.write() as unit:
                return unit.registry.bump()
        finally:
            other.close()

    with ThreadPoolExecutor(1) as pool:
        with database.write() as unit, psycopg.connect(url.secret, autocommit=True) as looking:
            later = pool.submit(bump)
            waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while looking.execute(waiting).fetchone() is None:
                assert not later.done()
            assert unit.registry.bump() == 1
        assert later.result() == 2
    database.close()
    other.close()


@pytest.mark.parametrize(
    ("statements", "options", "error", "told"),
    [
        ((), "-csearch_path%3Dnowhere", DataLoss, "takes none: no schema"),
        (("CREATE TABLE alembic_version (x int)",), "", DataLoss, "version_num"),
        (("CREATE ROLE {role}",), "-crole%3D{role}", DataLoss, "takes none: no schema"),
        (
            ("CREATE ROLE {role}", "GRANT USAGE ON SCHEMA {schema} TO {role}"),
            "-crole%3D{role}", Unavailable, "denied",
        ),
        (
            ("CREATE TABLE alembic_version (version_num text)", "CREATE ROLE {role}",
             "GRANT USAGE ON SCHEMA {schema} TO {role}"),
            "-crole%3D{role}", Unavailable, "may not be read",
        ),
    ],
)  # fmt: skip
def test_a_schema_that_is_not_ours_to_use_is_refused_in_one_line(
    tmp_path: Path,
    postgresql: Fresh,
    statements: tuple[str, ...],
    options: str,
    error: type[Exception],
    told: str,
) -> None:
    """Whether it is missing, somebody else's, or closed to the role."""
    url = postgresql()
    with psycopg.connect(url.secret, autocommit=True) as owner:
        (schema,) = owner.execute("SELECT current_schema()").fetchone() or ()
        names = {"schema": schema, "role": f"role_{schema}"}
        for statement in statements:
            owner.execute(statement.format(**names))
    at = DatabaseUrl(f"{url.secret}%20{options.format(**names)}")
    with pytest.raises(error, match=told) as refused:
        Database(at, home=tmp_path)
    assert "\n" not in str(refused.value)


def test_only_a_board_makes_a_store(
    tmp_path: Path, postgresql: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL that leads to an empty schema is no installation for any other command."""
    home, url = tmp_path / "home", postgresql()
    create(home, postgresql())
    monkeypatch.setenv("TROTH_DATABASE", url.secret)
    for line in (["registry"], ["audit", "verify"], ["schema", "show"], ["proposals", "list"]):
        done = CliRunner().invoke(build(line[0]), [*line, "--home", str(home)])
        assert isinstance(done.exception, NotFound), (line, done.output, done.exception)
    CliRunner().invoke(build("pause"), ["pause", "--all", "--home", str(home)])
    assert list((home / "stops").iterdir())
    with psycopg.connect(url.secret) as looking:
        query = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
        assert looking.execute(query).fetchone() == (0,)
