"""What kernels read of a scenario: every parameter under its own name, and nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import simulator.scenarios
from simulator.model import calendar
from simulator.model.offers import GROUPS
from simulator.model.rules import CALENDAR_FIELDS, KERNEL_SECTIONS, Rules
from simulator.scenarios import Scenario, load
from troth.catalogue import CHANNELS

FILE = Path(simulator.scenarios.__file__).parent / "reference.toml"
DERIVED_SCALARS = {"derived_mood_keeps"}
DERIVED = {
    "actions": {"strength", "recovers", "pitches", "worth"},
    "categories": {"cumulative_share"},
}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The reference."""
    return load("reference")


@pytest.fixture(scope="module")
def rules(scenario: Scenario) -> Rules:
    """Its tables."""
    return Rules.of(scenario)


def names(records: NDArray[np.void]) -> set[str]:
    """Of the fields."""
    return set(records.dtype.names or ())


def test_every_number_of_a_section_has_its_name_and_nothing_else_is_there(rules: Rules) -> None:
    """The fields of ``par`` are those of the sections' models, behind the section's name."""
    fields = Scenario.model_fields
    expected = {
        f"{section}_{key}"
        for section in KERNEL_SECTIONS
        for key in fields[section].annotation.model_fields  # type: ignore[union-attr]
    }
    assert len(expected) > 80
    assert names(rules.par) == expected | DERIVED_SCALARS


def test_numbers_are_those_of_the_file(rules: Rules) -> None:
    """As they are written in TOML, under the same section and key."""
    written = tomllib.loads(FILE.read_text(encoding="utf-8"))
    seen = 0
    for section in KERNEL_SECTIONS:
        for key, value in written[section].items():
            if isinstance(value, int | float):
                seen += 1
                assert rules.par[f"{section}_{key}"][0] == value, (section, key)
    assert seen > 70


def test_a_section_that_reaches_a_kernel_reaches_it_whole(scenario: Scenario) -> None:
    """Whatever number is changed, its own field changes, and what is derived from it alone."""
    par = Rules.of(scenario).par[0]
    for section in KERNEL_SECTIONS:
        for key, value in getattr(scenario, section).model_dump().items():
            other = value + 1 if isinstance(value, int) else value + 0.015625
            changed = getattr(scenario, section).model_copy(update={key: other})
            there = Rules._made(scenario.model_copy(update={section: changed})).par[0]
            differs = {name for name in names(par) if par[name] != there[name]}
            assert differs - DERIVED_SCALARS == {f"{section}_{key}"}
            assert differs <= {f"{section}_{key}", "derived_mood_keeps"}
            assert ("derived_mood_keeps" in differs) == (key == "recovery_days")


def test_whole_numbers_stay_whole(rules: Rules) -> None:
    """Types are those of the sections."""
    assert rules.par["loyalty_birthday_points"].dtype == np.int64
    assert rules.par["economics_breakage"].dtype == np.float64


def test_records_are_named_as_their_sections(scenario: Scenario, rules: Rules) -> None:
    """Channels, groups, tiers, journeys and categories."""
    tables = rules.tables
    for c, channel in enumerate(CHANNELS[1:], start=1):
        section = scenario.channels[channel].model_dump()
        assert names(tables.channels) == set(section)
        assert {name: tables.channels[c][name] for name in section} == section
    for g, group in enumerate(GROUPS):
        section = getattr(scenario.persuadability, group).model_dump()
        assert {name: tables.groups[g][name] for name in section} == section
        assert names(tables.groups) == set(section)
    for t, tier in enumerate(scenario.tiers):
        section = tier.model_dump(exclude={"name"})
        assert {name: tables.tiers[t][name] for name in section} == section
        assert names(tables.tiers) == set(section)
    for j, journey in enumerate(scenario.journeys.values()):
        assert names(tables.journeys) == {"response", "pressure", "pressure_gain"}
        assert tables.journeys[j]["response"] == journey.response
        assert tables.journeys[j]["pressure_gain"] == journey.pressure_gain
    assert names(tables.categories) == {"margin_factor"} | DERIVED["categories"]
    assert tables.categories["cumulative_share"][-1] == 1.0


def test_actions_are_named_as_in_the_catalogue_and_as_their_offers(
    scenario: Scenario, rules: Rules
) -> None:
    """What a catalogue or an offer says is there under its name; the rest is derived."""
    actions, catalogue = rules.tables.actions, scenario.catalogue
    own = {"channel", "kind", "journey", "discount", "points", "cost_minor"}
    assert names(actions) == own | {"take_up", "redeems"} | DERIVED["actions"]
    for k, action in enumerate(catalogue.actions[1:], start=1):
        offer = scenario.offers[action.offer]
        found = {name: actions[k][name] for name in ("discount", "points", "cost_minor")}
        assert found == {name: getattr(action, name) for name in found}
        assert (actions[k]["take_up"], actions[k]["redeems"]) == (offer.take_up, offer.redeems)
        assert bool(actions[k]["worth"]) == (offer.discount > 0 or offer.points > 0)


def test_a_day_is_named_as_in_the_calendar(scenario: Scenario, rules: Rules) -> None:
    """Names and values are the calendar's."""
    today, day = rules.today(3, 40), calendar.day(scenario, 3, 40)
    assert names(today.record) == {"clock", "period", *CALENDAR_FIELDS}
    for name in CALENDAR_FIELDS:
        assert today.record[name][0] == getattr(day, name)
    assert today.record["clock"][0] == 40 + scenario.warm_up.days
