"""What every learner promises, tried on the toy.

The same checks hold Troth's own learners in its tests and those of other packages in
``troth learners check``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from agents.artifacts.artifact import ArtifactStore
from agents.learners.learner import EnvLearner, Learner, LogLearner, OnlineLearner
from agents.learners.toy import Problem, toy
from agents.policies.storable import StorablePolicy
from troth.contexts import ContextBatch
from troth.logs.batches import LoggedBatch
from troth.policy import Mask, check_distribution, read_only, sample
from troth.text import exception_text

MASTERED = 0.6
"""Least share of the way from uniform to the best that a learner must go on the toy."""
ROWS = 8_000
"""Logged decisions of the toy."""
BATCHES = 10
DRAWS = 100_000
"""Draws that propensities are held against."""
_ERRORS = 6.0
"""Standard errors that a share of draws may be off."""
_SAME = 1e-6
"""How far probabilities of policies that should be the same may differ, on average."""


class BrokenPromise(Exception):
    """What is wrong, in a sentence."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One promise.

    Attributes:
        promise: in words.
        kept: whether it is.
        found: what was seen, or what went wrong.
    """

    promise: str
    kept: bool
    found: str


@dataclass(frozen=True)
class Trial:
    """A learner and the toy.

    Attributes:
        learner: with its settings for practice.
        problem: the toy.
    """

    learner: Learner
    problem: Problem

    @cached_property
    def log(self) -> LoggedBatch:
        """Of the uniform policy."""
        return self.problem.log(ROWS, np.random.default_rng(1))

    @cached_property
    def policy(self) -> StorablePolicy:
        """What it learns."""
        return self.learned(self.log)

    def learned(self, log: LoggedBatch) -> StorablePolicy:
        """What it learns from ``log``, or else in the environment, under one seed."""
        learner, rng = self.learner, np.random.default_rng(2)
        if isinstance(learner, LogLearner):
            return learner.fit(log, rng)
        if isinstance(learner, OnlineLearner):
            learning = learner.begin(log.contexts.schema, log.catalogue)
            for rows in np.array_split(np.arange(len(log)), BATCHES):
                learning.update(log.take(rows))
            return learning.policy(rng)
        assert isinstance(learner, EnvLearner)  # noqa: S101  # the registry knows no other
        from agents.learners.rl.toy_env import ToyEnv

        schema, catalogue = self.problem.schema, self.problem.catalogue
        env = ToyEnv(self.problem, 2)
        try:
            return learner.train(env, schema=schema, catalogue=catalogue, seed=2).policy
        finally:
            env.close()

    def asked(self, n: int, seed: int = 3) -> tuple[ContextBatch, Mask]:
        """Customers nobody has seen, and their masks."""
        rng = np.random.default_rng(seed)
        return self.problem.contexts(n, rng), self.problem.mask(n, rng)

    def answers(self, policy: StorablePolicy, n: int = 500) -> np.ndarray:
        """What ``policy`` says of some of them."""
        contexts, mask = self.asked(n)
        return policy.distribution(contexts, self.problem.catalogue, read_only(mask))

    def saved(self, policy: StorablePolicy, folder: Path) -> str:
        """The digest of its artifact in ``folder``."""
        contexts, mask = self.asked(64)
        return ArtifactStore(folder).save(
            policy,
            schema=self.problem.schema,
            catalogue=self.problem.catalogue,
            contexts=contexts,
            mask=mask,
            training={"on": "the toy"},
        )


def _masters_the_toy(trial: Trial) -> str:
    share = trial.problem.closed(trial.policy)
    if not share >= MASTERED:
        raise BrokenPromise(f"it goes {share:.0%} of the way, less than {MASTERED:.0%}")
    return f"{share:.0%} of the way"


def _repeats(trial: Trial) -> str:
    first = trial.policy
    before = repr((random.getstate(), np.random.get_state()))  # noqa: NPY002
    again = trial.learned(trial.log)
    if repr((random.getstate(), np.random.get_state())) != before:  # noqa: NPY002
        raise BrokenPromise("training moves Python's or NumPy's global generator")
    with TemporaryDirectory() as folder:
        digests = {trial.saved(policy, Path(folder)) for policy in (first, again)}
    if len(digests) > 1:
        raise BrokenPromise("trained again with the same seed it is another artifact")
    return f"the same bytes: {digests.pop()[:12]}"


def _survives(trial: Trial) -> str:
    with TemporaryDirectory() as folder:
        digest = trial.saved(trial.policy, Path(folder))
        loaded = ArtifactStore(Path(folder)).load(digest).policy
    if not np.array_equal(trial.answers(loaded), trial.answers(trial.policy)):
        raise BrokenPromise("loaded from its artifact it answers otherwise")
    return f"kind {trial.policy.kind}"


def _refuses(trial: Trial) -> str:
    rng = np.random.default_rng(4)
    for n in (0, 1, 500):
        contexts, _ = trial.asked(n)
        masks = rng.random((n, len(trial.problem.catalogue))) < 0.5
        nothing = np.zeros_like(masks)
        for mask in (masks, nothing):
            mask[:, 0] = True
            answer = trial.policy.distribution(contexts, trial.problem.catalogue, read_only(mask))
            check_distribution(answer, mask)
    return "no mass on a masked action in 500 contexts"


def _agrees(trial: Trial) -> str:
    few = 20
    answer = trial.answers(trial.policy, few)
    each = DRAWS // few
    drawn = sample(np.repeat(answer, each, axis=0), np.random.default_rng(5).random(few * each))
    width = answer.shape[1]
    cells = np.repeat(np.arange(few), each) * width + drawn
    shares = np.bincount(cells, minlength=answer.size).reshape(answer.shape) / each
    errors = np.sqrt(answer * (1.0 - answer) / each) + 1.0 / each
    off = float((np.abs(shares - answer) / errors).max())
    if off > _ERRORS:
        raise BrokenPromise(f"a share of draws is {off:.1f} standard errors from its propensity")
    return f"at most {off:.1f} standard errors apart in {DRAWS:,} draws"


def _waits(trial: Trial) -> str:
    """Open rows carry what would mislead whoever reads them."""
    kept, n = trial.log, len(trial.log)
    more = trial.problem.log(n // 2, np.random.default_rng(6))
    more = replace(
        more,
        censored=np.ones(len(more), dtype=bool),
        reward_minor=np.full(len(more), 1e9),
        customer_id=np.array([f"open {i}" for i in range(len(more))]),
        decision_id=np.array([f"open {i}" for i in range(len(more))]),
    )
    spoilt = trial.learned(LoggedBatch.concatenate([kept, more]))
    return _close(trial, spoilt, trial.policy, "decisions that are still open change it")


def _merges(trial: Trial) -> str:
    learner, log = trial.learner, trial.log
    assert isinstance(learner, OnlineLearner)  # noqa: S101  # asked only of such
    halves = []
    for rows in np.array_split(np.arange(len(log)), 2):
        half = learner.begin(log.contexts.schema, log.catalogue)
        half.update(log.take(rows))
        halves.append(half)
    merged = halves[0].merge(halves[1]).policy(np.random.default_rng(2))
    return _close(trial, merged, trial.policy, "merged from two halves it differs from the whole")


def _close(trial: Trial, one: StorablePolicy, other: StorablePolicy, otherwise: str) -> str:
    apart = float(np.abs(trial.answers(one) - trial.answers(other)).mean())
    if apart > _SAME:
        raise BrokenPromise(f"{otherwise}: probabilities by {apart:.2g} on average")
    return f"probabilities differ by {apart:.2g} on average"


PROMISES: Mapping[str, Callable[[Trial], str]] = {
    "masters the toy": _masters_the_toy,
    "repeats for a seed": _repeats,
    "survives save and load": _survives,
    "refuses masked actions": _refuses,
    "draws agree with propensities": _agrees,
}
FROM_DATA: Mapping[str, Callable[[Trial], str]] = {"waits for outcomes": _waits}
"""Further ones of learners that read decisions."""
ONLINE: Mapping[str, Callable[[Trial], str]] = {"two halves merge to the whole": _merges}
"""Further ones of online learners."""


def promises(kind: type[Learner]) -> dict[str, Callable[[Trial], str]]:
    """Those that a learner of this kind makes; each raises :class:`BrokenPromise`."""
    made: dict[str, Callable[[Trial], str]] = dict(PROMISES)
    if not issubclass(kind, EnvLearner):
        made |= FROM_DATA
    if issubclass(kind, OnlineLearner):
        made |= ONLINE
    return made


def trial_of(kind: type[Learner]) -> Trial:
    """A learner of this kind as it practises."""
    settings: dict[str, Any] = dict(kind.practice)
    return Trial(kind(**settings), toy())


def check(kind: type[Learner]) -> Iterator[Checked]:
    """Try every promise, one after the other; whatever a learner raises breaks the promise."""
    trial = trial_of(kind)
    for promise, holds in promises(kind).items():
        try:
            yield Checked(promise, True, holds(trial))
        except (Exception, SystemExit) as error:  # the code may be anybody's
            said = str(error) if isinstance(error, BrokenPromise) else exception_text(error)
            yield Checked(promise, False, said)
