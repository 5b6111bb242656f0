"""Estimators against Open Bandit Pipeline 0.5.7 on the same inputs, to 1e-9."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.ope.estimators import (
    Float64,
    Terms,
    dm,
    dr,
    expected_prediction,
    importance_weights,
    ips,
    snips,
)
from agents.ope.evidence import effective_sample_size
from agents.ope.intervals import asymptotic, bootstrap
from troth.streams import generator

pytestmark = pytest.mark.data

TOLERANCE = 1e-9
SYNTHETIC = ("bin_5k_mild", "bin_20k_hard")
OPEN_BANDIT = ("random_to_bts_men", "bts_to_random_men")


@pytest.fixture(scope="module")
def reference(data_dir: Path) -> dict[str, Any]:
    """What obp computed."""
    loaded: dict[str, Any] = json.loads((data_dir / "ope_golden" / "reference.json").read_text())
    return loaded


def _inputs(data_dir: Path, case: str) -> dict[str, np.ndarray]:
    with np.load(data_dir / "ope_golden" / f"{case}.npz", allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _estimates(
    distribution: Float64, inputs: dict[str, np.ndarray], q_hat: Float64 | None
) -> tuple[dict[str, Terms], Float64]:
    """Terms by obp's names, and the weights."""
    action, reward = inputs["action"].astype(np.int64), inputs["reward"]
    weight = importance_weights(distribution, action, inputs["pscore"])
    found = {"ipw": ips(weight, reward), "snipw": snips(weight, reward)}
    if q_hat is not None:
        expected = expected_prediction(distribution, q_hat)
        predicted = q_hat[np.arange(len(action)), action]
        found |= {"dm": dm(expected), "dr": dr(weight, reward, expected, predicted)}
    return found, weight


@pytest.mark.parametrize("case", SYNTHETIC)
def test_synthetic_bandits(data_dir: Path, reference: dict[str, Any], case: str) -> None:
    """All four values, the effective sample size and the largest weight."""
    inputs, expected = _inputs(data_dir, case), reference["cases"][case]
    found, weight = _estimates(inputs["pi_e"], inputs, inputs["q_hat"])
    for name, terms in found.items():
        assert terms.value == pytest.approx(expected["estimates"][name], abs=TOLERANCE), name
    assert effective_sample_size(weight) == pytest.approx(expected["ess"], rel=TOLERANCE)
    assert weight.max() == pytest.approx(expected["w_max"], rel=TOLERANCE)
    assert weight.mean() == pytest.approx(expected["w_mean"], rel=TOLERANCE)


def test_a_hundred_actions(data_dir: Path, reference: dict[str, Any]) -> None:
    """IPS and SNIPS of the case made for action embeddings."""
    inputs = _inputs(data_dir, "mips_5k")
    found, _ = _estimates(inputs["pi_e"], inputs, None)
    expected = reference["structured"]["mips_5k"]["estimates"]
    for name, terms in found.items():
        assert terms.value == pytest.approx(expected[name], abs=TOLERANCE), name


@pytest.mark.parametrize("case", OPEN_BANDIT)
def test_open_bandit_with_slots(data_dir: Path, reference: dict[str, Any], case: str) -> None:
    """A distribution per slot, taken at each row's slot, is obp's position convention."""
    inputs = _inputs(data_dir, case)
    distribution = np.ascontiguousarray(inputs["pi_e_single"].T[inputs["position"]])
    found, weight = _estimates(distribution, inputs, inputs["q_hat_at_position_normal"])
    rows = {
        row["estimator"]: row["value"]
        for row in reference["open_bandit"]["rows"]
        if row["case"] == case
        and row["q_fit"] == "normal"
        and row["q_model"] == "logistic_regression"
    }
    for name, terms in found.items():
        assert terms.value == pytest.approx(rows[name], abs=TOLERANCE), name
    expected = reference["open_bandit"]["inputs"][case]
    assert effective_sample_size(weight) == pytest.approx(expected["ess"], rel=TOLERANCE)
    assert inputs["reward"].mean() == pytest.approx(expected["on_policy_behavior"])


@pytest.mark.parametrize("case", SYNTHETIC)
@pytest.mark.parametrize("name", ["ipw", "snipw", "dr"])
def test_intervals_agree_with_obps(
    data_dir: Path, reference: dict[str, Any], case: str, name: str
) -> None:
    """Student's bound, and our rows put through obp's own resampling, to 1e-9.

    obp's ``student_t_lower_0_05`` is the lower end of a 90 % two-sided interval. For SNIPW it
    holds the denominator fixed, in that bound too, so that only its resampling is repeated.
    """
    inputs, expected = _inputs(data_dir, case), reference["cases"][case]["ci"][name]
    terms = _estimates(inputs["pi_e"], inputs, inputs["q_hat"])[0][name]
    rows = terms.numerator / terms.denominator.mean()
    if name != "snipw":
        student = asymptotic(terms, np.arange(len(terms)), level=0.9)
        assert student.low == pytest.approx(expected["student_t_lower_0_05"], abs=TOLERANCE)
    legacy = np.random.RandomState(12345)
    means = [legacy.choice(rows, size=len(rows)).mean() for _ in range(1000)]
    theirs = expected["bootstrap_1000_seed12345"]
    assert np.mean(means) == pytest.approx(theirs["mean"], abs=TOLERANCE)
    low, high = np.percentile(means, [2.5, 97.5])
    assert low == pytest.approx(theirs["95.0% CI (lower)"], abs=TOLERANCE)
    assert high == pytest.approx(theirs["95.0% CI (upper)"], abs=TOLERANCE)


def test_our_snips_interval_is_the_narrower_one(data_dir: Path, reference: dict[str, Any]) -> None:
    """A fixed denominator ignores that weights and weighted rewards move together."""
    inputs = _inputs(data_dir, "bin_20k_hard")
    terms = _estimates(inputs["pi_e"], inputs, None)[0]["snipw"]
    theirs = reference["cases"]["bin_20k_hard"]["ci"]["snipw"]["bootstrap_1000_seed12345"]
    ours = bootstrap(terms, np.arange(len(terms)), rng=generator("golden"), resamples=500)
    exact = asymptotic(terms, np.arange(len(terms)))
    width = theirs["95.0% CI (upper)"] - theirs["95.0% CI (lower)"]
    assert ours.high - ours.low < 0.9 * width
    assert exact.high - exact.low < 0.9 * width
