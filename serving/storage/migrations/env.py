"""What alembic runs first: it migrates on the connection that it is given.

:mod:`serving.storage.upgrading` gives one, inside a transaction of its own.
"""

from __future__ import annotations

from alembic import context

from serving.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # the transaction is the caller's
)
context.run_migrations()
