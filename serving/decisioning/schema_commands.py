"""``troth schema``: what a channel system must know before it can ask."""

from __future__ import annotations

import json as text_of
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.artifacts.artifact import Artifact, ArtifactStore
from serving.governance import proposals, registry
from serving.governance.decision_points import require_point
from serving.installation import opened
from serving.options import Home, settings_of
from troth.cli.output import AsJson, emit, say, show_table
from troth.errors import NotFound
from troth.features import Feature
from troth.files import write_whole
from troth.settings import Settings
from troth.types import Role

SOMEBODY = "C1"
"""The customer of a question that is to be filled in."""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("schema")(schema)


def schema(
    decision_point: Annotated[str, typer.Argument(help="Where it is to be asked.")],
    role: Annotated[
        Role | None,
        typer.Option(help="Whose schema.", show_default="the model's, else the baseline's"),
    ] = None,
    question: Annotated[
        Path | None,
        typer.Option(help="Write a question about which nothing is known to this file."),
    ] = None,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Show what a question must hold: features in order, journeys, and the schema's digest.

    They are those of the policy that is active at the decision point; another policy may take
    others. The file of --question is one for `troth decide`, to be filled in.
    """
    artifact = _active(settings_of(home), decision_point, role)
    asked = _question(artifact, decision_point)
    if question is not None:
        write_whole(question, text_of.dumps(asked, indent=2).encode() + b"\n")
    if json:
        emit(
            {
                "decision_point": decision_point,
                "policy_digest": artifact.digest,
                "feature_schema_digest": artifact.schema.digest,
                "features": [one.to_dict() for one in artifact.schema.features],
                "journeys": list(artifact.catalogue.journeys),
            }
        )
        return
    show_table(
        f"Features at {decision_point}, in this order",
        ("feature", "values", "unit", "unknown counts as"),
        [
            (one.name, _values(one), one.unit, _number(one.missing))
            for one in artifact.schema.features
        ],
    )
    say(f"journeys  {', '.join(artifact.catalogue.journeys)}")
    say(f"feature schema digest  {artifact.schema.digest}")
    if question is not None:
        say(f"written  {question}")


def _active(settings: Settings, point: str, role: Role | None) -> Artifact:
    database = opened(settings)
    require_point(point)
    for wanted in (role,) if role else (Role.MODEL, Role.BASELINE):
        found = registry.active(database, point, wanted)
        if found is not None:
            digest = proposals.get(database, found.proposal_id).policy_digest
            return ArtifactStore(settings.artifacts).load(digest, verify=False)
    raise NotFound(
        f"no {role or 'policy'} is active at {point!r}; `troth registry` shows what is",
        field="decision_point",
    )


def _question(artifact: Artifact, point: str) -> dict[str, Any]:
    """A DecideRequest in the protocol's JSON form."""
    return {
        "customerId": SOMEBODY,
        "decisionPoint": point,
        "features": ["NaN"] * artifact.schema.raw_width,
        "featureSchemaDigest": artifact.schema.digest,
        "triggeredJourneys": list(artifact.catalogue.journeys),
    }


def _values(feature: Feature) -> str:
    if feature.levels:
        return ", ".join(f"{code} {name}" for code, name in enumerate(feature.levels))
    return f"{_number(feature.low)} to {_number(feature.high)}"


def _number(value: float) -> str:
    return f"{value:,.10g}"
