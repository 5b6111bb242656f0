"""What every learner promises, tried on each that Troth ships; and a broken promise is found."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from pydantic import model_validator

from agents.learners.bandits.linear_posterior import PosteriorSettings
from agents.learners.bandits.linear_thompson import LinearThompson
from agents.learners.bandits.online_linear_thompson import LinearSums, OnlineLinearThompson
from agents.learners.checks import PROMISES, Trial, check, promises, trial_of
from agents.learners.learner import Learner
from agents.learners.registry import LEARNERS
from agents.learners.rl.masked_ppo import MaskedPpo
from agents.learners.toy import toy
from agents.policies.linear import LinearThompsonPolicy
from agents.policies.storable import StorablePolicy
from agents.policies.uniform import UniformPolicy
from troth.catalogue import Catalogue
from troth.errors import FailedPrecondition, InvalidArgument
from troth.features import FeatureSchema
from troth.logs.batches import LoggedBatch

MADE = [(kind, promise) for kind in LEARNERS.own for promise in promises(LEARNERS.find(kind).thing)]


@pytest.fixture(scope="module")
def trials() -> dict[str, Trial]:
    """One of each kind: what it learns is learned once."""
    return {kind: trial_of(LEARNERS.find(kind).thing) for kind in LEARNERS.own}


@pytest.mark.parametrize(("kind", "promise"), MADE)
def test_learners_keep_their_promises(kind: str, promise: str, trials: dict[str, Trial]) -> None:
    """Each promise, on the toy."""
    assert promises(type(trials[kind].learner))[promise](trials[kind])


def test_every_way_of_learning_makes_promises() -> None:
    """Who reads decisions promises more than who acts; who learns online promises most."""
    made = {kind: len(promises(LEARNERS.find(kind).thing)) for kind in LEARNERS.own}
    assert made["masked_ppo"] == len(PROMISES)
    assert made["masked_ppo"] < made["linear_thompson"] < made["online_linear_thompson"]


class _Bandit(LinearThompson):
    """The bandit, quicker, for others to spoil."""

    practice: ClassVar[Mapping[str, Any]] = {"draws": 16, "iterations": 4}


class _Uniform(_Bandit):
    def fit(self, log: LoggedBatch, rng: np.random.Generator) -> StorablePolicy:  # type: ignore[override]
        return UniformPolicy()


class _Moody(_Bandit):
    def fit(self, log: LoggedBatch, rng: np.random.Generator) -> LinearThompsonPolicy:
        return super().fit(log, np.random.default_rng(np.random.randint(2**31)))  # noqa: NPY002


class _Loud(_Bandit):
    def fit(self, log: LoggedBatch, rng: np.random.Generator) -> LinearThompsonPolicy:
        random.random()
        return super().fit(log, rng)


class _Hasty(_Bandit):
    def fit(self, log: LoggedBatch, rng: np.random.Generator) -> LinearThompsonPolicy:
        return super().fit(replace(log, censored=np.zeros(len(log), dtype=bool)), rng)


class _Careless(LinearThompsonPolicy):
    def distribution(self, *asked: Any) -> np.ndarray:
        answer = super().distribution(*asked)
        return np.full_like(answer, 1.0 / answer.shape[1])


class _Unmasked(_Bandit):
    def fit(self, log: LoggedBatch, rng: np.random.Generator) -> LinearThompsonPolicy:
        made = super().fit(log, rng)
        state = made.to_state()
        return _Careless.from_state(*state)


class _Failing(_Bandit):
    def fit(self, log: LoggedBatch, rng: np.random.Generator) -> LinearThompsonPolicy:
        raise ZeroDivisionError("nothing to divide by")


class _LastSums(LinearSums):
    def merge(self, other: Any) -> Any:
        return other


class _Forgetful(OnlineLinearThompson):
    practice: ClassVar[Mapping[str, Any]] = {"draws": 16, "iterations": 4}

    def begin(self, schema: FeatureSchema, catalogue: Catalogue) -> LinearSums:
        return _LastSums(self, schema, catalogue)


@pytest.mark.parametrize(
    ("kind", "promise", "words"),
    [
        (_Uniform, "masters the toy", "0% of the way, less than 60%"),
        (_Moody, "repeats for a seed", "global generator"),
        (_Loud, "repeats for a seed", "global generator"),
        (_Hasty, "waits for outcomes", "still open change it"),
        (_Unmasked, "refuses masked actions", "puts mass on a masked action"),
        (_Forgetful, "two halves merge to the whole", "differs from the whole"),
        (_Failing, "masters the toy", "ZeroDivisionError"),
    ],
)
def test_a_broken_promise_is_found(kind: type[Learner], promise: str, words: str) -> None:
    """And told in a sentence, whatever the learner does."""
    found = next(row for row in check(kind) if row.promise == promise)
    assert not found.kept
    assert words in found.found
    assert "\n" not in found.found


def test_sums_of_half_runs_are_those_of_the_whole() -> None:
    """Counts exactly, posteriors to rounding, in any order; what was merged stays as it was."""
    problem = toy()
    log = problem.log(3_000, np.random.default_rng(7))
    learner = OnlineLinearThompson(draws=8, iterations=3)

    def sums(*parts: LoggedBatch) -> LinearSums:
        begun = learner.begin(problem.schema, problem.catalogue)
        for part in parts:
            begun.update(part)
        return begun

    first, second = log.take(slice(0, 1_000)), log.take(slice(1_000, 3_000))
    one, other = sums(first), sums(second)
    before = one.moments.outer.copy()
    for merged in (one.merge(other), other.merge(one), sums(second, first), sums(log)):
        assert merged.rows == 3_000
        answer = merged.policy(np.random.default_rng(0)).draws
        whole = LinearThompson(draws=8, iterations=3, variance_classes=1).fit(
            log, np.random.default_rng(0)
        )
        np.testing.assert_allclose(answer, whole.draws, rtol=1e-8, atol=1e-8)
    np.testing.assert_array_equal(one.moments.outer, before)


def test_sums_of_other_models_do_not_merge() -> None:
    """Nor learn from a log of other actions, nor answer before they have seen enough."""
    problem = toy()
    log = problem.log(50, np.random.default_rng(7))
    few = Catalogue(problem.catalogue.actions[:-1], problem.catalogue.journeys)
    begun = OnlineLinearThompson().begin(problem.schema, problem.catalogue)
    with pytest.raises(InvalidArgument, match="catalogue"):
        begun.merge(OnlineLinearThompson().begin(problem.schema, few))
    with pytest.raises(InvalidArgument, match="settings"):
        begun.merge(OnlineLinearThompson(draws=2).begin(problem.schema, problem.catalogue))
    with pytest.raises(FailedPrecondition, match=r"log\.catalogue"):
        OnlineLinearThompson().begin(problem.schema, few).update(log)
    begun.update(log)
    with pytest.raises(FailedPrecondition, match="50 complete rows cannot determine"):
        begun.policy(np.random.default_rng(0))


def _settings() -> Iterator[tuple[str, str, Any]]:
    """Every numeric setting of every learner that Troth ships, with values out of range."""
    for kind in LEARNERS.own:
        model = LEARNERS.find(kind).thing
        for name, field in model.model_fields.items():
            if field.annotation in (int, float):
                yield from ((kind, name, value) for value in (-1, float("nan"), "8", True))


@pytest.mark.parametrize(("kind", "name", "value"), list(_settings()))
def test_a_wrong_setting_is_refused_in_one_line(kind: str, name: str, value: Any) -> None:
    """By name, with its value and, where numbers are bounded, the bounds."""
    with pytest.raises(InvalidArgument) as caught:
        LEARNERS.find(kind).thing(**{name: value})
    assert caught.value.field == name
    assert repr(value) in caught.value.message
    assert "must be" in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_choice_is_told_in_full() -> None:
    """The names that a suite may give."""
    with pytest.raises(InvalidArgument) as caught:
        MaskedPpo(activation="sigmoid")  # type: ignore[arg-type]
    assert str(caught.value) == "activation: 'sigmoid': must be one of tanh, relu"


class _Needy(LinearThompson):
    """Cannot be without one setting, and two that do not go together."""

    needed: int

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.needed > self.draws:
            raise ValueError("needed must be at most draws")
        return self


def test_what_is_missing_or_does_not_go_together_is_told() -> None:
    """Whatever a learner's own validators say."""
    with pytest.raises(InvalidArgument, match="is required and missing") as caught:
        _Needy()  # type: ignore[call-arg]
    assert caught.value.field == "needed"
    with pytest.raises(InvalidArgument, match=r"^needed must be at most draws$"):
        _Needy(needed=9, draws=8)


def test_an_unknown_setting_is_told_which_there_are() -> None:
    """All of them, those that are shared included."""
    with pytest.raises(InvalidArgument, match="no such setting; there are draws, ") as caught:
        LinearThompson(colour="red")  # type: ignore[call-arg]
    assert caught.value.field == "colour"
    assert set(PosteriorSettings.model_fields) < set(LinearThompson.model_fields)


def test_knowing_the_learners_costs_no_torch() -> None:
    """Nor does reading a run's configuration that names one which needs it."""
    code = (
        "import sys; from agents.learners.registry import LEARNERS;"
        "from experiments.runs.config import load;"
        "assert [LEARNERS.find(name) for name in LEARNERS.own]; load('reference');"
        "print([m for m in ('torch', 'stable_baselines3', 'gymnasium') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
