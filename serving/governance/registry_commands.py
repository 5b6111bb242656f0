"""``troth activate``, ``deactivate``, ``pause``, ``resume`` and ``registry``."""

from __future__ import annotations

from typing import Annotated

import typer

from serving.governance import decision_points, generations, proposals
from serving.governance import registry as library
from serving.governance.board import Board
from serving.governance.options import Home, ProposalId, Reason, actor, now, settings
from serving.governance.registry import Role
from serving.store import Database
from troth.output import AsJson, emit, say, show_table

DecisionPoint = Annotated[str, typer.Argument(help="Which decision point.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("activate")(activate)
    app.command("deactivate")(deactivate)
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("registry")(registry)


def activate(
    proposal_id: ProposalId,
    role: Annotated[Role, typer.Option(help="What it does there.")] = Role.MODEL,
    decision_point: Annotated[
        list[str] | None,
        typer.Option(help="Where; may be repeated.", show_default="all it was proposed for"),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let an approved policy answer, in place of what answered before."""
    where = settings(home)
    database = Database(where.database)
    points = decision_point or proposals.get(database, proposal_id).scope.decision_points
    generation = 0
    for point in points:
        generation = library.activate(
            database,
            proposal_id,
            decision_point=point,
            role=role,
            board=Board.load(where.board),
            now=now(),
            by=actor(),
        )
    _done({"active": list(points), "role": str(role), "generation": generation}, as_json)


def deactivate(
    decision_point: DecisionPoint,
    role: Annotated[Role, typer.Option(help="Which of its policies.")] = Role.MODEL,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take out what answers."""
    database = Database(settings(home).database)
    generation = library.deactivate(database, decision_point=decision_point, role=role, by=actor())
    _done({"inactive": decision_point, "role": str(role), "generation": generation}, as_json)


def pause(
    decision_point: DecisionPoint, reason: Reason = "", home: Home = None, as_json: AsJson = False
) -> None:
    """Stop serving the model; the baseline answers."""
    generation = decision_points.pause(
        Database(settings(home).database), decision_point, now=now(), by=actor(), reason=reason
    )
    _done({"paused": decision_point, "generation": generation}, as_json)


def resume(
    decision_point: DecisionPoint, reason: Reason = "", home: Home = None, as_json: AsJson = False
) -> None:
    """Serve the model again."""
    generation = decision_points.resume(
        Database(settings(home).database), decision_point, now=now(), by=actor(), reason=reason
    )
    _done({"running": decision_point, "generation": generation}, as_json)


def registry(home: Home = None, as_json: AsJson = False) -> None:
    """Show what is active where. Whether it is approved, each replica checks itself."""
    database = Database(settings(home).database)
    rows = [
        {**row.to_dict(), "state": str(decision_points.state(database, row.decision_point))}
        for row in library.activations(database)
    ]
    generation = generations.current(database)
    if as_json:
        emit({"generation": generation, "activations": rows})
        return
    columns = ("decision_point", "role", "state", "proposal_id", "activated_at")
    show_table(
        f"Registry, generation {generation}",
        tuple(name.replace("_", " ") for name in columns),
        [tuple(row[name] for name in columns) for row in rows],
    )


def _done(facts: dict[str, object], as_json: bool) -> None:
    if as_json:
        emit(facts)
        return
    say(", ".join(f"{name} {value}" for name, value in facts.items()))
