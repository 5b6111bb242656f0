"""The dashboard shows what the diary holds."""

from __future__ import annotations

import numpy as np
import pytest

from envs.problems.next_best_action import NextBestActionVectorEnv
from envs.rendering.canvas import Box, Canvas
from envs.rendering.charts import PALETTE, line_chart, plain, share_bars, stacked_chart
from envs.rendering.dashboard import HEIGHT, WIDTH, draw
from envs.rendering.diary import Diary
from simulator.scenarios import Scenario
from troth.errors import FailedPrecondition

BOX = Box(60, 20, 260, 120)


def count(canvas: Canvas, colour: tuple[int, int, int]) -> int:
    """Pixels of exactly this colour."""
    return int((canvas.pixels() == np.array(colour)).all(axis=2).sum())


def test_diary_holds_the_day(brisk: Scenario) -> None:
    """Contacts, purchases, rewards and the morning after are those of the world."""
    env = NextBestActionVectorEnv(200, scenario=brisk, render_mode="rgb_array")
    _, info = env.reset(seed=0)
    _, rewards, *_, facts = env.step(info["action_mask"].argmax(axis=1))
    diary = env.cohort.diary
    assert diary is not None
    assert diary.first is not None
    (entry,) = diary.entries
    assert entry.reward == pytest.approx(rewards.mean())
    assert entry.purchases == facts["purchased"].mean()
    assert entry.contacts.sum() == 0.0
    assert entry.state.permissions == pytest.approx(env.world.permissions[:, 1:].mean(axis=0))
    assert entry.state.tiers.sum() == pytest.approx(1.0)
    last = env.action_masks().shape[1] - 1 - env.action_masks()[:, ::-1].argmax(axis=1)
    *_, facts = env.step(last)
    assert diary.entries[1].contacts.sum() == pytest.approx((facts["served"] > 0).mean())
    assert diary.entries[1].opt_outs == facts["opted_out"].mean()


def test_a_new_episode_begins_a_new_diary(brisk: Scenario) -> None:
    """At the horizon the dashboard is empty again."""
    env = NextBestActionVectorEnv(5, scenario=brisk, horizon_days=2, render_mode="rgb_array")
    env.reset(seed=0)
    for left in (1, 0):
        env.step(np.zeros(5, dtype=np.int64))
        assert len(env.cohort.diary.entries) == left  # type: ignore[union-attr]


def test_no_diary_is_kept_unless_asked_for(brisk: Scenario) -> None:
    """Without rendering a day costs nothing more."""
    assert NextBestActionVectorEnv(5, scenario=brisk).cohort.diary is None


def test_bars_are_as_long_as_their_shares() -> None:
    """A share of a half covers half the width; stacked parts cover their height."""
    canvas = Canvas(300, 160)
    share_bars(canvas, BOX, ["a", "b"], np.array([0.5, 0.25]), np.zeros(2), PALETTE)
    assert count(canvas, PALETTE[0]) == pytest.approx(2 * count(canvas, PALETTE[1]), rel=0.03)
    canvas = Canvas(300, 160)
    stacked_chart(canvas, BOX, np.tile([30.0, 10.0], (60, 1)), PALETTE, 60, high=100.0)
    assert count(canvas, PALETTE[0]) == pytest.approx(3 * count(canvas, PALETTE[1]), rel=0.1)
    assert count(canvas, PALETTE[0]) == pytest.approx(0.3 * 200 * 100, rel=0.1)


def test_lines_rise_with_their_values() -> None:
    """A rising series ends higher than it begins, inside the chart."""
    canvas = Canvas(300, 160)
    line_chart(canvas, BOX, [(np.array([0.0, 1.0, 2.0]), PALETTE[6], 2.0)], 3)
    rows, columns = (canvas.pixels() == np.array(PALETTE[6])).all(axis=2).nonzero()
    assert rows[columns.argmax()] < rows[columns.argmin()]
    assert (rows.min(), columns.min()) >= (BOX.top - 2, BOX.left)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.075, "0.075"), (15.0, "15"), (1250.0, "1250"), (-0.5, "-0.5")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    """Axes have no needless noughts."""
    assert plain(value) == text


def test_draws_nothing_before_a_reset() -> None:
    """An empty diary is refused; one without days is drawn."""
    with pytest.raises(FailedPrecondition, match="reset"):
        draw(Diary(), title="x", horizon=3)


def test_frame_has_the_stated_size(brisk: Scenario) -> None:
    """Height, width and colours as documented."""
    env = NextBestActionVectorEnv(3, scenario=brisk, render_mode="rgb_array")
    env.reset(seed=0)
    frames = env.render()
    assert frames is not None
    assert frames[0].shape == (HEIGHT, WIDTH, 3)
