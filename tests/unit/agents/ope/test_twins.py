"""Actions with the same attributes are told apart by the direct method, as far as rows say so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.ope.evaluate import evaluate_policy
from agents.ope.reward_model import cross_fit
from tests.support.hillstrom import hillstrom, mail
from troth.catalogue import NO_CONTACT_ACTION, Catalogue, Channel
from troth.logs.batches import LoggedBatch

MakeLog = Callable[..., LoggedBatch]


TWINS = Catalogue(
    (NO_CONTACT_ACTION, mail("mens"), mail("womens"), mail("push", Channel.PUSH)), ("news",)
)


def log_of(
    make_log: MakeLog,
    action: NDArray[np.int64],
    means: tuple[float, ...],
    catalogue: Catalogue = TWINS,
    slope: float = 0.0,
    seed: int = 1,
) -> LoggedBatch:
    """Rewards of the actions' means, with noise of 1; ``slope`` turns action 1 against 2 by x0."""
    rng, n = np.random.default_rng(seed), len(action)
    raw = rng.normal(size=(n, 2))
    sign = np.array([0.0, 1.0, -1.0, 0.0, 0.0])[action]
    log = make_log(
        action=action,
        propensity=np.full(n, 1 / len(catalogue)),
        reward=np.array(means)[action] + slope * sign * raw[:, 0] + rng.normal(size=n),
        actions=len(catalogue),
        raw=raw,
    )
    return replace(log, catalogue=catalogue)


def test_twins_of_different_worth_are_told_apart(make_log: MakeLog) -> None:
    """Each of the two mails has its own mean, not the one between."""
    predicted = cross_fit(log_of(make_log, np.arange(6000) % 4, (0.0, 2.0, 1.0, 0.5)))
    np.testing.assert_allclose(predicted.mean(axis=0), [0.0, 2.0, 1.0, 0.5], atol=0.1)


def test_twins_for_different_people_are_told_apart(make_log: MakeLog) -> None:
    """Mails that are worth the same on average, but not to the same customers."""
    log = log_of(make_log, np.arange(6000) % 4, (0.0, 1.0, 1.0, 0.5), slope=0.6)
    predicted = cross_fit(log)
    difference = predicted[:, 1] - predicted[:, 2]
    expected = 1.2 * log.contexts.encoded[:, 0].astype(np.float64)
    assert np.corrcoef(difference, expected)[0, 1] > 0.98
    assert difference.std() == pytest.approx(expected.std(), rel=0.15)


def test_few_rows_leave_twins_together(make_log: MakeLog) -> None:
    """The fewer its rows, the less of what they say parts a mail from the other."""
    action = np.arange(6000) % 4
    shares = []
    for kept in (3, 30, 1500):
        changed = action.copy()
        changed[np.flatnonzero(action == 2)[kept:]] = 1
        log = log_of(make_log, changed, (0.0, 2.0, 1.0, 0.5))
        means = [log.reward_minor[log.action == at].mean() for at in (1, 2)]
        predicted = cross_fit(log).mean(axis=0)
        shares.append((predicted[1] - predicted[2]) / (means[0] - means[1]))
    assert 0.0 <= shares[0] < 0.4
    assert max(shares[:2]) < 0.8 * shares[2]
    assert shares[2] == pytest.approx(1.0, abs=0.15)


def test_an_action_of_yesterday_is_its_attributes(make_log: MakeLog) -> None:
    """A third mail that was never sent is predicted between the two that were."""
    wider = Catalogue((*TWINS.actions, mail("children")), TWINS.journeys)
    log = log_of(make_log, np.arange(6000) % 4, (0.0, 2.0, 1.0, 0.5, 9.0), wider)
    predicted = cross_fit(log).mean(axis=0)
    assert predicted[2] + 0.2 < predicted[4] < predicted[1] - 0.2


def test_where_twins_are_alike_they_stay_alike(make_log: MakeLog) -> None:
    """Noise alone does not part them: the held-out error sees to that."""
    predicted = cross_fit(log_of(make_log, np.arange(2000) % 4, (0.0, 1.0, 1.0, 0.5)))
    assert (predicted[:, 1] - predicted[:, 2]).std() < 0.15


@pytest.mark.data
def test_hillstroms_two_mails_are_told_apart(data_dir: Path) -> None:
    """The direct method gives each mail the visits of its own arm, within a standard error."""
    log = hillstrom(data_dir)
    for action in (1, 2):
        rows = log.action == action
        arm = log.reward_minor[rows]
        target = np.zeros((len(log), 3))
        target[:, action] = 1.0
        found = evaluate_policy(log, target, estimators=["dm", "dr"])
        stderr = arm.std() / np.sqrt(rows.sum())
        assert found["dm"].value == pytest.approx(arm.mean(), abs=stderr)
        assert found["dr"].value == pytest.approx(arm.mean(), abs=stderr)


@pytest.mark.data
def test_hillstroms_mails_suit_different_people(data_dir: Path) -> None:
    """Who bought women's goods visits for the women's mail rather than for the men's."""
    log = hillstrom(data_dir)
    predicted = cross_fit(log)
    womens = log.contexts.column("womens") == 1
    only = womens & (log.contexts.column("mens") == 0)
    gap = predicted[:, 2] - predicted[:, 1]
    arms = [log.reward_minor[only & (log.action == at)] for at in (1, 2)]
    stderr = np.hypot(*(arm.std() / np.sqrt(len(arm)) for arm in arms))
    assert gap[only].mean() == pytest.approx(arms[1].mean() - arms[0].mean(), abs=2 * stderr)
    assert gap[only].mean() > 0.0 > gap[~womens].mean()
