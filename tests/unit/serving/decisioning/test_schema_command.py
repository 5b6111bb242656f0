"""``troth schema`` hands over what a question needs, as the service judges it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.support.decisions import CATALOGUE, SCHEMA
from tests.support.installations import Installation
from troth.cli.entry import build
from troth.client import Question
from troth.errors import InvalidArgument, NotFound


def shown(installed: Installation, *words: object) -> Result:
    """What the command prints."""
    home = ["--home", str(installed.settings.home)]
    command = ["schema", *(str(word) for word in words), *home]
    return CliRunner().invoke(build(), command, catch_exceptions=False, env={"COLUMNS": "80"})


def told(installed: Installation, *words: object) -> dict[str, Any]:
    """The same for programs."""
    found: dict[str, Any] = json.loads(shown(installed, *words, "--json").stdout)
    return found


def test_features_come_in_the_order_of_the_schema(installed: Installation) -> None:
    """With name, range and unit, and the digest that a question names."""
    found = told(installed, "daily")
    assert [one["name"] for one in found["features"]] == list(SCHEMA.names)
    assert found["feature_schema_digest"] == SCHEMA.digest
    assert found["journeys"] == list(CATALOGUE.journeys)
    text = shown(installed, "daily").stdout
    assert SCHEMA.digest in text
    assert all(name in text for name in (*SCHEMA.names, *CATALOGUE.journeys))
    assert "0 to 3,650" in text


def test_each_role_has_its_own(installed: Installation) -> None:
    """The model's unless the baseline's is asked for, and the baseline's where no model is."""
    model, baseline = installed.model, installed.baseline  # type: ignore[attr-defined]
    assert told(installed, "daily")["policy_digest"] == model
    assert told(installed, "daily", "--role", "baseline")["policy_digest"] == baseline


def test_the_question_it_writes_can_be_asked(installed: Installation, tmp_path: Path) -> None:
    """It is one for ``troth decide``, and its features are as many as the schema takes."""
    path = tmp_path / "question.json"
    assert str(path.name) in shown(installed, "daily", "--question", path).stdout.replace("\n", "")
    question = Question.from_json(path.read_text())
    assert (question.decision_point, question.feature_schema_digest) == ("daily", SCHEMA.digest)
    values = SCHEMA.validate(np.array(question.features))
    assert np.isnan(values).all()
    assert list(question.triggered_journeys) == list(CATALOGUE.journeys)


def test_where_nothing_is_active_it_says_so(installed: Installation) -> None:
    """Another decision point, and a name that is none."""
    with pytest.raises(NotFound, match="no policy is active at 'weekly'"):
        shown(installed, "weekly")
    with pytest.raises(InvalidArgument):
        shown(installed, "No Point")
