"""What the demo's board is shown of one artifact: its own closed loop, beside another policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.runs.baselines import NEVER_CONTACT, RFM, baselines
from experiments.runs.evaluate import figures
from experiments.runs.results import MeasuredMean, Played, RunResults
from experiments.runs.rollout import roll_out
from simulator.world import World
from troth.errors import NotFound
from troth.policy import Policy

_LEVEL = 0.95
TITLES = {RFM: "RFM rules", NEVER_CONTACT: "no contact at all"}


def evidence_for(
    results: RunResults,
    policy: str,
    seed_index: int = 0,
    *,
    policy_digest: str,
    guardrails_digest: str,
    against: str = RFM,
    against_digest: str | None = None,
) -> dict[str, Any]:
    """The case for one artifact, as :mod:`serving.governance.case` asks for it.

    The figures are those of the repetition that the artifact was trained in, not a mean over
    repetitions. They are those behind the guardrails it is to be served behind, if the run
    measured these, in a world whose own cap on contacts was lifted, and else those without any,
    under that cap alone; the evidence says which.

    Args:
        results: the run.
        policy: its name there.
        seed_index: the repetition.
        policy_digest: the artifact.
        guardrails_digest: what it is to be served behind.
        against: the policy beside it, on the same customers.
        against_digest: its artifact, if it has one.

    Raises:
        NotFound: if one of the two was not played there.
    """
    served = results.guarded
    guarded = served is not None and served.guardrails_digest == guardrails_digest
    of = served if served is not None and guarded else results
    proposed, beside = (_played(of.played, name, seed_index) for name in (policy, against))
    made = case(
        policy_digest=policy_digest,
        guardrails_digest=guardrails_digest,
        scenario=(results.provenance.scenario, results.provenance.scenario_digest),
        customers=results.customers,
        days=results.days,
        currency=results.currency,
        level=results.level,
        against=(TITLES.get(against, against), against_digest),
        proposed=proposed.figures,
        compared=beside.figures,
        guarded=guarded,
    )
    return made | {
        "policy": policy,
        "seed_index": seed_index,
        "guardrails_took": [row.model_dump(mode="json") for row in proposed.took],
        "off_policy": [
            row.model_dump(mode="json")
            for row in of.off_policy
            if (row.policy, row.seed_index) == (policy, seed_index)
        ],
        "objective": results.objective,
        "provenance": results.provenance.model_dump(mode="json"),
    }


def case(
    *,
    policy_digest: str,
    guardrails_digest: str,
    scenario: tuple[str, str],
    customers: int,
    days: int,
    currency: str,
    level: float,
    against: tuple[str, str | None],
    proposed: Mapping[str, MeasuredMean],
    compared: Mapping[str, MeasuredMean],
    guarded: bool = False,
) -> dict[str, Any]:
    """The keys that evidence must have, from closed loops behind guardrails or without them.

    ``scenario`` is its name and digest, ``against`` the name and artifact of the policy
    beside the one proposed; the figures are those of :func:`experiments.runs.evaluate.figures`.
    """
    return {
        "policy_digest": policy_digest,
        "guardrails_digest": guardrails_digest,
        "scenario": {"name": scenario[0], "digest": scenario[1]},
        "customers": customers,
        "days": days,
        "guarded": guarded,
        "scenario_cap_lifted": guarded,  # so that each cap bites once
        "currency": currency,
        "level": level,
        "compared_with": {"name": against[0], "policy_digest": against[1]},
        "figures": [
            {
                "name": name,
                "proposed": proposed[name].model_dump(),
                "compared": compared[name].model_dump(),
            }
            for name in proposed
        ],
    }


def case_of(
    world: World, policy: Policy, policy_digest: str, guardrails_digest: str, *, days: int = 7
) -> dict[str, Any]:
    """A short case for any policy: so many days of ``world`` beside no contact at all."""
    scenario = world.scenario
    proposed, compared = (
        figures(
            roll_out(world.fork(), one, days, objective=scenario.objective),
            scenario.objective,
            _LEVEL,
        )
        for one in (policy, baselines()[NEVER_CONTACT])
    )
    return case(
        policy_digest=policy_digest,
        guardrails_digest=guardrails_digest,
        scenario=(scenario.name, scenario.digest),
        customers=world.size,
        days=days,
        currency="USD",
        level=_LEVEL,
        against=(TITLES[NEVER_CONTACT], None),
        proposed=proposed,
        compared=compared,
    )


def _played(played: Sequence[Played], policy: str, seed_index: int) -> Played:
    for row in played:
        if (row.policy, row.seed_index) == (policy, seed_index):
            return row
    raise NotFound(f"{policy!r} was not played on seed {seed_index}", field="policy")
