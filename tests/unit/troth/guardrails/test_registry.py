"""Guardrails of other packages: named by a configuration, known by their files."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.support.decisions import ALL_CHANNELS, CATALOGUE, NOON, loose_config
from tests.support.packages import CARE, install_care
from tests.support.packages import site as site
from troth.errors import FailedPrecondition, InvalidArgument
from troth.guardrails import Facts, FactsBatch, GuardrailConfig, GuardrailEngine
from troth.guardrails.told import UNTOLD, ToldFact

TOLD = {"care": {"kinds": ["discount"]}}
AWAKE = Facts(permissions=ALL_CHANNELS, zone="Europe/Vienna", decided_at=NOON)
TICKETS = ToldFact(name="tickets", meaning="complaints", high=5)
EVERYTHING = np.ones((1, len(CATALOGUE)), dtype=bool)
SMS = CATALOGUE.index("winback_sms")


def config(**sections: object) -> GuardrailConfig:
    """A loose one with ``sections`` beside it."""
    return GuardrailConfig.from_dict(loose_config().to_dict() | sections)


def test_what_is_not_named_does_not_act(site: Path) -> None:
    """An installed package alone changes neither digest nor judgement, and is not imported."""
    before = GuardrailConfig.shipped()
    install_care(site)
    assert GuardrailConfig.shipped().digest == before.digest
    assert len(GuardrailConfig.shipped().guardrails) == len(before.guardrails)
    assert "acme_care" not in sys.modules


def test_a_named_guardrail_judges_by_what_it_is_told(site: Path) -> None:
    """Under its own name and reasons; what nobody told counts as a refusal."""
    install_care(site)
    engine = GuardrailEngine(config(**TOLD))
    for told, reason in (({"in_care": 1}, "in_care"), ({}, "unknown_care"), ({"in_care": 0}, "")):
        facts = engine.columns([replace(AWAKE, told=told)], CATALOGUE)
        left, taken = engine.judge(EVERYTHING, CATALOGUE, facts)
        assert [t.reason for t in taken if t.actions.any()] == ([reason] if reason else [])
        assert left.tolist() == [[True, True, True, not reason]]
        assert {t.guardrail for t in taken if t.actions.any()} <= {"care"}


def test_the_digest_binds_to_the_package(site: Path) -> None:
    """Its distribution, version and files stand in the configuration, and change its digest."""
    rules = install_care(site)
    first = config(**TOLD)
    assert set(first.to_dict()["extensions"]["care"]) == {"distribution", "version", "digest"}
    assert GuardrailConfig.from_dict(json.loads(json.dumps(first.to_dict()))) == first
    rules.write_text(CARE + "\n# a word more\n")
    second = config(**TOLD)
    assert second.digest != first.digest
    assert second.sections == first.sections
    with pytest.raises(FailedPrecondition, match=r"was of acme-care 1.0 .*, and installed is"):
        GuardrailConfig.from_dict(first.to_dict())


def test_a_name_that_nobody_registers_is_refused_in_one_line(site: Path, tmp_path: Path) -> None:
    """With those that there are; so is what has nothing to be told."""
    install_care(site)
    path = tmp_path / "guardrails.toml"
    path.write_text(
        "[quiet_hours]\nstart = 21:00:00\nend = 08:00:00\nchannels = ['sms']\n"
        "[[frequency_cap.rules]]\nhours = 24\ncontacts = 1\n[caer]\n"
    )
    with pytest.raises(InvalidArgument) as refused:
        GuardrailConfig.read(path)
    assert str(refused.value) == (
        f"guardrails.caer: {path}: no installed package registers a guardrail 'caer'; there is: "
        "quiet_hours, frequency_cap, care"
    )
    with pytest.raises(InvalidArgument, match=r"guardrails.consent: .*it always holds"):
        config(consent={})
    with pytest.raises(InvalidArgument, match=r"guardrails.care: .*there is no section"):
        config(extensions=config(**TOLD).to_dict()["extensions"])


@pytest.mark.parametrize(
    ("default", "told"),
    [
        ("object = object()", "PydanticSerializationError"),
        ("float = float('nan')", "not representable as canonical JSON"),
    ],
)
def test_a_section_without_a_digest_is_refused(site: Path, default: str, told: str) -> None:
    """Where it is named, before anybody signs what cannot be told."""
    new = "    kinds: tuple[OfferKind, ...]\n    spare: "
    install_care(site, CARE.replace("    kinds: tuple[OfferKind, ...]", f"{new}{default}"))
    with pytest.raises(InvalidArgument, match=f"guardrails.care: guardrails: .*{told}"):
        config(**TOLD)


def test_its_section_is_checked_as_troths_own_are(site: Path) -> None:
    """A wrong value and an unknown key, each named."""
    install_care(site)
    for told, field in (({"kinds": ["gold"]}, "kinds.0"), ({"kinds": [], "x": 1}, "x")):
        with pytest.raises(InvalidArgument) as refused:
            config(care=told)
        assert refused.value.field == f"guardrails.care.{field}"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("class Care(Guardrail)", "class Care", "no class derived from"),
        ('name = "care"', 'name = "cares"', "its name is 'cares'"),
        ("section = CareConfig", "section = None", "has no section"),
        ("def refusals", "def judge", "lacks refusals"),
        ("def __init__(self, config):", "def __init__(self, config):\n        1 / 0", "be made"),
        ('name = "care"', 'name = "care"\n    needs = {"age"}', "needs age: no such columns"),
        ("told = (", "told = ('debts',", r"no troth\.guardrails\.ToldFact"),
        ('name = "care"', 'name = "care"\n    needs = None', "is none: TypeError"),
        ('name = "care"', 'name = "care"\n    needs = [1, "age"]', "no name of a column"),
        ("def refusals", "told = 5\n\n    def refusals", "is none: TypeError"),
        ("def __init__(self, config):", "def __init__(self, _):\n        exit(2)", "SystemExit"),
        ("told = (", "reach = None\n    told = (", "be made"),
        ("told = (", "reach = __import__('datetime').timedelta(days=400)\n    told = (", "0..366"),
        ("import numpy as np", "import sys\n\nimport numpy as np\n\nsys.exit()", "SystemExit"),
        ("high", "high", ""),
    ],
)
def test_what_is_no_guardrail_is_refused_where_it_is_named(
    site: Path, old: str, new: str, why: str
) -> None:
    """Before any decision, with package and version."""
    install_care(site, CARE.replace(old, new))
    if not why:
        assert config(**TOLD).guardrails[-1].name == "care"
        return
    with pytest.raises(FailedPrecondition, match=why) as refused:
        config(**TOLD)
    assert "acme-care 1.0" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("closed = self._closed", "raise KeyError\n        closed = self._closed"),
        ("(known == 1)[:, None] & closed", "known == 1"),
        ('Refusal("in_care", (known == 1)[:, None]', 'Refusal("in care", (known == 1)[:, None]'),
        ("& closed)", "* 1)"),
        ("closed[NO_CONTACT] = False", "closed[NO_CONTACT] = True"),
        ("known = facts.told", "facts.permissions[:] = 1\n        known = facts.told"),
        ("known = facts.told", "facts.told['in_care'][:] = 0\n        known = facts.told"),
        ("closed = self._closed", "raise SystemExit\n        closed = self._closed"),
    ],
)
def test_a_guardrail_that_fails_is_named_and_allows_nothing(site: Path, old: str, new: str) -> None:
    """Neither its exception nor a mask of another shape passes for an answer."""
    assert old in CARE
    install_care(site, CARE.replace(old, new))
    engine = GuardrailEngine(config(**TOLD))
    facts = engine.columns([AWAKE], CATALOGUE)
    with pytest.raises(FailedPrecondition, match="the guardrail failed") as refused:
        engine.judge(EVERYTHING, CATALOGUE, facts)
    assert refused.value.field == "guardrails.care"
    assert engine.reasons(SMS, CATALOGUE, facts) == ("care_failed",)


@pytest.mark.parametrize("kept", [3, [1], "care", {"care": 1}, {"care": {}}, {"x": {}}])
def test_what_says_nothing_of_packages_is_refused(site: Path, kept: object) -> None:
    """In a file or in what is kept."""
    install_care(site)
    with pytest.raises((InvalidArgument, FailedPrecondition)) as refused:
        config(extensions=kept, **TOLD)
    assert "\n" not in str(refused.value)


def test_checks_of_a_section_that_fail_are_its_faults(site: Path) -> None:
    """Not a traceback; nor a value that no digest can hold."""
    check = (
        "    kinds: tuple[OfferKind, ...]\n    factor: float = 1.0\n\n"
        "    def model_post_init(self, context):\n        1 / self.factor\n"
    )
    install_care(site, CARE.replace("    kinds: tuple[OfferKind, ...]\n", check))
    assert config(care={"kinds": [], "factor": 2.0}).digest
    for factor in (0.0, float("inf")):
        with pytest.raises(InvalidArgument) as refused:
            config(care={"kinds": [], "factor": factor})
        assert "\n" not in str(refused.value)


def test_facts_that_lack_what_is_told_are_not_judged(site: Path) -> None:
    """By the name of the fact; values that it cannot have are refused by row."""
    install_care(site)
    engine = GuardrailEngine(config(**TOLD))
    without = FactsBatch.of([AWAKE], CATALOGUE, timedelta(days=30))
    with pytest.raises(FailedPrecondition, match=r"facts.in_care: nothing says this"):
        engine.judge(EVERYTHING, CATALOGUE, without)
    wrong = replace(without, told={"in_care": np.array([2])})
    with pytest.raises(InvalidArgument, match=r"facts.in_care: 2 in row 0 is not 0..1"):
        engine.judge(EVERYTHING, CATALOGUE, wrong)


def test_columns_of_told_facts_go_with_their_rows() -> None:
    """Taken and put together; what only one part says is not known of all."""
    people = [replace(AWAKE, told={"tickets": n} if n else {}) for n in range(3)]
    week = timedelta(days=7)
    facts = FactsBatch.of(people, CATALOGUE, week, [TICKETS])
    assert facts.told["tickets"].tolist() == [UNTOLD, 1, 2]
    assert facts.take(np.array([2, 0])).told["tickets"].tolist() == [2, UNTOLD]
    both = FactsBatch.concatenate([facts, facts.take(slice(1, 2))])
    assert both.told["tickets"].tolist() == [UNTOLD, 1, 2, 1]
    assert FactsBatch.concatenate([facts, FactsBatch.of(people, CATALOGUE, week)]).told == {}
    for bad in (np.array([0.5, 0, 0]), np.array([True] * 3), np.zeros(2), np.array([np.nan] * 3)):
        with pytest.raises(InvalidArgument, match=r"^facts\.tickets"):
            replace(facts, told={"tickets": bad})


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (2, 2),
        (True, 1),
        (np.int64(3), 3),
        (None, UNTOLD),
        (6, UNTOLD),
        (-1, UNTOLD),
        (1.0, UNTOLD),
        ("2", UNTOLD),
    ],
)
def test_what_a_fact_cannot_be_is_unknown(found: object, value: int) -> None:
    """Whether it was told or worked out; so is what fails."""
    week = timedelta(days=7)
    told = replace(AWAKE, told={"tickets": found})
    out = replace(TICKETS, name="other", from_facts=lambda facts: facts.told["tickets"])
    facts = FactsBatch.of([told, AWAKE], CATALOGUE, week, [TICKETS, out])
    assert facts.told["tickets"].tolist() == facts.told["other"].tolist() == [value, UNTOLD]


def test_told_facts_survive_a_record() -> None:
    """Nothing told, no key: records of before stay as they are."""
    facts = replace(AWAKE, told={"tickets": 3})
    assert Facts.from_dict(json.loads(json.dumps(facts.to_dict()))) == facts
    assert "told" not in AWAKE.to_dict()
