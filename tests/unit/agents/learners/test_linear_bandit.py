"""Settings of the linear bandit, and how weights are grouped."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners.linear_bandit import LinearThompsonConfig, _groups, _row_weights
from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.errors import InvalidArgument


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("draws", 3),
        ("draws", 0),
        ("exploration", 1.1),
        ("posterior_scale", -1.0),
        ("variance_bins", 0),
        ("iterations", 0),
        ("sparsity", -0.1),
    ],
)
def test_refuses_bad_settings(setting: str, value: float) -> None:
    """The setting at fault is named."""
    with pytest.raises(InvalidArgument, match=setting):
        LinearThompsonConfig(**{setting: value})  # type: ignore[arg-type]


def test_families_of_features_share_a_prior() -> None:
    """Channels share one variance, alone and with the context; the constant is not shrunk."""
    rows = [("a", OfferKind.NONE, Channel.NONE), ("b", OfferKind.CONTENT, Channel.EMAIL)]
    catalogue = Catalogue(
        tuple(
            Action(action_id=i, journey="j", step=0, offer="o", kind=k, channel=c)
            for i, k, c in rows
        ),
        ("j",),
    )
    names = ("", *catalogue.feature_names)
    groups = _groups(2, catalogue).reshape(3, len(names))
    assert groups[0, 0] == -1
    assert (groups[1] == groups[2]).all()
    for row in groups[:2]:
        by_family = {name.split("=")[0]: set() for name in names}
        for name, group in zip(names, row, strict=True):
            by_family[name.split("=")[0]].add(int(group))
        assert all(len(members) == 1 for members in by_family.values())
        assert len({g for members in by_family.values() for g in members}) == len(by_family)
    assert not set(groups[0]) & set(groups[1])
    assert set(range(groups.max() + 1)) == set(groups[groups >= 0])


def test_noisy_customers_weigh_less() -> None:
    """A class with nine times the variance gets about a ninth of the weight."""
    rng = np.random.default_rng(0)
    x = np.repeat([-1.0, 1.0], 20_000)[:, None].astype(np.float32)
    spread = np.where(x[:, 0] > 0, 3.0, 1.0)
    reward = 10.0 * x[:, 0] + spread * rng.standard_normal(40_000)
    weight = _row_weights(x, reward, LinearThompsonConfig(variance_bins=2))
    assert weight.mean() == pytest.approx(1.0)
    assert weight[0] / weight[-1] == pytest.approx(9.0, rel=0.05)


def test_constant_rewards_weigh_the_same() -> None:
    """Without any variance there is nothing to weigh by."""
    x = np.random.default_rng(0).standard_normal((500, 2)).astype(np.float32)
    np.testing.assert_array_equal(_row_weights(x, np.zeros(500), LinearThompsonConfig()), 1.0)
