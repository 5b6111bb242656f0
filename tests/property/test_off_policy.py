"""Whatever a log holds, no estimate claims to know what the log does not say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ope.estimator import Need
from agents.ope.evaluate import Evaluation, evaluate_policy
from agents.ope.registry import ESTIMATORS
from tests.support.logs import log_of
from troth.errors import InvalidArgument
from troth.logs.batches import LoggedBatch
from troth.streams import generator

KINDS = ("student", "normal", "bootstrap")
EVERY = {name: ESTIMATORS.find(name).thing for name in ESTIMATORS.own}
SAMPLED = tuple(name for name, each in EVERY.items() if Need.WEIGHTS in each.needs)
MODELLED = tuple(name for name in EVERY if name not in SAMPLED)


@dataclass(frozen=True)
class Case:
    """A log, a target and a reward model, drawn at random."""

    log: LoggedBatch
    target: np.ndarray
    q_hat: np.ndarray

    def evaluate(self, kind: str = "student", **more: tuple[float, float]) -> Evaluation:
        """All estimators."""
        return evaluate_policy(
            self.log,
            self.target,
            q_hat=self.q_hat,
            interval=kind,  # type: ignore[arg-type]
            rng=generator("property", 0),
            resamples=100,
            **more,
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Few rows or many, of few customers or many, rewards alike or not, targets of all kinds."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, k = draw(st.integers(1, 60)), draw(st.integers(2, 4))
    rewards = draw(
        st.sampled_from(([0.0], [5.0], [0.0, 1.0], [0.0, 0.0, 0.0, -7.0, 900.0], [0.1, 0.2, 0.3]))
    )
    target = {
        "uniform": np.full((n, k), 1 / k),
        "one": np.tile(np.eye(k)[draw(st.integers(0, k - 1))], (n, 1)),
        "any": rng.dirichlet(np.ones(k), size=n),
    }[draw(st.sampled_from(("uniform", "one", "any")))]
    action = rng.integers(0, draw(st.integers(1, k)), n)
    log = log_of(
        action=action,
        propensity=np.full(n, 1 / k) if draw(st.booleans()) else rng.uniform(0.05, 1.0, n),
        reward=rng.choice(rewards, n),
        actions=k,
        customer=rng.integers(0, draw(st.integers(1, 80)), n),
    )
    model = rng.choice(rewards, (n, k)) if draw(st.booleans()) else np.zeros((n, k))
    return Case(log, target, model)


@given(cases(), st.sampled_from(KINDS))
def test_no_interval_has_width_zero(case: Case, kind: str) -> None:
    """Ends apart, the value between them; no estimate without a row, no interval of a model."""
    found = case.evaluate(kind)
    played = case.target[np.arange(len(case.log)), case.log.action].any()
    for name in SAMPLED:
        estimate = found[name]
        assert (estimate.value is not None) == estimate.has_interval == played
        if estimate.low is not None:
            assert estimate.low < estimate.high
            assert estimate.low <= estimate.value <= estimate.high
    for name in MODELLED:
        assert found[name].value is not None
        assert not found[name].has_interval


@given(cases(), st.sampled_from(KINDS))
def test_a_known_range_bounds_and_never_claims_to_know(case: Case, kind: str) -> None:
    """With a range the ends are finite, apart, and around the value."""
    found = case.evaluate(kind, reward_range=(-10.0, 1000.0))
    for name in SAMPLED:
        estimate = found[name]
        if estimate.low is not None:
            assert np.isfinite([estimate.low, estimate.high]).all()
            assert estimate.low < estimate.high
            assert estimate.low <= estimate.value <= estimate.high


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(case: Case, random: object) -> None:
    """Rows in another order give the same estimates and the same verdict."""
    order = np.arange(len(case.log))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = Case(case.log.take(order), case.target[order], case.q_hat[order]).evaluate()
    _same(case.evaluate(), again)


@given(cases(), st.sampled_from((0.01, 3.0, 1e6)))
def test_a_reward_in_another_currency_scales_everything(case: Case, factor: float) -> None:
    """Cents or dollars: values and ends scale, the verdict stays."""
    scaled = Case(
        _rewarded(case.log, factor * case.log.reward_minor), case.target, factor * case.q_hat
    )
    _same(case.evaluate(), scaled.evaluate(), factor=factor)


@given(cases(), st.sampled_from((-40.0, 0.5, 1000.0)))
def test_a_shift_of_the_reward_shifts_snips_and_dr(case: Case, shift: float) -> None:
    """They know of no zero: what was unknown stays so, what was known moves along."""
    moved = Case(
        _rewarded(case.log, case.log.reward_minor + shift), case.target, case.q_hat + shift
    )
    _same(case.evaluate(), moved.evaluate(), shift=shift, names=("snips", "dr"))


@given(cases())
def test_the_policy_that_made_the_log_is_worth_its_mean_reward(case: Case) -> None:
    """With weights of one and a model that knows nothing, whoever uses the rewards says so."""
    k = case.target.shape[1]
    log = replace(case.log, propensity=np.full(len(case.log), 1 / k))
    uniform, nothing = np.full(case.target.shape, 1 / k), np.zeros(case.target.shape)
    found = Case(log, uniform, nothing).evaluate()
    scale = np.abs(log.reward_minor).max()
    for name in SAMPLED:
        assert found[name].value == pytest.approx(log.reward_minor.mean(), abs=1e-9 * (1 + scale))


@given(cases(), st.integers(1, 3))
def test_rows_put_in_twice_are_refused(case: Case, times: int) -> None:
    """The same decisions again are no more evidence."""
    with pytest.raises(InvalidArgument) as refused:
        LoggedBatch.concatenate([case.log] * (times + 1))
    assert refused.value.field == "decision_id"


def _rewarded(log: LoggedBatch, reward: np.ndarray) -> LoggedBatch:
    return replace(log, reward_minor=reward)


def _same(
    here: Evaluation,
    there: Evaluation,
    *,
    factor: float = 1.0,
    shift: float = 0.0,
    names: tuple[str, ...] = tuple(EVERY),
) -> None:
    for name in names:
        for end in ("value", "low", "high"):
            one, other = getattr(here[name], end), getattr(there[name], end)
            if one is None or other is None:
                assert one is other, (name, end)
                continue
            assert other == pytest.approx(factor * one + shift, rel=1e-6, abs=1e-6 * factor), (
                name,
                end,
            )
    if not shift:
        assert here.verdict is there.verdict
