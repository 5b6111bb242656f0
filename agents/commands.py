"""``troth evaluate``: what logged decisions say of a policy that did not make them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from agents.learners import commands as learners
from troth.cli.output import AsJson, emit, progress, say, show_table
from troth.errors import InvalidArgument, NotFound
from troth.settings import Settings

if TYPE_CHECKING:
    from agents.artifacts.artifact import Artifact
    from agents.ope.diagnostics import Diagnostics
    from agents.ope.evaluate import IntervalKind, OffPolicyEstimate
    from agents.ope.guarded import BothWays
    from troth.logs.batches import LoggedBatch

Level = Annotated[float, typer.Option(help="Nominal coverage of the intervals, in (0, 1).")]
Kind = Annotated[
    str,
    typer.Option("--interval", help="student, normal or bootstrap; all clustered by customer."),
]
Seed = Annotated[int, typer.Option(help="Key of the bootstrap's draws.", min=0)]
Least = Annotated[
    float | None,
    typer.Option(
        "--smallest-reward",
        help="Least reward a decision can bring, minor units.",
        show_default="0 with --largest-reward, else unknown",
    ),
]
Most = Annotated[
    float | None,
    typer.Option(
        "--largest-reward",
        help="Most a decision can bring, minor units, as the business knows it; bounds the "
        "intervals where the log cannot.",
        show_default="unknown",
    ),
]
Guarding = Annotated[
    Path | None,
    typer.Option(
        "--guardrails",
        help="A guardrails.toml to judge the policy behind.",
        show_default="TROTH_HOME/guardrails.toml, else as shipped",
    ),
]
Estimators = Annotated[
    list[str] | None,
    typer.Option(
        "--estimator",
        help="One of Troth's estimators or of an installed package's; may be repeated.",
        show_default="all of Troth's own",
    ),
]
Bare = Annotated[
    bool,
    typer.Option(
        "--bare",
        help="The log has lost its feature schema and catalogue, as a table that pandas wrote "
        "has: they were the policy's.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the ``evaluate`` and ``learners`` groups to ``app``."""
    group = typer.Typer(
        name="evaluate",
        help="Evaluate policies off-policy, on logs with propensities.",
        no_args_is_help=True,
    )
    group.command("open-bandit")(open_bandit)
    group.command("log")(logged)
    app.add_typer(group)
    learners.register(app)


def open_bandit(
    directory: Annotated[Path, typer.Argument(help="Folder of the Open Bandit Dataset.")],
    campaign: Annotated[str, typer.Option(help="men or women.")] = "men",
    level: Level = 0.95,
    kind: Kind = "student",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Estimate a shop's Thompson policy from its uniform log, and compare with its own clicks.

    The target is the Thompson log's share of each item in each slot over the week.
    """
    from agents.datasets.thompson import STAGES, evaluate_thompson

    with progress() as bars:
        task = bars.add_task(STAGES[0], total=len(STAGES))
        begun: list[str] = []

        def on_stage(stage: str) -> None:
            bars.update(task, description=stage, completed=len(begun))
            begun.append(stage)

        trial = evaluate_thompson(
            directory,
            campaign,
            level=level,
            interval=cast("IntervalKind", kind),
            seed=seed,
            on_stage=on_stage,
        )
        bars.update(task, completed=len(STAGES))
    if as_json:
        emit(trial.to_dict())
        return
    rows = [
        (*_row(e, 1000.0), _yes(trial.covered(e)), _gap(trial.gap(e)))
        for e in trial.evaluation.estimates
    ]
    show_table(
        f"Thompson policy on the uniform log, {campaign}'s campaign: clicks per 1,000 rows",
        (*_columns(level), "covers truth", "gap, std errors"),
        rows,
    )
    show_table(
        "On-policy click rates, per 1,000 rows",
        ("policy", *_columns(level)[1:], "clicks", "rows"),
        [
            (
                "Thompson (the truth)",
                *_row(trial.truth, 1000.0)[1:],
                trial.truth_clicks,
                trial.truth_rows,
            ),
            (
                "uniform (the log)",
                *_row(trial.logging, 1000.0)[1:],
                trial.logging_clicks,
                trial.evaluation.diagnostics.rows,
            ),
        ],
    )
    say(
        f"The truth rests on {trial.truth_clicks} clicks, the estimates on "
        f"{trial.logging_clicks}: read them with both intervals in mind."
    )
    _show_diagnostics(trial.evaluation.diagnostics, names_customers=False)


def logged(
    log: Annotated[Path, typer.Argument(help="Parquet of logged decisions.")],
    policy: Annotated[
        str, typer.Option(help="Digest of an artifact (or its beginning), or its directory.")
    ],
    artifacts: Annotated[
        Path | None,
        typer.Option(help="Where artifacts lie.", show_default="TROTH_HOME/artifacts"),
    ] = None,
    level: Level = 0.95,
    kind: Kind = "student",
    seed: Seed = 0,
    largest_reward: Most = None,
    smallest_reward: Least = None,
    guardrails: Guarding = None,
    bare: Bare = False,
    estimator: Estimators = None,
    as_json: AsJson = False,
) -> None:
    """Estimate a policy's reward per decision from a log, whoever made its decisions.

    The policy is judged behind guardrails and without them; only without them if the log does
    not say what was known of its customers. Rows whose outcome window is still open are left
    out. Read the verdict before the figures.
    """
    from agents.artifacts.artifact import ArtifactStore
    from agents.ope.data import OpeData
    from agents.ope.evaluate import on_policy
    from agents.ope.guarded import evaluate_both_ways
    from agents.ope.registry import ESTIMATORS
    from troth.guardrails.config import GuardrailConfig
    from troth.guardrails.engine import GuardrailEngine
    from troth.streams import generator

    for name in estimator or ():
        ESTIMATORS.configured(name, at="estimator")
    rewards = _reward_range(smallest_reward, largest_reward)
    root, digest = _locate(policy, artifacts or Settings().artifacts)
    artifact = ArtifactStore(root).load(digest)
    engine = GuardrailEngine(
        GuardrailConfig.read(guardrails)
        if guardrails
        else GuardrailConfig.installed(Settings().home)
    )
    with progress() as bars:
        batch = _read(log, artifact if bare else None)
        task = bars.add_task("ask the policy, fit the reward model, estimate", total=len(batch))
        data = OpeData.of(batch)
        found = evaluate_both_ways(
            artifact.policy,
            data,
            engine,
            schema=artifact.schema,
            catalogue_digest=artifact.catalogue.digest,
            on_rows=lambda rows: bars.advance(task, rows),
            estimators=estimator,
            level=level,
            interval=cast("IntervalKind", kind),
            rng=lambda: generator("evaluate log", digest, seed),
            reward_range=rewards,
        )
        own = on_policy(data, level=level, reward_range=rewards)
    if as_json:
        emit(
            {
                "policy_digest": digest,
                "kind": artifact.kind,
                "unit": "minor units per decision",
                "logging": own.to_dict(),
                **found.to_dict(),
            }
        )
        return
    _show_both_ways(found, own, f"{artifact.kind} {digest[:12]}: minor units per decision")


def _show_both_ways(found: BothWays, own: OffPolicyEstimate, title: str) -> None:
    columns = _columns(found.unguarded.level)
    rows = [_row(e) for e in found.unguarded.estimates]
    if found.guarded is None:
        say(f"Judged WITHOUT guardrails: {found.unguarded_because}.", style="yellow")
    else:
        guarded = f"behind the guardrails {found.guardrails_digest[:12]}"
        show_table(f"{title}, {guarded}", columns, [_row(e) for e in found.guarded.estimates])
        show_table(
            "What the guardrails took",
            ("guardrail", "reason", "of the policy's probability", "from decisions"),
            [(t.guardrail, t.reason, f"{t.mass:.2%}", f"{t.rows:.2%}") for t in found.took],
        )
        _show_diagnostics(found.guarded.diagnostics, title=f"How far to trust this, {guarded}")
    show_table(
        f"{title}, without guardrails", columns, [*rows, ("the log's own policy", *_row(own)[1:])]
    )
    _show_diagnostics(
        found.unguarded.diagnostics, title="How far to trust this, without guardrails"
    )


def _read(log: Path, artifact: Artifact | None) -> LoggedBatch:
    """The log, by what it carries or, if it carries nothing, by what the policy was made for."""
    from troth.logs.batches import LoggedBatch

    if artifact is not None:
        return LoggedBatch.read(log, schema=artifact.schema, catalogue=artifact.catalogue)
    try:
        return LoggedBatch.read(log)
    except InvalidArgument as error:
        if error.field != "metadata":
            raise
        raise InvalidArgument(
            f"{error.message}; --bare says that they were the policy's", field="log"
        ) from error


def _locate(policy: str, artifacts: Path) -> tuple[Path, str]:
    """The store's root and the digest that ``--policy`` means."""
    as_path = Path(policy)
    if as_path.is_dir() and (as_path / "manifest.json").is_file():
        resolved = as_path.resolve()
        return resolved.parent, resolved.name
    if not artifacts.is_dir():
        raise NotFound(f"{artifacts} does not exist", field="artifacts")
    found = sorted(
        entry.name
        for entry in artifacts.iterdir()
        if entry.is_dir() and not entry.name.startswith(".") and entry.name.startswith(policy)
    )
    if not policy or not found:
        raise NotFound(f"no artifact {policy!r} in {artifacts}", field="policy")
    if len(found) > 1:
        raise InvalidArgument(
            f"{policy!r} is the beginning of {len(found)} digests in {artifacts}", field="policy"
        )
    return artifacts, found[0]


def _columns(level: float) -> tuple[str, ...]:
    return ("estimator", "value", "std error", f"{100 * level:g}% low", f"{100 * level:g}% high")


def _row(estimate: OffPolicyEstimate, scale: float = 1.0) -> tuple[Any, ...]:
    name = estimate.estimator.upper()
    if estimate.value is None:
        return name, "no estimate", "", "", ""
    if estimate.stderr is None or estimate.low is None or estimate.high is None:
        return name, scale * estimate.value, "no interval", "", ""
    error = scale * estimate.stderr if math.isfinite(estimate.stderr) else "unknown"
    ends = (_end(scale * end) for end in (estimate.low, estimate.high))
    return name, scale * estimate.value, error, *ends


def _end(value: float) -> float | str:
    return value if math.isfinite(value) else "infinite" if value > 0 else "-infinite"


def _reward_range(smallest: float | None, largest: float | None) -> tuple[float, float] | None:
    """What the two options say; a largest reward alone means rewards of 0 or more."""
    if smallest is None and largest is None:
        return None
    if smallest is None:
        return 0.0, cast("float", largest)
    return smallest, math.inf if largest is None else largest


def _yes(value: bool | None) -> str:
    return "no interval" if value is None else "yes" if value else "no"


def _gap(value: float) -> str:
    return f"{value:+.1f}" if math.isfinite(value) else ""


def _show_diagnostics(
    found: Diagnostics, *, title: str = "How far to trust this", names_customers: bool = True
) -> None:
    """Weights and support as a table, the verdict and its reasons as sentences."""
    middle, high = found.weight_quantiles[2], found.weight_quantiles[5]
    who = f"{found.customers:,} customers" if names_customers else "each its own cluster"
    rows = [
        ("verdict", found.verdict.words),
        ("rows", f"{found.rows:,} ({who}); {found.censored_rows:,} more left out as open"),
        (
            "effective sample size",
            f"{found.effective_sample_size:,.0f} ({found.effective_share:.1%})",
        ),
        (
            "effective customers",
            f"{found.effective_customers:,.0f} of {found.customers:,}: as much is known as of so "
            "many, had all the same weight",
        ),
        (
            "customers whose rewards tell",
            f"{found.telling_customers:,.1f}: how far rewards lie apart is known as from so many, "
            "and the intervals are as wide as that makes them",
        ),
        ("mean weight", f"{found.mean_weight:.3f} (z {found.mean_weight_z:+.1f}; expected 1)"),
        ("weights: median, 99 %, largest", f"{middle:.2f}, {high:.2f}, {found.max_weight:.2f}"),
        (
            "target without support",
            f"{found.unsupported_mass:.2%} of its probability, "
            f"in {found.unsupported_rows:.2%} of rows",
        ),
    ]
    show_table(title, ("diagnostic", "value"), rows)
    for warned in found.warnings:
        say(f"{warned.verdict.words}: {warned.message}", style="yellow")
    say("DM is its reward model's guess: nothing here measures that model's error.")
