"""The Open Bandit reader: a small made-up folder with known answers, and the real one."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agents.datasets.open_bandit import (
    item_features,
    marginal_policy,
    read_logs,
    slots,
    visitor_features,
)
from agents.datasets.thompson import STAGES, evaluate_thompson
from troth.errors import DataLoss, InvalidArgument, NotFound, TrothError
from troth.logs.batches import LoggedBatch
from troth.policy import check_mask

HEADER = (
    ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
    "user_feature_2,user_feature_3,user-item_affinity_0,user-item_affinity_1"
)
UNIFORM = (
    "0,2019-11-24 00:00:01.5+00:00,0,1,1,0.5,a,b,c,d,0.0,3.0",
    "1,2019-11-24 00:00:02+00:00,1,2,0,0.5,a,b,c,e,0.0,0.0",
    "2,2019-11-24 00:00:03+00:00,1,3,0,0.5,z,b,c,d,1.0,0.0",
)
THOMPSON = (
    "0,2019-11-24 00:00:01+00:00,0,1,0,0.9,a,b,c,d,0.0,0.0",
    "1,2019-11-24 00:00:02+00:00,0,1,1,0.6,a,b,c,d,0.0,0.0",
    "2,2019-11-24 00:00:03+00:00,0,1,0,0.8,,b,c,d,0.0,0.0",
    "3,2019-11-24 00:00:04+00:00,1,1,0,0.4,a,b,c,d,0.0,0.0",
    "4,2019-11-24 00:00:05+00:00,1,2,0,0.7,a,b,c,d,0.0,0.0",
    "5,2019-11-24 00:00:06+00:00,0,3,0,0.7,a,b,c,d,0.0,0.0",
)
ITEMS = "item_id,item_feature_0\n0,0.5\n1,-0.5\n"

MakeFolder = Callable[..., Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Writes a two-item data set; each argument replaces a part of it."""

    def make(
        uniform: tuple[str, ...] = UNIFORM,
        thompson: tuple[str, ...] = THOMPSON,
        header: str = HEADER,
        items: str = ITEMS,
        bts_items: str = ITEMS,
    ) -> Path:
        for logger, rows, listed in (("random", uniform, items), ("bts", thompson, bts_items)):
            folder = tmp_path / logger / "men"
            folder.mkdir(parents=True)
            with gzip.open(folder / "men.csv.gz", "wt") as stream:
                stream.write("\n".join((header, *rows)) + "\n")
            (folder / "item_context.csv").write_text(listed)
        return tmp_path

    return make


def test_rows_become_logged_decisions(make_folder: MakeFolder) -> None:
    """Items move up by one, the slot is a feature, *no contact* is never eligible."""
    uniform, thompson = read_logs(make_folder(), "men")
    np.testing.assert_array_equal(uniform.action, [1, 2, 2])
    np.testing.assert_array_equal(uniform.reward_minor, [1, 0, 0])
    np.testing.assert_array_equal(slots(uniform.contexts), [0, 1, 2])
    np.testing.assert_array_equal(uniform.contexts.column("affinity_01"), [3, 0, 0])
    assert [a.action_id for a in uniform.catalogue.actions] == ["no_contact", "item-00", "item-01"]
    assert not uniform.mask[:, 0].any()
    assert uniform.mask[:, 1:].all()
    assert uniform.decided_at[0] == np.datetime64("2019-11-24T00:00:01.500000")
    assert uniform.contexts.schema.digest == thompson.contexts.schema.digest
    assert uniform.catalogue.digest == thompson.catalogue.digest
    assert len(set(uniform.customer_id) | set(thompson.customer_id)) == 9
    with pytest.raises(InvalidArgument):
        check_mask(uniform.mask, 3, 3)


def test_levels_are_those_of_both_logs(make_folder: MakeFolder) -> None:
    """A level that one log lacks has its column in both; a missing value is a level too."""
    uniform, thompson = read_logs(make_folder(), "men")
    feature = uniform.contexts.schema.features[1]
    assert feature.levels == ("", "a", "z")
    np.testing.assert_array_equal(uniform.contexts.column("user_feature_0"), [1, 1, 2])
    np.testing.assert_array_equal(thompson.contexts.column("user_feature_0"), [1, 1, 0, 1, 1, 1])


def test_the_marginal_policy_is_the_share_of_items_per_slot(make_folder: MakeFolder) -> None:
    """Three of four rows in slot 1 show item 0: 0.75, whatever propensities were logged."""
    uniform, thompson = read_logs(make_folder(), "men")
    np.testing.assert_allclose(
        marginal_policy(thompson, uniform.contexts),
        [[0.0, 0.75, 0.25], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]],
    )


def test_a_slot_the_policy_never_filled_is_refused(make_folder: MakeFolder) -> None:
    """There is no distribution to speak of."""
    uniform, thompson = read_logs(make_folder(thompson=THOMPSON[:5]), "men")
    with pytest.raises(InvalidArgument, match="slots"):
        marginal_policy(thompson, uniform.contexts)


def test_features_for_a_reward_model(make_folder: MakeFolder) -> None:
    """Items have a column each; visitors keep slot and user features, not affinities."""
    uniform, _ = read_logs(make_folder(), "men")
    np.testing.assert_array_equal(item_features(uniform.catalogue), [[0, 0], [1, 0], [0, 1]])
    visitors = visitor_features(uniform.contexts)
    assert visitors.shape == (3, 3 + 3 + 1 + 1 + 2)
    np.testing.assert_array_equal(visitors[:, :3], np.eye(3))


def test_the_same_schema_survives_parquet(make_folder: MakeFolder, tmp_path: Path) -> None:
    """What is read can be written as any other log and comes back the same."""
    uniform, _ = read_logs(make_folder(), "men")
    uniform.write(tmp_path / "log.parquet")
    again = LoggedBatch.read(tmp_path / "log.parquet")
    np.testing.assert_array_equal(again.contexts.raw, uniform.contexts.raw)
    np.testing.assert_array_equal(again.decided_at, uniform.decided_at)
    np.testing.assert_array_equal(again.mask, uniform.mask)


@pytest.mark.parametrize(
    ("parts", "error", "field"),
    [
        ({"header": HEADER.replace("click", "clack")}, DataLoss, "click"),
        ({"uniform": (UNIFORM[0].replace("0,1,1,0.5", "2,1,1,0.5"),)}, DataLoss, "item_id"),
        ({"uniform": (UNIFORM[0].replace("0,1,1,0.5", "0,4,1,0.5"),)}, DataLoss, "position"),
        ({"uniform": (UNIFORM[0].replace("0,1,1,0.5", "0,1,7,0.5"),)}, DataLoss, "click"),
        ({"uniform": (UNIFORM[0].replace("1,1,0.5", "1,1,0"),)}, DataLoss, "propensity_score"),
        ({"uniform": (UNIFORM[0].replace("1,1,0.5", "1,1,"),)}, DataLoss, "propensity_score"),
        ({"items": "item_id\n0\n2\n"}, DataLoss, "item_id"),
        ({"items": "item_id\n0\n"}, DataLoss, "item_id"),
        ({"items": "name\n0\n"}, DataLoss, "directory"),
    ],
)
def test_damaged_files_are_refused(
    make_folder: MakeFolder, parts: dict[str, str], error: type[TrothError], field: str
) -> None:
    """A column missing or out of range is named, with the file it is in."""
    with pytest.raises(error) as refused:
        read_logs(make_folder(**parts), "men")
    assert refused.value.field == field


def test_a_truncated_file_is_refused(make_folder: MakeFolder) -> None:
    """Half a gzip stream is damage, not a traceback."""
    root = make_folder()
    path = root / "bts" / "men" / "men.csv.gz"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataLoss):
        read_logs(root, "men")


def test_what_is_not_there_is_not_found(make_folder: MakeFolder, tmp_path: Path) -> None:
    """A folder without the files, and a campaign that does not exist."""
    with pytest.raises(NotFound, match=r"women\.csv"):
        read_logs(make_folder(), "women")
    with pytest.raises(InvalidArgument, match="men, women"):
        read_logs(tmp_path, "children")


def test_plain_csv_is_read_as_well(make_folder: MakeFolder) -> None:
    """The full data set comes unpacked."""
    root = make_folder()
    for packed in root.glob("*/men/men.csv.gz"):
        packed.with_suffix("").write_text(gzip.decompress(packed.read_bytes()).decode())
        packed.unlink()
    assert len(read_logs(root, "men")[1]) == 6


@pytest.mark.data
@pytest.mark.parametrize(("campaign", "items", "clicks"), [("men", 34, 69), ("women", 46, 46)])
def test_the_real_logs(data_dir: Path, campaign: str, items: int, clicks: int) -> None:
    """Published facts of the sample: rows, items, clicks, the uniform propensity."""
    uniform, thompson = read_logs(data_dir / "open_bandit", campaign)
    assert (len(uniform), len(thompson)) == (10_000, 10_000)
    assert len(uniform.catalogue) == items + 1
    np.testing.assert_allclose(uniform.propensity, 1 / items)
    assert uniform.reward_minor.sum() == 46
    assert thompson.reward_minor.sum() == clicks


@pytest.mark.data
def test_the_trial_on_the_real_logs(data_dir: Path) -> None:
    """The weighted estimates agree with the Thompson policy's own clicks within their noise."""
    begun: list[str] = []
    trial = evaluate_thompson(data_dir / "open_bandit", "men", on_stage=begun.append)
    assert tuple(begun) == STAGES
    assert trial.truth.value == pytest.approx(0.0069)
    assert trial.truth_clicks == 69
    assert trial.logging.value == pytest.approx(0.0046)
    for name in ("ips", "snips", "dr"):
        assert trial.evaluation[name].covers(trial.truth.value), name
        assert abs(trial.gap(trial.evaluation[name])) < 3
    assert abs(trial.evaluation.diagnostics.mean_weight_z) < 3
    document = trial.to_dict()
    assert document["truth"]["clicks"] == 69
    assert {"covers_truth", "gap_in_stderrs"} <= set(document["estimates"][0])
