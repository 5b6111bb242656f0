"""``troth evaluate`` from the command line: what it prints, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from agents.artifacts.artifact import ArtifactStore
from agents.commands import register
from agents.policies.storable import StorablePolicy
from agents.policies.uniform import NeverContact, UniformPolicy
from troth.errors import FailedPrecondition, InvalidArgument, NotFound
from troth.guardrails import Facts, FactsBatch, GuardrailConfig
from troth.logs.batches import LoggedBatch
from troth.streams import generator

Run = Callable[..., Any]


@pytest.fixture
def run() -> Run:
    """Runs the command; an error comes out as it is raised."""
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)

    def invoke(*arguments: object) -> Any:
        result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def saved(bandit: Any, tmp_path: Path) -> tuple[LoggedBatch, Path, Path, str]:
    """A log, its file, and a store with the uniform policy in it."""
    log = bandit(generator("commands", 0), customers=200, rows_each=2).log
    log.write(tmp_path / "log.parquet")
    root, digest = _saved(log, tmp_path)
    return log, tmp_path / "log.parquet", root, digest


def _saved(
    log: LoggedBatch, folder: Path, policy: StorablePolicy | None = None
) -> tuple[Path, str]:
    """A store with a policy for ``log``, the uniform one unless said otherwise."""
    store = ArtifactStore(folder / "artifacts")
    digest = store.save(
        policy or UniformPolicy(),
        schema=log.contexts.schema,
        catalogue=log.catalogue,
        contexts=log.contexts,
        mask=log.mask,
        training={},
    )
    return store.root, digest


def test_a_log_without_facts_is_judged_without_guardrails_and_says_so(
    run: Run, saved: tuple[LoggedBatch, Path, Path, str]
) -> None:
    """In the text and in the JSON."""
    _, path, root, digest = saved
    asked = ("log", path, "--policy", digest, "--artifacts", root)
    shown = " ".join(run(*asked).stdout.split())
    assert "Judged WITHOUT guardrails: the log does not say what was known" in shown
    document = json.loads(run(*asked, "--json").stdout)
    assert document["guarded"] is None
    assert document["unguarded_because"] == "the log does not say what was known of the customers"


def test_the_estimators_can_be_named(run: Run, saved: tuple[LoggedBatch, Path, Path, str]) -> None:
    """In the order asked for; one that does not exist is told which there are."""
    _, path, root, digest = saved
    asked = ("log", path, "--policy", digest, "--artifacts", root)
    named = run(*asked, "--estimator", "snips", "--estimator", "ips", "--json")
    assert [row["estimator"] for row in json.loads(named.stdout)["estimates"]] == ["snips", "ips"]
    with pytest.raises(InvalidArgument, match="there is: ips, snips, dm, dr") as caught:
        run(*asked, "--estimator", "magic")
    assert caught.value.field == "estimator"


def test_a_log_with_facts_is_judged_both_ways(
    run: Run, saved: tuple[LoggedBatch, Path, Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the installation's guardrails, or those of a file; top keys are as without facts."""
    log, _, root, digest = saved
    monkeypatch.setenv("TROTH_HOME", str(root.parent))
    n, k = log.mask.shape
    nobody = Facts(permissions={}, zone=None, decided_at=datetime(2026, 1, 1, tzinfo=UTC))
    facts = FactsBatch.of([nobody] * n, log.catalogue, timedelta(days=7))
    permitted = replace(facts, permissions=np.ones_like(facts.permissions))
    half = np.arange(n) < n // 2
    mixed = FactsBatch.concatenate([facts.take(half), permitted.take(~half)])
    path = root.parent / "facts.parquet"
    replace(log, facts=mixed).write(path)
    asked = ("log", path, "--policy", digest, "--artifacts", root)
    document = json.loads(run(*asked, "--json").stdout)
    bare = json.loads(run("log", saved[1], *asked[2:], "--json").stdout)
    for key in ("estimates", "diagnostics", "verdict", "logging"):
        assert document[key] == bare[key]
    shipped = GuardrailConfig.shipped()
    assert document["guardrails_digest"] == shipped.digest
    took = {row["reason"]: row["mass"] for row in document["guarded"]["took"]}
    assert took["unknown_consent"] == pytest.approx(0.5 * (k - 1) / k)
    assert document["guarded"]["estimates"] != document["estimates"]
    shown = " ".join(run(*asked).stdout.split())
    assert f"behind the guardrails {shipped.digest[:12]}" in shown
    assert "without guardrails" in shown
    assert "unknown_consent" in shown
    stricter = root.parent / "stricter.toml"
    stricter.write_text(
        "[quiet_hours]\nstart = 21:00:00\nend = 08:00:00\nchannels = ['email']\n"
        "[[frequency_cap.rules]]\nhours = 24\ncontacts = 1\n"
    )
    other = json.loads(run(*asked, "--guardrails", stricter, "--json").stdout)
    assert other["guardrails_digest"] == GuardrailConfig.read(stricter).digest
    reasons = {row["reason"]: row["mass"] for row in other["guarded"]["took"]}
    assert reasons["unknown_time_zone"] == pytest.approx(0.5 * (k - 1) / k)
    (root.parent / "guardrails.toml").write_text(stricter.read_text())
    assert json.loads(run(*asked, "--json").stdout) == other


def test_an_artifact_on_a_log(run: Run, saved: tuple[LoggedBatch, Path, Path, str]) -> None:
    """The JSON holds the estimates; IPS is the one computed by hand from the log."""
    log, path, root, digest = saved
    found = run("log", path, "--policy", digest, "--artifacts", root, "--json")
    assert found.exit_code == 0
    document = json.loads(found.stdout)
    values = {row["estimator"]: row["value"] for row in document["estimates"]}
    assert values["ips"] == pytest.approx(np.mean(0.25 / log.propensity * log.reward_minor))
    assert set(values) == {"ips", "snips", "dm", "dr"}
    assert document["logging"]["value"] == pytest.approx(log.reward_minor.mean())
    assert (document["policy_digest"], document["kind"]) == (digest, "uniform")
    assert document["diagnostics"]["customers"] == 200


def test_a_policy_by_digest_prefix_or_directory(
    run: Run, saved: tuple[LoggedBatch, Path, Path, str]
) -> None:
    """Whole digest, its beginning, and the artifact's folder mean the same policy."""
    _, path, root, digest = saved
    asked = ("--artifacts", root, "--json")
    whole = run("log", path, "--policy", digest, *asked).stdout
    assert run("log", path, "--policy", digest[:8], *asked).stdout == whole
    assert run("log", path, "--policy", root / digest, "--json").stdout == whole


def test_people_get_tables_and_warnings(
    run: Run, saved: tuple[LoggedBatch, Path, Path, str]
) -> None:
    """Without --json there is a table with every estimator, and how far to trust it."""
    _, path, root, digest = saved
    shown = run("log", path, "--policy", digest, "--artifacts", root, "--level", 0.975).stdout
    for text in ("SNIPS", "DR", "97.5", "effective sample size", "without support", "verdict"):
        assert text in shown
    (dm,) = (line for line in shown.splitlines() if " DM " in line)
    assert "no interval" in dm
    assert "interval holds" not in shown


def test_nothing_known_is_said_in_words(run: Run, make_log: Any, tmp_path: Path) -> None:
    """Rewards that are all 0: infinite ends, until the largest reward is said."""
    n = 400
    log = make_log(
        action=np.arange(n) % 2, propensity=np.full(n, 0.5), reward=np.zeros(n), actions=2
    )
    log.write(tmp_path / "log.parquet")
    root, digest = _saved(log, tmp_path)
    asked = ("log", tmp_path / "log.parquet", "--policy", digest, "--artifacts", root)
    shown = " ".join(run(*asked).stdout.split())
    for text in ("-infinite", "do not trust", "at most 0.75% of decisions"):
        assert text in shown
    document = json.loads(run(*asked, "--json").stdout)
    assert document["verdict"] == "do_not_trust"
    known = json.loads(run(*asked, "--largest-reward", "1000", "--json").stdout)
    rows = {row["estimator"]: row for row in known["estimates"]}
    assert rows["ips"]["low"] == 0.0
    assert rows["ips"]["high"] == pytest.approx(7.46, abs=0.01)
    assert known["reward_range"] == [0.0, 1000.0]
    least = json.loads(run(*asked, "--smallest-reward", "-10", "--json").stdout)
    assert least["reward_range"] == [-10.0, None]
    with pytest.raises(InvalidArgument, match="reward_range"):
        run(*asked, "--smallest-reward", "1")


def test_a_target_never_played_has_no_estimate(run: Run, make_log: Any, tmp_path: Path) -> None:
    """The table says so in place of a number."""
    n = 400
    log = make_log(
        action=np.ones(n, int), propensity=np.ones(n), reward=np.arange(n) * 1.0, actions=2
    )
    log.write(tmp_path / "log.parquet")
    root, digest = _saved(log, tmp_path, NeverContact())
    shown = run("log", tmp_path / "log.parquet", "--policy", digest, "--artifacts", root).stdout
    rows = [line for line in shown.splitlines() if "no estimate" in line and "│" in line]
    assert [name for row in rows for name in ("IPS", "SNIPS", "DR") if f" {name} " in row] == [
        "IPS",
        "SNIPS",
        "DR",
    ]
    assert "do not trust" in shown


def test_a_log_that_pandas_wrote_is_read_when_told_whose_it_was(
    run: Run, saved: tuple[LoggedBatch, Path, Path, str], tmp_path: Path
) -> None:
    """Its rows without their meaning are refused with the option that gives it."""
    log, path, root, digest = saved
    frame = log.to_frame()
    frame[frame["reward_minor"] > 0].to_parquet(tmp_path / "kept.parquet")
    asked = ("log", tmp_path / "kept.parquet", "--policy", digest, "--artifacts", root, "--json")
    with pytest.raises(InvalidArgument, match="--bare"):
        run(*asked)
    kept = int((log.reward_minor > 0).sum())
    assert json.loads(run(*asked, "--bare").stdout)["diagnostics"]["rows"] == kept
    whole = json.loads(run("log", path, *asked[2:], "--bare").stdout)
    assert whole["diagnostics"]["rows"] == len(log)


def test_what_is_not_there_is_refused(
    run: Run, saved: tuple[LoggedBatch, Path, Path, str], tmp_path: Path
) -> None:
    """No log, no store, no such artifact, an ambiguous beginning, a level that is none."""
    _, path, root, digest = saved
    with pytest.raises(NotFound, match=r"nothing\.parquet"):
        run("log", tmp_path / "nothing.parquet", "--policy", digest, "--artifacts", root)
    with pytest.raises(NotFound, match="nowhere"):
        run("log", path, "--policy", digest, "--artifacts", tmp_path / "nowhere")
    with pytest.raises(NotFound, match="no artifact 'zzz'"):
        run("log", path, "--policy", "zzz", "--artifacts", root)
    (root / (digest[:1] + "0" * 63)).mkdir()
    with pytest.raises(InvalidArgument, match="2 digests"):
        run("log", path, "--policy", digest[:1], "--artifacts", root)
    with pytest.raises(InvalidArgument, match="level"):
        run("log", path, "--policy", digest, "--artifacts", root, "--level", 2)


def test_a_log_of_another_catalogue_is_refused(
    run: Run, saved: tuple[LoggedBatch, Path, Path, str], make_log: Any, tmp_path: Path
) -> None:
    """Columns would mean other actions."""
    _, _, root, digest = saved
    other = make_log(action=np.zeros(5, int), propensity=np.ones(5), reward=np.zeros(5), actions=7)
    other.write(tmp_path / "other.parquet")
    with pytest.raises(FailedPrecondition) as refused:
        run("log", tmp_path / "other.parquet", "--policy", digest, "--artifacts", root)
    assert refused.value.field == "log.catalogue"


@pytest.mark.data
def test_open_bandit_prints_estimates_beside_the_truth(run: Run, data_dir: Path) -> None:
    """JSON and tables hold four estimators, the truth and the clicks it rests on."""
    folder = data_dir / "open_bandit"
    document = json.loads(run("open-bandit", folder, "--campaign", "women", "--json").stdout)
    assert [row["estimator"] for row in document["estimates"]] == ["ips", "snips", "dm", "dr"]
    assert document["truth"]["value"] == pytest.approx(0.0046)
    assert document["truth"]["low"] < 0.0046 < document["truth"]["high"]
    shown = " ".join(run("open-bandit", folder, "--campaign", "men").stdout.split())
    assert "The truth rests on 69 clicks, the estimates on 46" in shown
    assert "SNIPS" in shown


def test_open_bandit_needs_its_folder(run: Run, tmp_path: Path) -> None:
    """The refusal names the file that is missing."""
    with pytest.raises(NotFound, match=r"men\.csv\.gz"):
        run("open-bandit", tmp_path)
