"""PostgreSQL for tests: one server for a test run, a schema in it for each store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from experiments.benchmarks.postgresql_server import running
from serving.storage import postgresql_shape
from troth.database_url import DatabaseUrl
from troth.errors import NotFound
from troth.types import new_id


def new_store(server: DatabaseUrl) -> DatabaseUrl:
    """An empty schema of its own: much sooner made than another database."""
    import psycopg

    name = f"t{new_id().replace('-', '')}"
    with psycopg.connect(server.secret, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{name}"')
    return DatabaseUrl(f"{server.secret}&options=-csearch_path%3D{name}")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[DatabaseUrl]:
    """The one server of a test run."""
    try:
        with running(durable=False) as server:
            yield server
    except NotFound as error:
        pytest.skip(error.message)


@pytest.fixture
def postgresql(postgresql_server: DatabaseUrl) -> Callable[[], DatabaseUrl]:
    """Makes empty stores."""
    return lambda: new_store(postgresql_server)


def main() -> None:
    """Write down the shape of the schema as the migrations make it."""
    from serving.storage.postgresql import PostgresqlDriver

    path = Path(postgresql_shape.__file__).parent / "migrations" / "postgresql" / "shape.json"
    with running(durable=False) as server:
        driver = PostgresqlDriver(server)
        connection = driver.open()
        driver.upgrade(connection)
        rows = sorted(postgresql_shape.shape(connection))
        connection.close()
    path.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
