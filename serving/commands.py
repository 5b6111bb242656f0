"""The commands of the serving floor."""

from __future__ import annotations

import typer

from serving import migration
from serving.customers import commands as customers
from serving.decisioning import commands as decisioning
from serving.decisioning import schema_commands as schemas
from serving.governance import commands as governance
from serving.rpc import commands as rpc


def register(app: typer.Typer) -> None:
    """Add governance, decisioning and service commands to ``app``."""
    governance.register(app)
    migration.register(app)
    decisioning.register(app)
    customers.register(app)
    schemas.register(app)
    rpc.register(app)
