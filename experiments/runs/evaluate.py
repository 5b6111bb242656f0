"""Third stage: what each policy is worth, in closed loop and off-policy, next to the truth."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.artifacts.artifact import ArtifactStore
from agents.ope.data import OpeData
from agents.ope.evaluate import evaluate_policy
from agents.ope.target import unguardable
from experiments.runs.baselines import NAMES, ORACLE, baselines
from experiments.runs.config import RunConfig
from experiments.runs.guarding import MorningGuard
from experiments.runs.results import MeasuredMean, OffPolicy, Played, TookShare
from experiments.runs.rollout import Rollout, roll_out
from experiments.runs.run_folder import RunFolder, world_seed
from experiments.runs.simulate import SeedTask, read_truth
from simulator.known_facts import KnownFacts, day_start
from simulator.rollout import CustomerContexts
from simulator.scenarios import load as load_scenario
from simulator.truth import one_step_oracle
from simulator.world import World
from troth.catalogue import CHANNELS, Catalogue
from troth.contexts import ContextBatch
from troth.guardrails.config import GuardrailConfig
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.guarded import guard
from troth.logs.batches import LoggedBatch
from troth.objective import Objective
from troth.policy import Distribution, Mask, Policy, greedy, read_only
from troth.statistics import counted, student


@dataclass(frozen=True, slots=True)
class PlayTask:
    """One policy on one seed's population.

    Attributes:
        policy: a learner's name, a baseline's or the oracle's.
        digest: its artifact; ``None`` for those that have none.
        guarded: behind the shipped guardrails, and without the scenario's own cap on contacts.
    """

    config: RunConfig
    home: RunFolder
    index: int
    policy: str
    digest: str | None = None
    guarded: bool = False


def play(task: PlayTask) -> Played:
    """Roll one policy out on customers nobody has trained on."""
    began = time.perf_counter()
    config = task.config
    scenario = load_scenario(config.scenario)
    seed = world_seed(config.seed, task.index, "evaluation")
    world = World(scenario, config.evaluation.customers, seed)
    guardrails = None
    if task.guarded:
        world = world.without_cap()
        engine = GuardrailEngine(GuardrailConfig.shipped())
        known = KnownFacts(
            world, day_start(scenario.start), engine.config.window, engine.config.told
        )
        guardrails = MorningGuard(engine, known)
    policy: Policy
    if task.digest is not None:
        policy = ArtifactStore(task.home.artifacts).load(task.digest).policy
    elif task.policy == ORACLE:
        policy = one_step_oracle(world)
    else:
        policy = baselines()[task.policy]
    life = roll_out(
        world, policy, config.evaluation.days, objective=scenario.objective, guard=guardrails
    )
    size = config.evaluation.customers
    return Played(
        policy=task.policy,
        seed_index=task.index,
        value=life.mean_value,
        components={name: float(v.mean()) for name, v in life.components.items()},
        contacts={
            str(channel): float(count) / size
            for channel, count in zip(CHANNELS[1:], life.contacts[1:], strict=True)
        },
        figures=figures(life, scenario.objective, config.evaluation.level),
        seconds=time.perf_counter() - began,
        guarded=task.guarded,
        took=()
        if guardrails is None
        else tuple(TookShare.model_validate(row.to_dict()) for row in guardrails.took()),
    )


def figures(life: Rollout, objective: Objective, level: float) -> dict[str, MeasuredMean]:
    """What a board is told of a policy, each with its interval over the customers.

    Money is weighted as the objective says, without its price of an opt-out, which stands for
    a future and is nobody's money.
    """
    money = replace(objective, opt_outs=0.0).reward(life.components) / 100.0
    found = {
        "money": student(money, level),
        "contacts": counted(life.contacted, level),
        "opt_outs": counted(life.components["opt_outs"], level),
    }
    return {
        name: MeasuredMean(value=interval.mean, low=interval.low, high=interval.high)
        for name, interval in found.items()
    }


def play_tasks(
    config: RunConfig, home: RunFolder, trained: Mapping[tuple[str, int], str]
) -> list[PlayTask]:
    """Every policy on every seed, without guardrails and behind them.

    ``trained`` gives the artifact of (learner, seed index).
    """
    policies: list[str] = [*NAMES, ORACLE, *(learner.name for learner in config.learners)]
    return [
        PlayTask(config, home, index, name, trained.get((name, index)), guarded)
        for index in range(config.evaluation.seeds)
        for name in policies
        for guarded in (False, True)
    ]


@dataclass(frozen=True, slots=True)
class OffPolicyTask:
    """All policies on one seed's held-out log.

    Attributes:
        seed: which log.
        digests: artifact by policy name.
    """

    seed: SeedTask
    digests: tuple[tuple[str, str], ...]


def judge_off_policy(task: OffPolicyTask) -> tuple[OffPolicy, ...]:
    """Every estimator of every policy on the held-out log of one seed.

    Without guardrails and, if the log says what was known of the customers, behind the shipped
    ones.
    """
    home, index = task.seed.home, task.seed.index
    log, truth = LoggedBatch.read(home.held_out_log(index)), read_truth(home, index)
    return judge_log(task, log, truth, GuardrailEngine(GuardrailConfig.shipped()))


def judge_log(
    task: OffPolicyTask,
    log: LoggedBatch,
    truth: NDArray[np.float64],
    engine: GuardrailEngine | None = None,
) -> tuple[OffPolicy, ...]:
    """Every estimator of every policy on ``log``.

    Args:
        task: the policies, and the run whose settings hold.
        log: n decisions no policy was trained on.
        truth: float64 (n, K), E[reward | state, action], minor units.
        engine: guardrails to judge each policy behind too. Where the log does not allow it, the
            policies are judged without, and each row's ``warnings`` say why.
    """
    why_not = None if engine is None else unguardable(log, engine)
    store = ArtifactStore(task.seed.home.artifacts)
    policies: dict[str, Policy] = {
        **baselines(),
        **{name: store.load(digest).policy for name, digest in task.digests},
    }
    policies[ORACLE] = _LoggedOracle(truth)
    contexts = CustomerContexts(log.contexts.schema, log.contexts.raw, np.arange(len(log)))
    data = OpeData.of(log, folds=task.seed.config.ope.folds)
    rows: list[OffPolicy] = []
    for name, policy in policies.items():
        if engine is None or log.facts is None or why_not is not None:
            alone = policy.distribution(contexts, log.catalogue, read_only(log.mask))
            rows += _judge(name, alone, data, truth, task.seed, why_not=why_not)
            continue
        both = guard(policy, engine, contexts, log.catalogue, log.mask, log.facts)
        rows += _judge(name, both.proposed, data, truth, task.seed)
        rows += _judge(name, both.distribution, data, truth, task.seed, guarded=True)
    return tuple(rows)


@dataclass(frozen=True)
class _LoggedOracle:
    """Greedy on the true expected rewards of one log's rows, float64 (n, K)."""

    truth: NDArray[np.float64]

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """See :class:`troth.policy.Policy`; contexts say of which rows they are."""
        assert isinstance(contexts, CustomerContexts)  # noqa: S101  # asked so above
        return greedy(self.truth[contexts.rows], mask)


def _judge(
    name: str,
    distribution: Distribution,
    data: OpeData,
    truth: NDArray[np.float64],
    seed: SeedTask,
    *,
    guarded: bool = False,
    why_not: str | None = None,
) -> Sequence[OffPolicy]:
    ope = seed.config.ope
    found = evaluate_policy(data, distribution, estimators=ope.estimators, level=ope.level)
    true_value = float((distribution * truth).sum(axis=1).mean()) / 100.0
    warnings = [warned.message for warned in found.diagnostics.warnings]
    if why_not is not None:
        warnings.append(f"judged without guardrails: {why_not}")
    return [
        OffPolicy(
            policy=name,
            estimator=estimate.estimator,
            seed_index=seed.index,
            value=_major(estimate.value),
            has_interval=estimate.has_interval,
            stderr=_major(estimate.stderr),
            low=_major(estimate.low),
            high=_major(estimate.high),
            truth=true_value,
            verdict=str(found.verdict),
            effective_sample_size=found.diagnostics.effective_sample_size,
            max_weight=found.diagnostics.max_weight,
            unsupported_mass=found.diagnostics.unsupported_mass,
            rows=found.diagnostics.rows,
            warnings=tuple(warnings),
            guarded=guarded,
        )
        for estimate in found.estimates
    ]


def _major(minor: float | None) -> float | None:
    """In major units; ``None`` where there is no number to write down."""
    return minor / 100.0 if minor is not None and math.isfinite(minor) else None
