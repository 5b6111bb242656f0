"""What a learner is: its settings, and one way to come from data to a policy.

A learner is a frozen pydantic model. Its fields are its settings, with their ranges; what it does
is one of three protocols. It never knows where its data come from: a log or an environment is an
argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from annotated_types import Ge, Gt, Le, Lt, MultipleOf
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.policies.storable import StorablePolicy
from troth.catalogue import Catalogue
from troth.errors import InvalidArgument
from troth.features import FeatureSchema
from troth.logs.batches import LoggedBatch
from troth.validation import Violation, of_numbers, shown

if TYPE_CHECKING:  # brings torch
    from stable_baselines3.common.vec_env import VecEnv

Progress = Callable[[int, int, float], None]
"""Called after each rollout with steps done, steps in all, and the rollout's mean reward."""

_RULES = {
    Ge: ("at least", "ge"),
    Gt: ("above", "gt"),
    Le: ("at most", "le"),
    Lt: ("below", "lt"),
    MultipleOf: ("a multiple of", "multiple_of"),
}


class Learner(BaseModel):
    """Settings of a learner, and with one of the protocols below the learner itself.

    Attributes:
        title: its policies' name for people.
        practice: settings with which it masters the toy of :mod:`agents.learners.toy` in
            seconds, where they are not the defaults.

    Raises:
        InvalidArgument: in one line, naming the setting, its value and what is allowed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    title: ClassVar[str]
    practice: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **settings: Any) -> None:
        kind = type(self)
        for name, value in settings.items():
            field = kind.model_fields.get(name)
            if field is not None and not of_numbers(field.annotation, value):
                rule = allowed(kind, name)
                what = "a number" if field.annotation in (int, float) else "numbers"
                said = f"must be {what}{', ' if rule else ''}{rule}"
                raise InvalidArgument(f"{shown(value)}: {said}", field=name)
        try:
            super().__init__(**settings)
        except ValidationError as error:
            raise _refusal(kind, error) from error


@runtime_checkable
class LogLearner(Protocol):
    """Learns from a whole log at once."""

    def fit(self, log: LoggedBatch, rng: np.random.Generator) -> StorablePolicy:
        """A policy over the log's schema and catalogue.

        Args:
            log: rows whose outcome window is open (``censored``) must not be learned from.
            rng: a keyed generator, the only source of chance.
        """
        ...


@runtime_checkable
class OnlineLearner(Protocol):
    """Learns from one batch of decisions after the other."""

    def begin(self, schema: FeatureSchema, catalogue: Catalogue) -> Learning:
        """What knows nothing yet of ``catalogue``'s actions."""
        ...


class Learning(Protocol):
    """What an online learner knows so far."""

    def update(self, log: LoggedBatch) -> None:
        """Learn from decisions whose outcome is known, in batches of any size and age.

        Rows whose outcome window is open (``censored``) are passed over: they come again in a
        later batch when it is closed.
        """
        ...

    def merge(self, other: Self) -> Self:
        """What both know, each from decisions of its own; neither is changed.

        Raises:
            InvalidArgument: if they are of different settings, schemas or catalogues.
        """
        ...

    def policy(self, rng: np.random.Generator) -> StorablePolicy:
        """The policy of what is known.

        Raises:
            FailedPrecondition: if that is not enough for one.
        """
        ...


@runtime_checkable
class EnvLearner(Protocol):
    """Learns by acting."""

    def train(
        self,
        env: VecEnv,
        *,
        schema: FeatureSchema,
        catalogue: Catalogue,
        seed: int,
        on_progress: Progress | None = None,
    ) -> TrainedPolicy:
        """A policy from acting in ``env``.

        Args:
            env: Stable-Baselines3's interface to many customers at once, over encoded
                contexts, float32 (D,), and K discrete actions, with a method
                ``action_masks`` giving bool (num_envs, K). It is seeded with ``seed``,
                whatever it was seeded with before, reset, and left open.
            schema: what the observations are encoded with; D columns.
            catalogue: what the actions are; K rows.
            seed: in [0, 2**32); with the same environment it gives the same bytes.
            on_progress: see :data:`Progress`.
        """
        ...


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """One rollout of training.

    Attributes:
        steps: customer-days so far.
        mean_reward: reward per customer-day in this rollout, in the environment's units.
    """

    steps: int
    mean_reward: float


@dataclass(frozen=True)
class TrainedPolicy:
    """What acting gives: a policy that needs no torch, and how it came about."""

    policy: StorablePolicy
    curve: tuple[LearningPoint, ...]


def allowed(kind: type[Learner], setting: str) -> str:
    """What a value of a setting must be, in words; empty where nothing is said."""
    choices = kind.model_fields[setting].annotation
    if isinstance(choices, type) and issubclass(choices, Enum):
        return f"one of {', '.join(str(each.value) for each in choices)}"
    said = [
        f"{words} {getattr(rule, name):g}"
        for rule in kind.model_fields[setting].metadata
        for words, name in [_RULES.get(type(rule), ("", ""))]
        if words
    ]
    return " and ".join(said)


def _refusal(kind: type[Learner], error: ValidationError) -> InvalidArgument:
    """The first fault of ``error`` as one line."""
    violation = Violation.first(error)
    message = violation.says[:1].lower() + violation.says[1:]
    if not violation.loc:  # of several settings together
        return InvalidArgument(message)
    setting = str(violation.loc[0])
    if setting not in kind.model_fields:
        known = ", ".join(kind.model_fields) or "none"
        return InvalidArgument(f"no such setting; there are {known}", field=setting)
    if violation.kind == "missing":
        return InvalidArgument("is required and missing", field=setting)
    rule = allowed(kind, setting)
    said = f"must be {rule}" if rule else message
    return InvalidArgument(f"{violation.value}: {said}", field=setting)
