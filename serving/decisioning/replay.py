"""Replay: make a stored decision again and compare bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from serving.decisioning import composing
from serving.decisioning.eligibility import candidates
from serving.decisions import configs
from serving.decisions.canonical import float_text, plain_json
from serving.decisions.records import Decision, decode_record, verdict_to_dict
from serving.storage.database import Database
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import NotFound
from troth.features import FeatureSchema
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.guarded import guard
from troth.policy import Policy
from troth.streams import request_uniform


class LoadedPolicy(Protocol):
    """What a replay needs of an artifact."""

    @property
    def digest(self) -> str:
        """Its name."""
        ...

    @property
    def policy(self) -> Policy:
        """What gives the distribution."""
        ...

    @property
    def schema(self) -> FeatureSchema:
        """What contexts follow."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """The actions."""
        ...


class Artifacts(Protocol):
    """Where policies are loaded from: :class:`agents.artifacts.artifact.ArtifactStore`."""

    def load(self, digest: str) -> LoadedPolicy:
        """The policy of ``digest``; raises a typed error if it is not there or changed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One part of a decision, as recorded and as made again."""

    name: str
    recorded: str
    recomputed: str

    @property
    def identical(self) -> bool:
        """Whether both are the same to the last bit."""
        return self.recorded == self.recomputed


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What a replay found.

    Attributes:
        decision: as recorded.
        comparisons: part by part, in the order of the pipeline.
    """

    decision: Decision
    comparisons: tuple[Comparison, ...]

    @property
    def identical(self) -> bool:
        """Whether every part is the same to the last bit."""
        return all(comparison.identical for comparison in self.comparisons)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "decision_id": self.decision.decision_id,
            "identical": self.identical,
            "comparisons": [
                {
                    "name": c.name,
                    "recorded": c.recorded,
                    "recomputed": c.recomputed,
                    "identical": c.identical,
                }
                for c in self.comparisons
            ],
            "record": self.decision.to_dict(),
        }


def stored_decision(database: Database, decision_id: str) -> Decision:
    """The record of a decision.

    Raises:
        NotFound: if there is none.
        DataLoss: if it is not what was stored.
    """
    with database.read() as unit:
        row = unit.decisions.record(decision_id)
    if row is None:
        raise NotFound(f"{decision_id} is not a decision", field="decision_id")
    return decode_record(*row)


def replay(database: Database, artifacts: Artifacts, decision_id: str) -> ReplayReport:
    """Make the decision ``decision_id`` again from nothing but its record.

    The policy's bytes come from the artifact store and the guardrails' configuration from
    the store, both by the digests in the record and checked against them.

    Raises:
        NotFound: if the decision, its policy or its configuration is not there.
        DataLoss: if one of them was changed.
        InvalidArgument, FailedPrecondition: if a guardrail was of a package that is not
            installed, or not in the version and with the files that it had.
    """
    decision = stored_decision(database, decision_id)
    uniform = request_uniform(decision.stream_key)
    found = {
        "stream_key": composing.stream_key(decision.request_id, decision.policy_digest),
        "uniform": float_text(uniform),
    }
    if decision.policy_digest:
        found |= _again(database, artifacts, decision)
    recorded = decision.to_dict()
    return ReplayReport(
        decision=decision,
        comparisons=tuple(
            Comparison(name=name, recorded=_text(recorded[name]), recomputed=_text(value))
            for name, value in found.items()
        ),
    )


def _again(database: Database, artifacts: Artifacts, decision: Decision) -> dict[str, Any]:
    """Every recomputed part of a decision that a policy answered, by its name in the record."""
    artifact = artifacts.load(decision.policy_digest)
    with database.read() as unit:
        engine = GuardrailEngine(configs.recall(unit, decision.guardrails_digest))
    guarded = guard(
        artifact.policy,
        engine,
        ContextBatch(artifact.schema, decision.raw),
        artifact.catalogue,
        candidates(artifact.catalogue, decision.triggered_journeys),
        engine.columns([decision.facts], artifact.catalogue),
    )
    drawn = composing.draw(guarded, decision.stream_key)
    action = artifact.catalogue.actions[drawn.action]
    return {
        "feature_schema_digest": artifact.schema.digest,
        "catalogue_digest": artifact.catalogue.digest,
        "guardrails_digest": engine.digest,
        "eligible": list(drawn.eligible),
        "verdicts": [verdict_to_dict(v) for v in guarded.verdicts(0)],
        "distribution_digest": drawn.distribution_digest,
        "action": drawn.action,
        "action_id": action.action_id,
        "channel": str(action.channel),
        "propensity": float_text(drawn.propensity),
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else plain_json(value)
