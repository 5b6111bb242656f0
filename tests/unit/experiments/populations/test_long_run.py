"""Long runs: the same result however they are cut, resumed or interrupted; nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.populations.folder import CensusFolder, writing
from experiments.populations.plan import Plan
from experiments.populations.summary import Summary
from experiments.populations.totals import CHANNEL_NAMES, DailyTotals
from experiments.runs.rollout import roll_out
from simulator.state import checkpoint
from simulator.world import World
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound, Unavailable

Run = Callable[..., Summary]
MakePlan = Callable[..., Plan]
Same = Callable[[str, str], bool]


class Killed(BaseException):
    """Stands for the end of the process: nothing in Troth catches it."""


def test_totals_are_those_of_a_roll_out(make_plan: MakePlan, run: Run, tmp_path: Path) -> None:
    """Shard by shard, the days add up to what one roll-out of everyone brings."""
    from agents.policies.uniform import UniformPolicy

    plan = make_plan()
    summary = run(plan)
    scenario = plan.load_scenario()
    world = World(scenario, 90, plan.seed)
    outstanding = world.ledger().outstanding
    whole = roll_out(world, UniformPolicy(), 8, objective=scenario.objective)
    for name, part in whole.components.items():
        assert summary.totals[name] == part.sum()
    assert [summary.totals[f"contacts_{name}"] for name in CHANNEL_NAMES] == list(
        whole.contacts[1:]
    )
    totals = DailyTotals.read(tmp_path / "run" / "totals.parquet")
    assert totals.values.shape[0] == 8
    moved = (
        summary.totals["points_issued"]
        - summary.totals["points_redeemed"]
        - summary.totals["points_expired"]
    )
    assert summary.totals["points_outstanding"] == outstanding + moved
    assert summary.totals["permissions_email"] == np.count_nonzero(world.permissions[:, 1])


def test_nothing_but_the_result_remains(make_plan: MakePlan, run: Run, tmp_path: Path) -> None:
    """Shards and partial files are gone; the summary says what is in the folder."""
    summary = run(make_plan())
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {
        ".lock",
        "plan.json",
        "summary.json",
        "totals.parquet",
        "transactions.parquet",
        "histories.npz",
    }
    header, columns = checkpoint.load(tmp_path / "run" / "histories.npz")
    assert header["digest"] == summary.digest
    assert columns["history"].shape == (90,)
    assert summary.measured.customer_days == 720
    assert run(make_plan(), resume=True) == summary


@pytest.mark.parametrize(
    "options",
    [
        {"plan": {"shard": 90}},
        {"plan": {"shard": 7}},
        {"checkpoint_every": 1},
        {"checkpoint_every": 100},
    ],
)
def test_cuts_do_not_matter(
    make_plan: MakePlan, run: Run, same: Same, options: dict[str, Any]
) -> None:
    """Shards and checkpoints of any size give the same bytes."""
    plan = make_plan(**options.pop("plan", {}))
    assert run(make_plan(), "one").digest == run(plan, "other", **options).digest
    assert same("one", "other")


@pytest.mark.parametrize("change", [{"seed": 4}, {"policy": "never_contact"}, {"policy": "plain"}])
def test_other_histories_have_another_digest(
    make_plan: MakePlan, run: Run, change: dict[str, Any]
) -> None:
    """Another seed or policy shows in the digest."""
    assert run(make_plan(), "one").digest != run(make_plan(**change), "other").digest


def test_longer_lives_begin_alike(make_plan: MakePlan, run: Run, tmp_path: Path) -> None:
    """The first days of a long run are those of a short one."""
    run(make_plan(days=3), "short")
    run(make_plan(days=6), "long")
    short, long = (
        DailyTotals.read(tmp_path / name / "totals.parquet").values for name in ("short", "long")
    )
    np.testing.assert_array_equal(short, long[:3])


def test_killed_before_any_file_counts(
    make_plan: MakePlan, run: Run, same: Same, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever rename is the last before the end, resuming gives the same bytes."""
    plan = make_plan(days=5, shard=60)
    run(plan, "whole", checkpoint_every=2)
    replace, calls = Path.replace, 0
    kill_at = 0

    def counted(self: Path, target: Path) -> Path:
        nonlocal calls
        if self.suffix == ".partial" and ".beat" not in self.name:
            calls += 1
            if calls == kill_at:
                raise Killed
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", counted)
    interrupted = 0
    while True:
        calls, kill_at = 0, interrupted + 1
        name = f"killed-{kill_at}"
        try:
            run(plan, name, checkpoint_every=2)
            break
        except Killed:
            interrupted += 1
            assert not (tmp_path / name / "summary.json").exists()
        kill_at = 0
        run(plan, name, checkpoint_every=3, resume=True)
        assert same("whole", name)
        assert not list((tmp_path / name).glob("*.partial"))
    # plan; per shard 3 checkpoints of 3 files, the last without the world; 4 results
    assert interrupted == 1 + 2 * (3 * 3 - 1) + 4


def test_transactions_are_the_purchases(make_plan: MakePlan, run: Run, tmp_path: Path) -> None:
    """A row per customer and day with a purchase, dated from the scenario's start, sorted."""
    import pandas as pd

    plan = make_plan(customers=4000, shard=1500, days=10, policy="plain")
    summary = run(plan)
    rows = pd.read_parquet(tmp_path / "run" / "transactions.parquet")
    assert list(rows.columns) == ["customer", "date", "amount", "category", "store"]
    assert len(rows) == summary.transactions == summary.totals["buyers"] > 20
    assert round(rows["amount"].sum() * 100) == summary.totals["spend_minor"]
    assert rows["customer"].max() > 1500
    dates = pd.to_datetime(rows["date"])
    start = pd.Timestamp(plan.load_scenario().start)
    assert dates.min() >= start
    assert dates.max() < start + pd.Timedelta(days=10)
    keys = list(zip(rows["customer"], dates, strict=True))
    assert keys == sorted(set(keys))
    totals = DailyTotals.read(tmp_path / "run" / "totals.parquet")
    by_day = (dates - start).dt.days.value_counts()
    assert [by_day.get(day, 0) for day in range(10)] == list(totals.column("buyers"))


def test_a_used_folder_is_not_overwritten(make_plan: MakePlan, run: Run, tmp_path: Path) -> None:
    """A run is not begun over another, nor among other files, nor resumed under another plan."""
    run(make_plan())
    with pytest.raises(FailedPrecondition, match="--resume"):
        run(make_plan())
    with pytest.raises(FailedPrecondition, match=r"days: the run in .* has 8, not 9"):
        run(make_plan(days=9), resume=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(FailedPrecondition, match="not empty"):
        run(make_plan(), "mine", resume=True)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_one_writer_at_a_time(make_plan: MakePlan, run: Run, tmp_path: Path) -> None:
    """While another process holds the folder, nothing is begun there."""
    folder = CensusFolder(tmp_path / "run")
    with (
        writing(folder.lock, patience_s=0.0, what="run"),
        pytest.raises(Unavailable, match="another process is writing"),
    ):
        run(make_plan())
    assert not folder.plan.exists()
    run(make_plan())


def test_damage_is_found(make_plan: MakePlan, run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    """A checkpoint whose bytes changed is refused by its name, not lived on from."""
    from experiments.populations import shards

    monkeypatch.setattr(shards.fates, "fold", _killed_on_day(5, shards.fates.fold))
    with pytest.raises(Killed):
        run(make_plan())
    monkeypatch.undo()
    place = CensusFolder(tmp_path / "run").shard(0)
    for path in (place.world(3), place.progress):
        whole = path.read_bytes()
        path.write_bytes(whole[:-200] + bytes(200))
        with pytest.raises(DataLoss, match=path.name):
            run(make_plan(), resume=True)
        path.write_bytes(whole)
    assert run(make_plan(), resume=True).digest == run(make_plan(), "other").digest


def _killed_on_day(last: int, original: Callable[..., None]) -> Callable[..., None]:
    days = 0

    def fold(*given: object) -> None:
        nonlocal days
        days += 1
        if days == last:
            raise Killed
        original(*given)

    return fold


def test_a_scenario_that_changes_is_found(
    make_plan: MakePlan, run: Run, scenario_file: Path, tmp_path: Path
) -> None:
    """A run is not resumed under a scenario file that has been edited since."""
    copy = tmp_path / "copy.toml"
    copy.write_text(scenario_file.read_text("utf-8"), "utf-8")
    plan = make_plan().model_copy(update={"scenario": str(copy)})
    text = copy.read_text("utf-8").replace("margin_share = 0.4", "margin_share = 0.3")
    copy.write_text(text, "utf-8")
    with pytest.raises(FailedPrecondition, match="scenario"):
        run(plan)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("customers", {"customers": 0}),
        ("days", {"days": 0}),
        ("seed", {"seed": -1}),
        ("policy", {"policy": "best"}),
        ("shard", {"shard": 0}),
    ],
)
def test_bad_plans_are_refused_by_name(
    make_plan: MakePlan, field: str, change: dict[str, Any]
) -> None:
    """A value out of range names its field, in one line."""
    with pytest.raises(InvalidArgument) as caught:
        make_plan(**change)
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_unknown_artifacts_are_not_found(make_plan: MakePlan, run: Run, tmp_path: Path) -> None:
    """A digest that the store does not hold is said to be missing; the folder stays free."""
    with pytest.raises(NotFound):
        run(make_plan(policy="a" * 64))
    assert not (tmp_path / "run").exists()


def test_checkpoints_need_a_day(make_plan: MakePlan, run: Run) -> None:
    """A checkpoint every zero days is refused."""
    with pytest.raises(InvalidArgument, match="checkpoint_every"):
        run(make_plan(), checkpoint_every=0)


def test_progress_counts_customer_days(make_plan: MakePlan, run: Run) -> None:
    """The bar begins at nothing, never falls and ends at everything."""
    seen: list[tuple[int, int]] = []
    run(make_plan(), on_progress=lambda done, total: seen.append((done, total)))
    done = [row[0] for row in seen]
    assert {row[1] for row in seen} == {720}
    assert done[0] == 0
    assert done[-1] == 720
    assert done == sorted(done)
