"""Whatever bytes are written into the registry, the rows beside them go on and can be stopped."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.policies.uniform import NeverContact, UniformPolicy
from serving.decisioning.approved import ApprovedPolicies
from serving.governance import decision_points
from tests.support.installations import Installation
from tests.support.looks import policies, roles
from troth.digests import canonical_json
from troth.types import Role, ServedBy

cells = st.one_of(
    st.sampled_from([b"daily", b"model", b"baseline", b"*", b"paused", b"running", b"null", b"{}"]),
    st.binary(max_size=12),
)


@pytest.fixture(scope="module")
def one() -> Iterator[Installation]:
    """A model and a baseline at ``daily``."""
    with tempfile.TemporaryDirectory() as folder:
        made = Installation(Path(folder) / "home")
        made.activate(made.save(UniformPolicy()), Role.MODEL)
        made.activate(made.save(NeverContact()), Role.BASELINE)
        yield made


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    point=cells.filter(lambda cell: cell != b"daily"),
    role=cells,
    at=cells,
    state=cells,
    statement=cells,
)
def test_bad_rows_cost_themselves(
    one: Installation, point: bytes, role: bytes, at: bytes, state: bytes, statement: bytes
) -> None:
    """A row of any bytes in three tables: the watch looks, model and baseline stay, or stop."""
    source: ApprovedPolicies = policies(one)
    with one.database.write() as connection:
        connection.execute("PRAGMA defer_foreign_keys=ON")
        connection.execute("INSERT INTO proposals VALUES ('x', CAST(? AS TEXT))", (statement,))
        connection.execute(
            "INSERT INTO activations"
            " VALUES (CAST(? AS TEXT), CAST(? AS TEXT), 'x', CAST(? AS TEXT))",
            (point, role, at),
        )
        connection.execute(
            "INSERT INTO decision_point_states VALUES (CAST(? AS TEXT), CAST(? AS TEXT), '')",
            (point, state),
        )
    try:
        assert source.refresh()
        expected = [ServedBy.MODEL, ServedBy.BASELINE]
        if point == b"*" and state != b"running":
            expected = []  # everything is paused, whatever the state is called
        assert roles(source) == expected
        with one.database.read() as connection:
            assert "daily" in decision_points.known(connection)
        assert canonical_json(source.report())
    finally:
        with one.database.write() as connection:
            for table in ("activations", "proposals"):
                connection.execute(f"DELETE FROM {table} WHERE proposal_id = 'x'")
            connection.execute("DELETE FROM decision_point_states")
