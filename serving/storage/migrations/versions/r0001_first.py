"""The schema as it was when alembic took over, and the same for PostgreSQL.

On SQLite it is made by the very scripts that had made it until then, so that a store of that
time has this schema, letter by letter, once it has seen the last of them.
"""

from __future__ import annotations

from importlib.resources import files

from alembic import op

from serving.storage.upgrading import scripts, split_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, index and trigger."""
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        for _, text in scripts():
            for statement in split_statements(text):
                bind.exec_driver_sql(statement)
        return
    folder = files("serving.storage").joinpath("migrations", "postgresql")
    bind.exec_driver_sql(folder.joinpath("0001.sql").read_text())
