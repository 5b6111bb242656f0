"""Estimators against Open Bandit Pipeline 0.5.7 on the same inputs, to 1e-9."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from agents.ope.data import OpeData
from agents.ope.estimator import Need
from agents.ope.evidence import effective_sample_size
from agents.ope.intervals import asymptotic, bootstrap
from agents.ope.registry import ESTIMATORS
from agents.ope.terms import Float64, Terms
from agents.ope.weighed import WeighedLog
from tests.support.logs import log_of
from troth.streams import generator

pytestmark = pytest.mark.data

TOLERANCE = 1e-9
SYNTHETIC = ("bin_5k_mild", "bin_20k_hard")
OBP = {"ips": "ipw", "snips": "snipw"}
"""obp's names of estimators that are called otherwise here."""
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
    """What every estimator that has what it needs answers, by obp's names; and the weights."""
    log = log_of(
        action=inputs["action"].astype(np.int64),
        propensity=inputs["pscore"].astype(np.float64),
        reward=inputs["reward"].astype(np.float64),
        actions=distribution.shape[1],
    )
    weighed = WeighedLog(OpeData.of(log), distribution, q_hat)
    found = {}
    for name in ESTIMATORS.own:
        estimator = ESTIMATORS.find(name).thing
        if q_hat is not None or Need.REWARD_MODEL not in estimator.needs:
            found[OBP.get(name, name)] = cast("Terms", estimator.answer(weighed))
    return found, weighed.weight


def _in_both(
    found: dict[str, Terms], theirs: dict[str, float]
) -> Iterator[tuple[str, float, float]]:
    """Name, our value and obp's."""
    for name in found.keys() & theirs.keys():
        yield name, found[name].value, theirs[name]


def test_estimators_that_obp_has_too_are_held_to_it(
    data_dir: Path, reference: dict[str, Any]
) -> None:
    """Those four at least; one that is new is found by its name, or by obp's name for it."""
    inputs = _inputs(data_dir, SYNTHETIC[0])
    found, _ = _estimates(inputs["pi_e"], inputs, inputs["q_hat"])
    theirs = set(reference["cases"][SYNTHETIC[0]]["estimates"])
    assert {"ipw", "snipw", "dm", "dr"} <= theirs & set(found)


@pytest.mark.parametrize("case", SYNTHETIC)
def test_synthetic_bandits(data_dir: Path, reference: dict[str, Any], case: str) -> None:
    """All four values, the effective sample size and the largest weight."""
    inputs, expected = _inputs(data_dir, case), reference["cases"][case]
    found, weight = _estimates(inputs["pi_e"], inputs, inputs["q_hat"])
    for name, ours, theirs in _in_both(found, expected["estimates"]):
        assert ours == pytest.approx(theirs, abs=TOLERANCE), name
    assert effective_sample_size(weight) == pytest.approx(expected["ess"], rel=TOLERANCE)
    assert weight.max() == pytest.approx(expected["w_max"], rel=TOLERANCE)
    assert weight.mean() == pytest.approx(expected["w_mean"], rel=TOLERANCE)


def test_a_hundred_actions(data_dir: Path, reference: dict[str, Any]) -> None:
    """IPS and SNIPS of the case made for action embeddings."""
    inputs = _inputs(data_dir, "mips_5k")
    found, _ = _estimates(inputs["pi_e"], inputs, None)
    expected = reference["structured"]["mips_5k"]["estimates"]
    assert {"ipw", "snipw"} <= found.keys() & expected.keys()
    for name, ours, theirs in _in_both(found, expected):
        assert ours == pytest.approx(theirs, abs=TOLERANCE), name


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
    assert {"ipw", "snipw", "dm", "dr"} <= found.keys() & rows.keys()
    for name, ours, theirs in _in_both(found, rows):
        assert ours == pytest.approx(theirs, abs=TOLERANCE), name
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
