"""A package of somebody else's, as the page on it shows: installed with pip, run, and told of."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.artifacts.artifact import ArtifactStore
from agents.learners.checks import check
from agents.learners.registry import LEARNERS
from agents.ope.registry import ESTIMATORS
from experiments.runs.config import load, parse
from experiments.runs.executors import SerialExecutor
from experiments.runs.run_folder import RunFolder
from experiments.runs.runner import Runner
from experiments.runs.simulate import SeedTask, simulate
from experiments.runs.train import TrainTask, train
from simulator.scenarios import load as load_scenario
from tests.support.packages import install
from tests.support.pages import DOCS
from troth import extensions
from troth.cli.entry import build
from troth.errors import FailedPrecondition, InvalidArgument, NotFound
from troth.extensions import Group

PAGE = DOCS / "learners.md"
_FILE = re.compile(
    r"`([\w./-]+\.(?:py|toml))`[^\n`]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_CODE = re.compile(r"and from Python:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
runner = CliRunner()


@pytest.fixture
def forget() -> Iterator[None]:
    """Modules of packages are forgotten afterwards."""
    before = set(sys.modules)
    yield
    for module in set(sys.modules) - before:
        if module.startswith("acme"):
            del sys.modules[module]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's package, installed into a folder of its own."""
    root = tmp_path_factory.mktemp("acme")
    text = PAGE.read_text(encoding="utf-8")
    for name, code in _FILE.findall(text):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check"]
    command += ["--target", str(root / "site"), str(root / "acme-agents")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root / "site"


@pytest.mark.slow
def test_a_run_with_a_packages_learner_estimator_and_scenario(
    site: Path, monkeypatch: pytest.MonkeyPatch, forget: None, tmp_path: Path
) -> None:
    """It acts where it is named; results and artifacts say whose code it was, to the byte."""
    monkeypatch.syspath_prepend(str(site))
    learner, estimator = (
        extensions.find(group, name)
        for group, name in (
            (Group.LEARNERS, "acme_ridge"),
            (Group.ESTIMATORS, "acme_regressed"),
        )
    )
    assert not [name for name in sys.modules if name.startswith("acme")]
    config = load(site.parent / "run.toml")
    results = Runner(config, RunFolder(tmp_path), SerialExecutor()).run()
    used = {(each.group, each.name): each for each in results.provenance.extensions}
    assert set(used) == {
        ("troth.learners", "acme_ridge"),
        ("troth.estimators", "acme_regressed"),
        ("troth.scenarios", "acme_shop"),
    }
    assert {(u.distribution, u.version, u.digest) for u in used.values()} == {
        ("acme-agents", "1.0", learner.digest)
    }
    assert learner.digest == estimator.digest
    artifact = ArtifactStore(tmp_path / "artifacts").load(results.digest_of("ridge"))
    assert artifact.manifest["training"]["extension"] == learner.to_dict()
    judged = {row.estimator: row for row in results.off_policy if row.policy == "ridge"}
    assert set(judged) == {"ips", "acme_regressed"}
    assert judged["acme_regressed"].has_interval
    assert results.provenance.scenario == "acme_shop"
    assert load_scenario("acme_shop").wallet.redeem_from == 500
    assert all(row.kept for row in check(LEARNERS.find("acme_ridge").thing))
    exec(_CODE.findall(PAGE.read_text(encoding="utf-8"))[0], {})


@pytest.mark.slow
def test_the_commands_know_it(site: Path, monkeypatch: pytest.MonkeyPatch, forget: None) -> None:
    """Listing names the package and imports nothing of it; by name its settings are shown."""
    app = build()

    def said(*words: str) -> list[dict[str, object]]:
        done = runner.invoke(app, [*words, "--json"], catch_exceptions=False)
        found: list[dict[str, object]] = json.loads(done.stdout)
        return found

    before = said("learners", "list")
    monkeypatch.syspath_prepend(str(site))
    *own, row = said("learners", "list")
    assert own == before
    assert row["kind"] == "acme_ridge"
    assert row["extension"] == extensions.find(Group.LEARNERS, "acme_ridge").to_dict()
    assert row["settings"] is None
    shop = next(each for each in said("scenarios") if each["name"] == "acme_shop")
    assert shop["digest"] is None
    assert not [name for name in sys.modules if name.startswith("acme")]
    [told] = said("learners", "list", "acme_ridge")
    assert told["settings"] == [
        {"name": "penalty", "default": 10.0, "allowed": "above 0"},
        {"name": "exploration", "default": 0.05, "allowed": "at least 0 and at most 1"},
    ]


def _packaged(site: Path, group: Group, name: str, code: str, distribution: str = "acme") -> None:
    module = distribution.replace("-", "_")
    install(site, distribution, {f"{module}.py": code}, {group: {name: f"{module}:THING"}})


@pytest.mark.parametrize(
    ("group", "name"), [(Group.LEARNERS, "masked_ppo"), (Group.ESTIMATORS, "dr")]
)
def test_no_package_takes_one_of_troths_names(
    group: Group, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: None
) -> None:
    """A configuration that says the name is refused in one line, and nothing is imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    _packaged(tmp_path, group, name, "raise SystemExit('imported')\n")
    with pytest.raises(FailedPrecondition, match=f"'{name}' is Troth's own .* acme registers"):
        parse(load_data(), source="x.toml")
    assert "acme" not in sys.modules


def load_data() -> dict[str, object]:
    """The reference suite as it is written."""
    import tomllib

    text = (DOCS.parent / "experiments/suites/reference.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def test_a_scenario_that_ships_is_the_one_that_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: None
) -> None:
    """A package's of that name is never read, and the list of scenarios refuses it."""
    before = load_scenario("reference").digest
    monkeypatch.syspath_prepend(str(tmp_path))
    _packaged(tmp_path, Group.SCENARIOS, "reference", "raise SystemExit('imported')\n")
    assert load_scenario("reference").digest == before
    done = runner.invoke(build(), ["scenarios"])
    assert isinstance(done.exception, FailedPrecondition)
    assert "acme registers another" in done.exception.message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("THING = 3\n", "is no learner: it is no subclass of"),
        (
            "from agents.learners.learner import Learner\nclass THING(Learner):\n    pass\n",
            "it has no title",
        ),
        (
            "from agents.learners.learner import Learner\nclass THING(Learner):\n    title = 'x'\n",
            "it is none of LogLearner, OnlineLearner, EnvLearner, not exactly one",
        ),
        ("import nothing_of_the_kind\n", "cannot be loaded: "),
    ],
)
def test_what_is_no_learner_is_told_so(
    code: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: None
) -> None:
    """In one line with file, key and package, before anything is simulated."""
    monkeypatch.syspath_prepend(str(tmp_path))
    _packaged(tmp_path, Group.LEARNERS, "acme_odd", code)
    data = load_data()
    data["learners"] = [{"name": "odd", "kind": "acme_odd"}]
    with pytest.raises(FailedPrecondition) as caught:
        parse(data, source="x.toml")
    assert words in caught.value.message
    assert caught.value.message.endswith(" in x.toml")
    assert caught.value.field in ("learners.odd.kind", "troth.learners")
    assert "\n" not in str(caught.value)


def test_a_learner_that_fails_is_told_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: None
) -> None:
    """In one line, whatever it raises."""
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "from agents.learners.learner import Learner\nclass THING(Learner):\n    title = 'x'\n"
    code += "    def fit(self, log, rng):\n        raise ZeroDivisionError('nothing')\n"
    _packaged(tmp_path, Group.LEARNERS, "acme_failing", code)
    data = load_data()
    data["learners"] = [{"name": "odd", "kind": "acme_failing"}]
    data["log"] = {"customers": 100, "days": 1, "held_out_customers": 100}
    config, home = parse(data, source="x.toml"), RunFolder(tmp_path / "run")
    SerialExecutor().map(simulate, [SeedTask(config, home, 0)])
    with pytest.raises(FailedPrecondition) as caught:
        train(TrainTask(config, home, 0, config.learners[0]))
    assert str(caught.value) == (
        "learners.odd: 'acme_failing' of acme 1.0 failed: ZeroDivisionError('nothing')"
    )


def test_a_packages_scenario_is_based_on_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: None
) -> None:
    """A file beside whoever runs it is not meant; a package without the file is told so."""
    monkeypatch.syspath_prepend(str(tmp_path))
    files = {"acme/__init__.py": "", "acme/acme_shop.toml": 'based_on = "mine.toml"\n'}
    points = {Group.SCENARIOS: {"acme_shop": "acme", "acme_none": "acme"}}
    install(tmp_path, "acme-world", files, points)
    with pytest.raises(InvalidArgument, match="based on a name, not on a file"):
        load_scenario("acme_shop")
    with pytest.raises(FailedPrecondition, match=r"acme-world has no acme_none\.toml in acme"):
        load_scenario("acme_none")


def test_an_estimator_that_is_gone_is_told_which_there_are() -> None:
    """With file and key; so is a scenario."""
    data = load_data()
    data["ope"] = {"estimators": ["ips", "acme_regressed"]}
    with pytest.raises(InvalidArgument) as caught:
        parse(data, source="x.toml")
    assert caught.value.field == "ope.estimators.1"
    assert "there is: ips, snips, dm, dr in x.toml" in caught.value.message
    assert tuple(ESTIMATORS.own) == ("ips", "snips", "dm", "dr")
    with pytest.raises(NotFound, match="no scenario 'acme_shop' ships"):
        load_scenario("acme_shop")


def test_an_estimator_that_fails_is_told_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: None
) -> None:
    """Whatever it raises, and whatever it answers with."""
    import numpy as np

    from agents.ope.evaluate import evaluate_policy
    from tests.support.logs import log_of

    monkeypatch.syspath_prepend(str(tmp_path))
    needs = "import numpy as np\nfrom agents.ope.estimator import Estimator, Need\n"
    needs += "from agents.ope.terms import ClusterInfluence, Terms\n"
    for name, answer in (
        ("failing", "1 / 0"),
        ("silent", "None"),
        ("greedy", "log.expected"),
        ("lost", "Terms(log.reward * np.nan, log.weight)"),
        ("ending", "exit(3)"),
        ("wordy", "ClusterInfluence(value='x', influence=np.zeros(6), rows=6, size=1.0)"),
        ("listed", "ClusterInfluence(value=1.0, influence=[0.0] * 6, rows=6, size=1.0)"),
        ("short", "ClusterInfluence(value=1.0, influence=np.zeros(2), rows=6, size=1.0)"),
    ):
        made = (
            f"Estimator(title='x', needs=frozenset({{Need.WEIGHTS}}), answer=lambda log: {answer})"
        )
        code = f"{needs}THING = {made}\n"
        _packaged(tmp_path, Group.ESTIMATORS, f"acme_{name}", code, f"acme-{name}")
    log = log_of(
        action=np.arange(6) % 2, propensity=np.full(6, 0.5), reward=np.arange(6.0), actions=2
    )
    for name, words in (
        ("failing", "'acme_failing' of acme-failing 1.0 failed: ZeroDivisionError"),
        ("silent", "answered with a NoneType"),
        ("greedy", "does not declare Need.REWARD_MODEL"),
        ("lost", "a value or an influence that is not finite"),
        ("ending", "'acme_ending' of acme-ending 1.0 failed: SystemExit"),
        ("wordy", "'acme_wordy' of acme-wordy 1.0 failed: "),
        ("listed", "'acme_listed' of acme-listed 1.0 failed: "),
        ("short", "'acme_short' of acme-short 1.0 failed: "),
    ):
        with pytest.raises(FailedPrecondition, match=words):
            evaluate_policy(log, np.full((6, 2), 0.5), estimators=[f"acme_{name}"])
