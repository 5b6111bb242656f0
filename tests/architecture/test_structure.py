"""House rules that can be read off the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture import inventory
from tests.architecture.inventory import PACKAGES, ROOT

LONGEST = 400

FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "shelve", "marshal"}
GLOBAL_DRAWS = {"seed", "rand", "randn", "randint", "random", "choice", "normal", "uniform"}


def sources(*packages: str) -> Iterator[Path]:
    """Python files of ours, generated code left out."""
    for package in packages or PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.parent != ROOT / "troth" / "v1":
                yield path


@cache
def parsed(path: Path) -> ast.Module:
    """The tree of a file, read once for all tests; nobody changes it."""
    return ast.parse(path.read_text())


def imported(tree: ast.AST) -> Iterator[str]:
    """Top-level names of all imports in ``tree``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_no_file_is_long() -> None:
    """A file over 400 lines holds more than one noun."""
    lengths = {p: len(p.read_text().splitlines()) for p in sources(*PACKAGES, "tests")}
    assert {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > LONGEST} == {}


def test_nothing_unpickles() -> None:
    """No module that could load code from data is imported anywhere."""
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources()
        for name in FORBIDDEN_MODULES & set(imported(parsed(path)))
    }
    assert found == set()


def global_draws(tree: ast.AST) -> Iterator[int]:
    """Lines that draw from ``random`` or ``np.random`` rather than from a generator."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in GLOBAL_DRAWS:
            continue
        if ast.unparse(node.value) in {"random", "np.random", "numpy.random"}:
            yield node.lineno


def test_no_global_randomness() -> None:
    """Every draw comes from a generator or stream that was passed in."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources()
        for line in global_draws(parsed(path))
    ]
    assert found == []


def test_a_global_draw_would_be_seen() -> None:
    """Module-level draws and seeds are told from generators and saved states."""
    code = "random.seed(1)\nnp.random.normal()\nrng.random()\nrandom.getstate()\n"
    assert list(global_draws(ast.parse(code))) == [1, 2]


@pytest.mark.parametrize(
    ("definition", "home"),
    [
        ("def encode", "troth/features.py"),
        ("def sample", "troth/policy.py"),
        ("def log_schema", "troth/logs/tables.py"),
        ("def canonical_json", "troth/digests.py"),
        ("def utc_now", "troth/clock.py"),
    ],
)
def test_one_of_each(definition: str, home: str) -> None:
    """One encoder, one sampler, one log schema, one canonical form; none has a twin."""
    pattern = re.compile(rf"^\s*{definition}\(", re.MULTILINE)
    found = [str(p.relative_to(ROOT)) for p in sources() if pattern.search(p.read_text())]
    assert found == [home]


def test_the_time_is_asked_for_in_one_place() -> None:
    """Whoever needs to know what time it is asks the one clock, or is told."""
    asking = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(|time\.time\(")
    found = [str(p.relative_to(ROOT)) for p in sources() if asking.search(p.read_text())]
    assert found == ["troth/clock.py"]


def test_policies_draw_in_one_place() -> None:
    """Whoever lets a policy decide in a world does it through the one roll-out."""
    drawing = [
        str(path.relative_to(ROOT)) for path in sources() if "Purpose.POLICY" in path.read_text()
    ]
    assert drawing == ["simulator/rollout.py"]


def test_every_module_says_what_it_is() -> None:
    """Each module opens with a docstring."""
    silent = [str(p.relative_to(ROOT)) for p in sources() if not ast.get_docstring(parsed(p))]
    assert silent == []


def test_no_public_class_has_the_name_of_another() -> None:
    """Who searches for a noun finds one."""
    homes: dict[str, list[str]] = {}
    for path in sources():
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_the_architecture_page_is_true() -> None:
    """The inventory in ARCHITECTURE.md is what the folders hold, module by module."""
    page = inventory.PAGE.read_text()
    assert inventory.told(page) == inventory.found()
    assert all(len(what) > 10 for what in inventory.words(page).values())


def test_the_architecture_check_can_fail() -> None:
    """The reader of the inventory sees a module that is listed and one that is not."""
    page = "| `troth/` | the nouns | `types` `ghost` |\n| `envs/` | views | `sb3` |"
    assert inventory.told(page) == {"troth": {"types", "ghost"}, "envs": {"sb3"}}


STREAMS = {
    "bench",
    "decision_ids",
    "envs",
    "evaluate log",
    "evaluate open-bandit",
    "experiments",
    "experiments.demo",
    "experiments.demo.outcomes",
    "experiments.demo.requests",
    "experiments.pictures",
    "experiments.runs.known_facts",
    "experiments.train",
    "request",
    "strange calls",
    "traffic",
}
"""Names of streams, by which every random number is a function of its name: a changed one is
another history, wherever its module has moved to."""


def names_of_streams(tree: ast.AST) -> Iterator[str]:
    """First words of the calls that make or key a stream."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        first = node.args[0]
        if called in {"generator", "derive_seed"} and isinstance(first, ast.Constant):
            yield str(first.value)


def test_names_of_streams_stay() -> None:
    """Moving or renaming code changes no draw."""
    found = {name for path in sources() for name in names_of_streams(parsed(path))}
    assert found == STREAMS
