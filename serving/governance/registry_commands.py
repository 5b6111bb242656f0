"""``troth activate``, ``deactivate``, ``pause``, ``resume`` and ``registry``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from serving.audit.served_clocks import other_clock
from serving.governance import (
    braking,
    decision_points,
    presence,
    proposals,
    registry_version,
    stops,
)
from serving.governance import registry as library
from serving.governance.decision_points import EVERYWHERE
from serving.governance.uptake import tell
from serving.governance.verification import Verifier
from serving.installation import opened
from serving.options import Home, ProposalId, Reason, actor, settings_of
from troth import brake
from troth.cli.output import AsJson, emit, note, say, show_table
from troth.clock import utc_now
from troth.errors import InvalidArgument
from troth.types import Role

DecisionPoint = Annotated[str, typer.Argument(help="Which decision point.")]
PointOrAll = Annotated[
    str | None, typer.Argument(help="Which decision point.", show_default="none: see --all")
]
Everything = Annotated[bool, typer.Option("--all", help="All contact, at every decision point.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("activate")(activate)
    app.command("deactivate")(deactivate)
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("registry")(registry)


def activate(
    proposal_id: ProposalId,
    role: Annotated[
        Role | None,
        typer.Option(
            help="A check: refused if it was approved as another.", show_default="its own"
        ),
    ] = None,
    decision_point: Annotated[
        list[str] | None,
        typer.Option(help="Where; may be repeated.", show_default="all it was proposed for"),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let an approved policy answer in the role it was approved for, in place of another.

    Looks at everything that a replica will look at: signatures, installation, settings,
    guardrails, evidence and the artifact's bytes.
    """
    where = settings_of(home)
    database = opened(where)
    proposal = proposals.get(database, proposal_id)
    points = decision_point or proposal.scope.decision_points
    verifier = Verifier.of(where)
    generation = 0
    for point in points:
        generation = library.activate(
            database,
            proposal_id,
            decision_point=point,
            verifier=verifier,
            now=utc_now(),
            by=actor(),
            role=role,
        )
    if as_json:
        emit({"active": list(points), "role": str(proposal.role), "generation": generation})
        return
    say(f"active {', '.join(points)}, role {proposal.role}, generation {generation}")


def deactivate(
    decision_point: DecisionPoint,
    role: Annotated[Role, typer.Option(help="Which of its policies.")] = Role.MODEL,
    reason: Reason = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Take out what answers; exits 7 if it cannot know that every replica took it up."""
    where = brake.home_of(home, os.environ)
    braked = braking.deactivate(
        where, decision_point, role, now=utc_now(), by=actor(), reason=reason
    )
    tell(where, braked, {"inactive": decision_point, "role": str(role)}, as_json)


def pause(
    decision_point: PointOrAll = None,
    everything: Everything = False,
    reason: Reason = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Stop the model, and its policy in every role; the baseline answers. Or all contact.

    It is in force at once, whatever state the store is in. Exits 7 if it cannot know within
    two seconds that every replica took it up.
    """
    where = brake.home_of(home, os.environ)
    point = _one_of(decision_point, everything)
    if point is None:
        braked = braking.pause_all(where, now=utc_now(), by=actor(), reason=reason)
    else:
        braked = braking.pause(where, point, now=utc_now(), by=actor(), reason=reason)
    tell(where, braked, {"paused": point or "all"}, as_json)


def resume(
    decision_point: PointOrAll = None,
    everything: Everything = False,
    reason: Reason = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Serve the model again, or let contacts be made again.

    Needs an audit log that is whole, and approvals of all that would then answer.
    """
    where = settings_of(home)
    database, verifier = opened(where), Verifier.of(where)
    point = _one_of(decision_point, everything)
    if point is None:
        generation = braking.resume_all(
            database, verifier=verifier, now=utc_now(), by=actor(), reason=reason
        )
    else:
        generation = braking.resume(
            database, point, verifier=verifier, now=utc_now(), by=actor(), reason=reason
        )
    _done({"running": point or "all", "generation": generation}, as_json)


def registry(home: Home = None, as_json: AsJson = False) -> None:
    """Show what is to be served, what is stopped, and what each replica really serves.

    Whether it is approved, each replica checks itself, and says why not.
    """
    where = settings_of(home)
    database = opened(where)
    with database.read() as connection:
        active, faults = library.readable(connection)
        everything = decision_points.fetch_state(connection, EVERYWHERE)
        rows = [
            {
                **row.to_dict(),
                "state": str(decision_points.fetch_state(connection, row.decision_point)),
            }
            for row in active
        ]
        generation = registry_version.fetch(connection)
    look = stops.look(where.home)
    held = [
        {"stop": stop.name, **stops.facts_of(where.home, stop.name)}
        for stop in stops.listed(where.home)
    ]
    replicas = presence.living(where.home)
    clock = other_clock(database)
    if as_json:
        emit(
            {
                "generation": generation,
                "everything": str(everything),
                "activations": rows,
                "faults": list(faults),
                "stops": held,
                "brake": look.unreadable or "readable",
                "other_clock": clock,
                "replicas": [seen.to_dict() for seen in replicas],
            }
        )
        return
    columns = ("decision_point", "role", "state", "proposal_id", "activated_at")
    show_table(
        f"Registry, generation {generation}",
        tuple(name.replace("_", " ") for name in columns),
        [tuple(row[name] for name in columns) for row in rows],
    )
    for fault in (*faults, look.unreadable, clock):
        if fault:
            note(fault)
    if held:
        show_table(
            "In force, whatever the registry says",
            ("stop", "by", "reason"),
            [tuple(str(one.get(key, "")) for key in ("stop", "by", "reason")) for one in held],
        )
    if not replicas:
        say("no replica is running")
        return
    show_table(
        "What replicas serve",
        ("replica", "decision point", "who answers", "why not others", "not well", "clock"),
        [line for seen in replicas for line in _lines(seen)],
    )


def _lines(seen: presence.Seen) -> list[tuple[str, ...]]:
    """A row per decision point that a replica knows, one if it knows none."""
    return [
        (
            str(seen.pid),
            point,
            ", ".join(f"{a['role']} {a['policy_digest'][:12]}" for a in held["answerers"])
            or "nobody",
            ", ".join(held["reasons"]),
            ", ".join(seen.health),
            seen.clock,
        )
        for point, held in sorted(seen.standing.items())
    ] or [(str(seen.pid), "", "nobody", "", ", ".join(seen.health), seen.clock)]


def _one_of(decision_point: str | None, everything: bool) -> str | None:
    """The decision point that is meant; ``None`` for everything."""
    if (decision_point is None) is not everything:
        raise InvalidArgument("name one decision point, or give --all", field="decision_point")
    return decision_point


def _done(facts: dict[str, object], as_json: bool) -> None:
    if as_json:
        emit(facts)
        return
    say(", ".join(f"{name} {value}" for name, value in facts.items()))
