"""What a run measured, as typed records that are written and read as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from experiments.runs.numerics import Machine
from troth.errors import DataLoss, NotFound
from troth.files import write_text
from troth.validation import Violation

Record = TypeVar("Record", bound=BaseModel)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Logged(_Record):
    """What was logged for one seed.

    Attributes:
        index: the repetition.
        rows, held_out_rows: decisions in the training and in the held-out log.
        seconds: wall-clock time.
    """

    index: int
    rows: int
    held_out_rows: int
    seconds: float


class Trained(_Record):
    """One policy that was trained.

    Attributes:
        learner: its name in the configuration.
        seed_index: the repetition.
        digest: its artifact.
        seconds: training time.
        curve: (steps so far, mean reward per episode or None) as training went; empty for a
            learner that reads a log.
        decisions: logged decisions read, or environment steps taken.
    """

    learner: str
    seed_index: int
    digest: str
    seconds: float
    decisions: int
    curve: tuple[tuple[int, float], ...] = ()


class LoggedAll(_Record):
    """The logs of every seed, by repetition; written when the last of them is.

    Attributes:
        rows: what was logged.
        settings_digest: of all that decides what the logs hold; see ``Runner``.
        machine: where they were simulated.
    """

    rows: tuple[Logged, ...]
    settings_digest: str
    machine: Machine


class TrainedAll(_Record):
    """The policies of every learner and seed.

    Attributes:
        rows: what was trained.
        machine: where.
    """

    rows: tuple[Trained, ...]
    machine: Machine


class MeasuredMean(_Record):
    """A mean per customer, and its interval over the customers of one population."""

    value: float
    low: float
    high: float


class TookShare(_Record):
    """What one guardrail took from a policy for one reason; see :class:`Took`.

    Attributes:
        mass: of the policy's probability, a mean over its decisions.
        rows: share of its decisions in which something was refused.
    """

    guardrail: str
    reason: str
    mass: float
    rows: float


class Played(_Record):
    """One policy in closed loop on the population of one seed.

    Attributes:
        guarded: behind guardrails, in a world without a cap of its own, or without them, in a
            world with it.
        took: what each guardrail took; empty without them.
        value: mean value per customer over all days, major units.
        components: mean of each unweighted reward component per customer; money in minor units.
        contacts: mean contacts per customer by channel.
        figures: by ``money`` (major units, the price of an opt-out not in it), ``contacts``
            and ``opt_outs``, each per customer over all days.
    """

    policy: str
    seed_index: int
    value: float
    components: dict[str, float]
    contacts: dict[str, float]
    figures: dict[str, MeasuredMean]
    seconds: float
    guarded: bool = False
    took: tuple[TookShare, ...] = ()


class OffPolicy(_Record):
    """One estimate of one policy on the held-out log of one seed.

    Values are major units per decision. ``truth`` is the mean over the same rows of
    sum_a pi(a | x) E[reward | state, a], which only a simulator knows.

    Attributes:
        value: ``None`` if the log holds nothing to make an estimate of.
        has_interval: whether anything is said of the error; never for the direct method.
        stderr, low, high: ``None`` without an interval, and in one where they are infinite.
        verdict: how far to trust it, by the diagnostics alone: ``trust``, ``with_care`` or
            ``do_not_trust``.
        guarded: of the policy behind guardrails, or without them.
    """

    policy: str
    estimator: str
    seed_index: int
    value: float | None
    has_interval: bool
    stderr: float | None
    low: float | None
    high: float | None
    truth: float
    verdict: str
    effective_sample_size: float
    max_weight: float
    unsupported_mass: float
    rows: int
    warnings: tuple[str, ...] = ()
    guarded: bool = False

    @property
    def covered(self) -> bool | None:
        """Whether the interval contains the truth; ``None`` if there is no interval."""
        if not self.has_interval:
            return None
        above = self.low is None or self.low <= self.truth
        return above and (self.high is None or self.truth <= self.high)


class Standing(_Record):
    """One policy over all seeds; money in major units per customer.

    Attributes:
        mean, low, high: value and its interval over seeds.
        over_uniform, over_rfm: mean and interval of the paired differences.
        gap_closed: (value - uniform) / (oracle - uniform), with its interval over seeds.
        seeds: the value on each seed.
    """

    policy: str
    mean: float
    low: float
    high: float
    over_uniform: tuple[float, float, float]
    over_rfm: tuple[float, float, float]
    gap_closed: tuple[float, float, float]
    contacts_per_customer: float
    seeds: tuple[float, ...]
    trained: bool


class Served(_Record):
    """A served day: what was asked, answered, refused and how quickly.

    Attributes:
        decisions: answered requests, repeats not counted twice.
        by_channel: decisions by the channel of the action served.
        by_served_by: decisions by who answered.
        refusals: decisions in which a guardrail took something away, by guardrail.
        p50_ms, p99_ms: latency seen by the channel systems, milliseconds.
        outcomes: events reported.
        repeats: requests sent a second time.
        repeats_differing: those of them whose answer was not the first one.
        errors: requests without an answer, by status.
    """

    decisions: int
    by_channel: dict[str, int]
    by_served_by: dict[str, int]
    refusals: dict[str, int]
    p50_ms: float
    p99_ms: float
    outcomes: int
    repeats: int
    repeats_differing: int = 0
    errors: dict[str, int] = {}


class Checks(_Record):
    """What was put to the test around the served day.

    Attributes:
        audit_ok: the whole chain verified.
        audit_entries: how many entries it has.
        unapproved_refused: a policy without approval was refused.
        unapproved_reason: in the words of the refusal.
        repeat_identical: every repeated request got the answer of the first.
        replay_identical: replayed decisions that came out bit for bit, of those replayed.
    """

    audit_ok: bool
    audit_entries: int
    unapproved_refused: bool
    unapproved_reason: str
    repeat_identical: bool
    replayed: int
    replay_identical: int


class UsedExtension(_Record):
    """What of an installed package a run used; see :class:`troth.extensions.Extension`."""

    group: str
    name: str
    distribution: str
    version: str
    digest: str


class Provenance(_Record):
    """What the figures hang on.

    Attributes:
        machine: where they were computed.
        extensions: learners, estimators and a scenario that are not Troth's own.
    """

    troth: str
    python: str
    platform: str
    scenario: str
    scenario_digest: str
    catalogue_digest: str
    schema_digest: str
    config_digest: str
    created_at: str
    libraries: dict[str, str]
    machine: Machine
    extensions: tuple[UsedExtension, ...] = ()


class BehindGuardrails(_Record):
    """The same policies on the same customers, as they would be served.

    Attributes:
        guardrails_digest: of the configuration.
        standings: as those without guardrails, among each other; shares are of the gap that
            uniform and the oracle have without them.
        changes: value per customer behind the guardrails less that without them, by policy:
            mean and interval of the paired differences over seeds, major units.
        played: in closed loop.
        off_policy: on the held-out logs; empty if these do not say what was known.
    """

    guardrails_digest: str
    standings: tuple[Standing, ...]
    changes: dict[str, tuple[float, float, float]]
    played: tuple[Played, ...]
    off_policy: tuple[OffPolicy, ...]

    def took(self, policy: str) -> tuple[TookShare, ...]:
        """What each guardrail took from ``policy`` in closed loop, a mean over seeds."""
        rows = [row.took for row in self.played if row.policy == policy]
        return tuple(
            TookShare(
                guardrail=same[0].guardrail,
                reason=same[0].reason,
                mass=sum(row.mass for row in same) / len(same),
                rows=sum(row.rows for row in same) / len(same),
            )
            for same in zip(*rows, strict=True)
        )


class RunResults(_Record):
    """A whole run.

    Attributes:
        standings, played, off_policy: without guardrails.
        guarded: behind them; ``None`` in results of runs that had no guardrails.
        objective: weight of each reward component in the values, minor units.
        logged_decisions, held_out_decisions: over all repetitions.
        seconds: wall-clock time by stage.
    """

    name: str
    seed: int
    level: float
    currency: str
    objective: dict[str, float]
    days: int
    customers: int
    logged_decisions: int
    held_out_decisions: int
    provenance: Provenance
    standings: tuple[Standing, ...]
    trained: tuple[Trained, ...]
    played: tuple[Played, ...]
    off_policy: tuple[OffPolicy, ...]
    seconds: dict[str, float]
    guarded: BehindGuardrails | None = None

    @property
    def best(self) -> Standing:
        """The trained policy with the highest mean value, behind guardrails if that is known."""
        trained = [s for s in self.standings if s.trained]
        return max(trained, key=lambda s: self.served_standing(s.policy).mean)

    def served_standing(self, policy: str) -> Standing:
        """The standing of ``policy`` as it would be served: behind guardrails, if that is known."""
        rows = self.standings if self.guarded is None else self.guarded.standings
        return next(row for row in rows if row.policy == policy)

    def digest_of(self, policy: str, seed_index: int = 0) -> str:
        """The artifact of a trained policy; raises :class:`NotFound` if it has none."""
        for row in self.trained:
            if (row.learner, row.seed_index) == (policy, seed_index):
                return row.digest
        raise NotFound(f"no artifact of {policy!r} for seed {seed_index}", field="policy")

    def write(self, path: Path) -> None:
        """Write JSON; the file appears whole or not at all."""
        write_record(path, self)

    @classmethod
    def read(cls, path: Path) -> RunResults:
        """Read what :meth:`write` wrote.

        Raises:
            NotFound: if there is no such file.
            DataLoss: if it does not hold results.
        """
        found = read_optional(cls, path)
        if found is None:
            raise NotFound(f"{path} does not exist; `troth run` makes it", field="results")
        return found


def write_record(path: Path, record: BaseModel) -> None:
    """Write one record as JSON."""
    write_text(path, record.model_dump_json(indent=2) + "\n")


def read_optional(kind: type[Record], path: Path) -> Record | None:
    """The record in ``path``, ``None`` if there is no such file.

    Raises:
        DataLoss: if the file holds something else.
    """
    if not path.is_file():
        return None
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        violation = Violation.first(error)
        where = f"{path}: {violation.key}" if violation.loc else path
        raise DataLoss(f"{where}: {violation.line()}", field=path.stem) from error
