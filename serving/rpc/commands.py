"""Command of the service: serve."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.installation import require
from serving.options import Home, settings_of
from troth.cli.output import note


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("serve")(serve_command)


def serve_command(
    home: Home = None,
    address: Annotated[
        str | None, typer.Option(help="host:port of the gRPC ingress; TROTH_ADDRESS by default.")
    ] = None,
    replicas: Annotated[int | None, typer.Option(help="Decision replicas.")] = None,
) -> None:
    """Serve decisions over gRPC until interrupted.

    Takes the guardrails from HOME/guardrails.toml if there is one, and serves every policy
    whose approval verifies; others are left out and decisions say so.
    """
    import logging
    import threading

    from serving.rpc.foreground import run

    changes = {"address": address, "replicas": replicas}
    settings = settings_of(home)
    settings = type(settings)(
        **{**settings.model_dump(), **{k: v for k, v in changes.items() if v is not None}}
    )
    require(settings)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    until = threading.Event()
    note(f"Starting {settings.replicas} replicas on {settings.address}; this takes a while.")
    run(
        settings,
        until=until,
        on_ready=lambda: note(f"Serving {settings.home} on {settings.address}. Ctrl-C ends it."),
    )
