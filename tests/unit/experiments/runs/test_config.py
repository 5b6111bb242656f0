"""Run configurations: what is shipped loads, what is wrong is refused with one useful line."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.runs.config import load, parse
from troth.errors import InvalidArgument, NotFound


def _data() -> dict[str, object]:
    return load("reference").model_dump(mode="json")


def test_shipped_suite_loads() -> None:
    """The reference suite is what the demo runs: five seeds and two thousand customers."""
    config = load("reference")
    assert config.evaluation.seeds >= 5
    assert config.serve.customers == 2000
    assert {learner.kind for learner in config.learners} == {"linear_thompson", "masked_ppo"}


def test_digest_follows_content() -> None:
    """Another seed is another run, the same values are the same run."""
    config = load("reference")
    assert config.digest == load("reference").digest
    assert config.with_seed(8).digest != config.digest
    assert config.with_seed(None) is config
    moved = config.model_copy(update={"scenario": "elsewhere/scenario.toml"})
    assert moved.digest == config.digest


@pytest.mark.parametrize(
    ("section", "key", "value", "field", "words"),
    [
        ("evaluation", "seeds", 4, "evaluation.seeds", ["4:", "5..200", "x.toml"]),
        ("log", "days", 0, "log.days", ["0:", "1..365", "x.toml"]),
        ("log", "policy", "greedy", "log.policy", ["'greedy'", "x.toml"]),
        ("ope", "level", 1.0, "ope.level", ["1.0", "above 0..below 1"]),
        ("serve", "colour", "red", "serve.colour", ["'red'", "x.toml"]),
        ("log", "days", True, "log.days", ["True:", "must be a number", "x.toml"]),
        ("log", "customers", "1000", "log.customers", ["'1000':", "must be a number", "x.toml"]),
    ],
)
def test_bad_value_is_named(
    section: str, key: str, value: object, field: str, words: list[str]
) -> None:
    """The error names the file, the key, the value and the allowed range."""
    data = _data()
    data[section] = {**data[section], key: value}  # type: ignore[dict-item]
    with pytest.raises(InvalidArgument) as caught:
        parse(data, source="x.toml")
    assert caught.value.field == field
    for word in words:
        assert word in caught.value.message
    assert "\n" not in str(caught.value)


def test_missing_section_is_named() -> None:
    """A configuration without a log is refused by name."""
    data = _data()
    del data["log"]
    with pytest.raises(InvalidArgument, match="field required") as caught:
        parse(data, source="x.toml")
    assert caught.value.field == "log"


def test_learner_names_are_unique_and_not_reserved() -> None:
    """Two policies of one name would be one row in every table."""
    for name in ("linear_thompson", "oracle"):
        data = _data()
        learners = data["learners"]
        assert isinstance(learners, list)
        learners[1] = {**learners[1], "name": name}
        with pytest.raises(InvalidArgument) as caught:
            parse(data, source="x.toml")
        assert caught.value.field == "learners.1.name"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"kind": "dqn"}, "kind", ["'dqn'", "linear_thompson", "masked_ppo"]),
        ({"settings": {"colour": 1}}, "settings.colour", ["no such setting", "draws, explo"]),
        ({"settings": {"draws": 3}}, "settings.draws", ["3: must be at least 2 and a multiple of"]),
        ({"settings": {"draws": True}}, "settings.draws", ["True: must be a number"]),
        ({"settings": {"exploration": 2}}, "settings.exploration", ["2: must be at least 0 and"]),
        ({"environment": {"customers": 9, "horizon_days": 5}}, "environment", ["reads a log"]),
    ],
)
def test_a_learners_fault_is_one_line(
    change: dict[str, object], field: str, words: list[str]
) -> None:
    """File, learner and key, the value, and what is allowed, as the configuration is read."""
    data = _data()
    learners = data["learners"]
    assert isinstance(learners, list)
    learners[0] = {**learners[0], **change}
    with pytest.raises(InvalidArgument) as caught:
        parse(data, source="x.toml")
    assert caught.value.field == f"learners.linear_thompson.{field}"
    for word in [*words, "in x.toml"]:
        assert word in caught.value.message
    assert "\n" not in str(caught.value)


def test_path_and_name(tmp_path: Path) -> None:
    """A path ending in .toml is read as a file; what is absent or no TOML says so."""
    with pytest.raises(NotFound, match=r"shipped: .*reference"):
        load("nothing_of_the_kind")
    with pytest.raises(NotFound, match="does not exist"):
        load(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    for text in (b"seed = = 3", b"name = '\xff'", b"a = " + b"[" * 100_000):
        broken.write_bytes(text)
        with pytest.raises(InvalidArgument, match=r"broken\.toml is not TOML") as refused:
            load(broken)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("hidden", [[True, 64], ["64", "64"]])
def test_an_array_of_numbers_has_numbers(hidden: list[object]) -> None:
    """Here too neither a flag nor a text passes for one."""
    data = _data()
    learners = data["learners"]
    assert isinstance(learners, list)
    (at,) = (i for i, each in enumerate(learners) if each["kind"] == "masked_ppo")
    learners[at] = {**learners[at], "settings": {"hidden": hidden}}
    with pytest.raises(InvalidArgument, match=r"must be numbers in x\.toml") as refused:
        parse(data, source="x.toml")
    assert refused.value.field == "learners.masked_ppo.settings.hidden"
