"""What a run does: one typed TOML file, read once, refused early.

A configuration names the scenario, the seed, how much is logged, which learners are
trained with which settings, how the policies are judged and how large the served day is.
Its digest is part of the evidence that a proposal carries.
"""

from __future__ import annotations

from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from agents.learners.learner import EnvLearner, Learner
from agents.learners.registry import LEARNERS
from agents.ope.registry import ESTIMATORS
from experiments.runs.baselines import NAMES, ORACLE
from simulator.scenarios.source import extension_of as scenario_extension
from troth.digests import digest
from troth.errors import FailedPrecondition, InvalidArgument, NotFound
from troth.extensions import Extension
from troth.registry import Registered
from troth.text import toml_values
from troth.validation import Violation, of_numbers

Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _number(cls, value: object, info: ValidationInfo) -> object:
        """A number is given as one: neither ``true`` nor a text passes for it."""
        if not of_numbers(cls.model_fields[str(info.field_name)].annotation, value):
            raise ValueError("must be a number")
        return value


class LogConfig(_Section):
    """The log that learners and off-policy estimators read.

    Attributes:
        customers: customers of each training log.
        days: days logged, one decision per customer and day.
        held_out_customers: further customers, never trained on, for off-policy evaluation.
        policy: who decides while logging.
    """

    customers: int = Field(ge=100, le=5_000_000)
    days: int = Field(ge=1, le=365)
    held_out_customers: int = Field(ge=100, le=1_000_000)
    policy: Literal["uniform"] = "uniform"


class EvaluationConfig(_Section):
    """The closed loop: fresh customers, every policy on the same ones.

    Attributes:
        seeds: independent repetitions of log, training and evaluation.
        customers: customers per seed.
        days: days each policy decides for.
        level: confidence level of the intervals over seeds.
    """

    seeds: int = Field(ge=5, le=200)
    customers: int = Field(ge=100, le=5_000_000)
    days: int = Field(ge=1, le=730)
    level: Share = 0.95


class OpeConfig(_Section):
    """Off-policy evaluation on the held-out log.

    Attributes:
        estimators: names of :data:`agents.ope.registry.ESTIMATORS`, in report order.
        level: confidence level of each interval.
        folds: folds of the cross-fitted reward model.
    """

    estimators: tuple[str, ...] = Field(default=("ips", "snips", "dm", "dr"), min_length=1)
    level: Share = 0.95
    folds: int = Field(default=3, ge=2, le=20)


class LearnerConfig(_Section):
    """One learner and its settings.

    Attributes:
        name: what reports call the policy it makes.
        kind: a name of :data:`agents.learners.registry.LEARNERS`.
        settings: those of its settings that are not left at their defaults.
        environment: for a learner that acts: customers per step and the episode's length.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)
    kind: str
    settings: dict[str, Any] = Field(default_factory=dict)
    environment: EnvironmentConfig | None = None

    def made(self) -> Learner:
        """The learner itself.

        Raises:
            InvalidArgument: naming the setting at fault, or an environment that is missing or
                of no use.
            FailedPrecondition: as :meth:`troth.registry.Registry.find` does.
        """
        where = f"learners.{self.name}"
        try:
            learner = self._registered.thing(**self.settings)
        except InvalidArgument as error:
            at = f"{where}.settings.{error.field}" if error.field else f"{where}.settings"
            raise InvalidArgument(f"{error.message}", field=at) from error
        if self.acts and self.environment is None:
            raise InvalidArgument(
                "a learner that acts needs customers and horizon_days",
                field=f"{where}.environment",
            )
        if not self.acts and self.environment is not None:
            raise InvalidArgument(
                "a learner that reads a log has no environment", field=f"{where}.environment"
            )
        return learner

    @property
    def acts(self) -> bool:
        """Whether it learns in an environment; the others read the log."""
        return issubclass(self._registered.thing, EnvLearner)

    @property
    def extension(self) -> Extension | None:
        """The package that it comes from; ``None`` for Troth's own."""
        return self._registered.extension

    @property
    def _registered(self) -> Registered[type[Learner]]:
        return LEARNERS.find(self.kind, at=f"learners.{self.name}.kind")


class EnvironmentConfig(_Section):
    """The environment an acting learner is trained in.

    Attributes:
        customers: customers that step together.
        horizon_days: days of an episode.
        reward: ``expected`` gives E[reward | state, action], which has less variance;
            ``sampled`` gives what happened.
    """

    customers: int = Field(ge=1, le=1_000_000)
    horizon_days: int = Field(ge=1, le=3650)
    reward: Literal["sampled", "expected"] = "expected"


class ServeConfig(_Section):
    """The simulated day of decisions.

    Attributes:
        customers: customers the channel systems ask for.
        warm_up_days: days the customers live before, so that the day is an ordinary one.
        repeats: requests that are sent twice.
    """

    customers: int = Field(ge=10, le=1_000_000)
    warm_up_days: int = Field(default=14, ge=0, le=365)
    repeats: int = Field(default=50, ge=1, le=10_000)


LearnerConfig.model_rebuild()


class RunConfig(_Section):
    """A whole run.

    Attributes:
        name: what the report is titled.
        scenario: name of a shipped scenario or path of a TOML file.
        seed: every random number of the run follows from it; in [0, 2**63).
        currency: what the scenario's major unit is, for tables.
        reproducible: compute with kernels that every x86-64 has, so that the figures are the
            same on another processor; see :mod:`experiments.runs.numerics`.
    """

    name: str = Field(min_length=1)
    scenario: str = Field(min_length=1)
    seed: int = Field(ge=0, lt=2**63)
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    reproducible: bool = False
    log: LogConfig
    evaluation: EvaluationConfig
    ope: OpeConfig = OpeConfig()
    serve: ServeConfig
    learners: tuple[LearnerConfig, ...] = Field(min_length=1)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the configuration: of what is computed.

        The scenario may be a path; what it says has a digest of its own. By which kernels it is
        computed changes no artifact whose weights are the same.
        """
        return digest(self.model_dump(mode="json", exclude={"scenario", "reproducible"}))

    def extensions(self) -> tuple[Extension, ...]:
        """What of installed packages it names: learners, estimators, the scenario."""
        used = [
            *(learner.extension for learner in self.learners),
            *(ESTIMATORS.find(name).extension for name in self.ope.estimators),
            scenario_extension(self.scenario),
        ]
        return tuple(dict.fromkeys(each for each in used if each is not None))

    def with_seed(self, seed: int | None) -> RunConfig:
        """The same run from another seed; ``None`` keeps it."""
        if seed is None:
            return self
        return parse({**self.model_dump(mode="json"), "seed": seed}, source="--seed")

    def with_reproducible(self, wanted: bool) -> RunConfig:
        """The same run in the reproducible mode, if that is wanted or it was already."""
        return self.model_copy(update={"reproducible": self.reproducible or wanted})


def load(name_or_path: str | Path = "reference") -> RunConfig:
    """Read a suite shipped in ``experiments/suites`` by name, or any TOML file by path.

    Raises:
        NotFound: if there is no such suite or file.
        InvalidArgument: one line naming the file, the key, its value and what is allowed.
        FailedPrecondition: if a package's learner or estimator that it names cannot be used.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise NotFound(f"{path} does not exist", field="config")
        text, source = path.read_bytes(), str(path)
    else:
        shipped = files("experiments").joinpath("suites", f"{name_or_path}.toml")
        if not shipped.is_file():
            known = sorted(
                p.name.removesuffix(".toml")
                for p in files("experiments").joinpath("suites").iterdir()
                if p.name.endswith(".toml")
            )
            raise NotFound(
                f"no suite {name_or_path!r}; shipped: {', '.join(known)}", field="config"
            )
        text, source = shipped.read_bytes(), f"suites/{name_or_path}.toml"
    try:
        data = toml_values(text)
    except ValueError as error:
        raise InvalidArgument(f"{source} is not TOML: {error}", field="config") from error
    return parse(data, source=source)


def parse(data: dict[str, Any], *, source: str) -> RunConfig:
    """Check ``data``; raises as :func:`load` does."""
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        violation = Violation.first(error)
        raise InvalidArgument(
            f"{violation.line(RunConfig)} in {source}", field=violation.key
        ) from error
    try:
        for learner in config.learners:
            LEARNERS.configured(learner.kind, at=f"learners.{learner.name}.kind")
            learner.made()
        for at, name in enumerate(config.ope.estimators):
            ESTIMATORS.configured(name, at=f"ope.estimators.{at}")
    except (InvalidArgument, FailedPrecondition) as error:
        raise type(error)(f"{error.message} in {source}", field=error.field) from error
    names = [learner.name for learner in config.learners]
    for at, name in enumerate(names):
        if name in names[:at] or name in RESERVED:
            raise InvalidArgument(
                f"{name!r} is taken by another policy in {source}", field=f"learners.{at}.name"
            )
    return config


RESERVED = (*NAMES, ORACLE)
"""Names of the policies that every run evaluates."""
