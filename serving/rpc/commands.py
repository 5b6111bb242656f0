"""Commands of the service: serve, decide."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from serving.decisioning.commands import Home, settings_of
from serving.installation import require
from troth.errors import NotFound
from troth.output import AsJson, emit, note, show_mapping, show_table


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("serve")(serve_command)
    app.command("decide")(decide_command)


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
    require(settings.home)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    until = threading.Event()
    note(f"Starting {settings.replicas} replicas on {settings.address}; this takes a while.")
    run(
        settings,
        until=until,
        on_ready=lambda: note(f"Serving {settings.home} on {settings.address}. Ctrl-C ends it."),
    )


def decide_command(
    request: Annotated[
        str,
        typer.Argument(help="The request as JSON, @FILE, or - for standard input."),
    ],
    home: Home = None,
    address: Annotated[
        str | None, typer.Option(help="host:port of the service; TROTH_ADDRESS by default.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Ask a running service for one decision.

    The request is a DecideRequest in the protocol's JSON form: customerId, decisionPoint,
    features ("NaN" for unknown), featureSchemaDigest, and optionally triggeredJourneys,
    decidedAt and requestId.
    """
    from troth.client import DecisionClient, Question

    question = Question.from_json(_text(request))
    with DecisionClient(address or settings_of(home).address) as client:
        answer = client.decide(question)
    if json:
        emit(answer.to_dict())
        return
    show_mapping(
        "Decision",
        {
            "decision": answer.decision_id,
            "action": f"{answer.action_id} ({answer.channel})",
            "send at": answer.send_at.isoformat(),
            "propensity": answer.propensity,
            "served by": f"{answer.served_by}: {', '.join(answer.reasons)}",
        },
    )
    if answer.verdicts:
        show_table(
            "Guardrails",
            ("guardrail", "reason", "refused", "share of the policy"),
            [(v.guardrail, v.reason, len(v.refused), v.mass) for v in answer.verdicts],
        )


def _text(request: str) -> str:
    if request == "-":
        return sys.stdin.read()
    if not request.startswith("@"):
        return request
    path = Path(request[1:])
    try:
        return path.read_text()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}", field="request") from error
