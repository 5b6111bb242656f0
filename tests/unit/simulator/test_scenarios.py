"""Scenarios: what ships is whole, and what is wrong is said in one line."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from simulator.calibration.figures import SECTIONS, Figures
from simulator.scenarios import Scenario, load
from troth.catalogue import Channel
from troth.errors import InvalidArgument, NotFound

TEXT = (files("simulator.scenarios") / "reference.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reference() -> Scenario:
    """The scenario that ships."""
    return load("reference")


def test_reference_has_what_a_programme_needs(reference: Scenario) -> None:
    """Eight channels, four tiers, seven journeys and more, 60 to 72 actions."""
    assert len(reference.channels) == 8
    assert [tier.name for tier in reference.tiers] == ["bronze", "silver", "gold", "platinum"]
    assert {
        "welcome", "post_purchase", "churn_recovery", "tier_upgrade", "points_reminder",
        "challenge", "service_recovery", "engagement",
    } == set(reference.journeys)  # fmt: skip
    assert 60 <= len(reference.catalogue) <= 72
    assert {a.channel for a in reference.catalogue.actions} == set(Channel)


def test_reference_carries_the_calibrated_figures(reference: Scenario) -> None:
    """The shipped scenario is the one that the shipped figures describe."""
    shipped = Figures.shipped().sections()
    for section in SECTIONS:
        assert getattr(reference, section).model_dump() == shipped[section]


def test_costs_add_up(reference: Scenario) -> None:
    """A contact costs its channel and its offer."""
    action = reference.catalogue.actions[
        reference.catalogue.index("post_purchase/3/sample_gift/email")
    ]
    assert action.cost_minor == 1 + reference.offers["sample_gift"].cost_minor


def test_digest_is_of_the_values(reference: Scenario) -> None:
    """The same values have the same digest, another value another one."""
    assert load("reference").digest == reference.digest
    assert reference.replace(wallet={"redeem_from": 501}).digest != reference.digest


def test_a_copy_leaves_behind_what_was_derived(reference: Scenario) -> None:
    """Digest, catalogue and features of a changed copy are those of its own values."""
    assert reference.digest
    assert reference.schema
    later = reference.model_copy(update={"start": date(2031, 5, 6), "tiers": reference.tiers[:2]})
    assert later.digest == Scenario.model_validate(later.model_dump()).digest != reference.digest
    assert later.schema.digest != reference.schema.digest
    assert reference.model_copy() == reference


def test_a_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    """The same text is the same scenario, wherever it lies; an edit is another one."""
    path, other = tmp_path / "mine.toml", tmp_path / "other.toml"
    for each in (path, other):
        each.write_text(TEXT)
    before = load(path)
    assert load(other) is before
    path.write_text(TEXT.replace("margin_share = 0.45", "margin_share = 0.25"))
    assert (before.economics.margin_share, load(path).economics.margin_share) == (0.45, 0.25)
    assert load(other) is before


SHOCK = """
[[shocks]]
name = "lockdown"
start_day = 30
days = 60
rate = 0.5
delivery = { point_of_sale = 0.0 }
hides = ["tier"]
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("margin_share = 0.45", "margin_share = 1.4",
         ["economics.margin_share", "1.4", "in [0, 1]"]),
        ("cap_days = 7 ", "cap_days = 7.5 ", ["fatigue.cap_days", "7.5", "integer"]),
        ("cap_days = 7 ", "cap_day = 7 ", ["fatigue.cap_days", "required"]),
        ("cap_days = 7 ", "cap_days = 7\ncap_day = 7 #",
         ["fatigue.cap_day:", "no such key", "cap_days"]),
        ("[stores]", "[storess]\n[stores]", ["storess:", "no such key", "stores, persuadability"]),
        ("[stores]", "[purchases.x]\n[stores]", ["purchases.x:", "no such key", "alpha_weeks"]),
        ("breakage = 0.30", "breakage = nan", ["economics.breakage", "nan", "finite"]),
        ("breakage = 0.30", "breakage = true", ["economics.breakage", "True", "number"]),
        ("[email]", "[[email]]", ["email:", "must be a table"]),
        ("channels = [\"email\"", "channels = [\"emial\"", ["emial", "one of email, push"]),
        ("name = \"silver\"", "name = \"Silver\"", ["tiers.1.name", "Silver", "pattern"]),
        ("from_spend_minor = 30000", "from_spend_minor = 300", ["tiers", "300", "rise"]),
        ("[channels.sms]", "[channels.fax]", ["channels", "fax", "one of email, push"]),
        ("kind = \"gift\"", "kind = \"present\"",
         ["offers.sample_gift.kind", "present", "one of content"]),
        ("offer = \"care_tips\"", "offer = \"tips\"", ["post_purchase", "tips", "one of"]),
        ("\"tenure_days\"", "\"tenure\"", ["welcome", "tenure", "one of"]),
        ("r = 0.278087\n", "r = -0.2\n", ["purchases.r", "-0.2", "greater"]),
        ("\nr = 0.278087\n", "\n", ["purchases.r", "required"]),
        ("model = \"bg_nbd\"\n", "model = \"poisson\"\n", ["purchases", "poisson", "pareto_nbd"]),
        ("share = 0.45        #", "share = 1.2 #", ["categories.0.share", "1.2", "in [0,"]),
        ("name = \"music\"", "name = \"Music\"", ["categories.0.name", "Music", "pattern"]),
        ("margin_factor = 0.85", "margin_factor = -1.0",
         ["categories.1.margin_factor", "-1.0", "in [0,"]),
        ("web = 0.33", "web = 7.0", ["stores.web", "7.0", "in [0, 1]"]),
        ("web = 0.33", "", ["stores.web", "required"]),
        ("store = 0.55\nweb = 0.33\napp = 0.12", "store = 0.0\nweb = 0.0\napp = 0.0",
         ["stores", "0.0", "more than 0"]),
        ("median_days = 5.0", "median_days = 0.0", ["delays.redeem.median_days", "0.0", "in ("]),
        ("sigma = 0.9 ", "sigma = 4.0 ", ["delays.redeem.sigma", "4.0", "in [0, 3]"]),
        ("[delays.visit]", "[delays.visits]", ["delays.visit", "required"]),
        ("month_factors = [0.896, ", "month_factors = [", ["calendar.month_factors", "12"]),
        ("[1.087, 1.087, 0.981, 0.958, 0.915, 0.972, 1.001]", "[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]",
         ["calendar.weekday_factors", "0.0", "more than 0"]),
        ("signal_per_day = 0.02", "signal_per_day = 0.99",
         ["mood.signal_per_day", "0.99", "at most 1"]),
        ("target_max = 8 ", "target_max = 1 ", ["challenges.target_min", "3", "at most"]),
        ("against = [\"cdnow\", ", "against = [\"mine\", ", ["validity.against", "mine", "cdnow"]),
        ("start = 2026-03-02", "start = 5", ["start", "5", "date"]),
    ],
)  # fmt: skip
def test_errors_name_file_key_value_and_range(
    tmp_path: Path, old: str, new: str, says: list[str]
) -> None:
    """A bad value is refused in one line with the file, the key, the value and what is allowed."""
    assert old in TEXT
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidArgument) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    for part in ["mine.toml", *says]:
        assert part in message


def test_a_scenario_may_have_shocks(tmp_path: Path) -> None:
    """A shock in a file is read with its neutral values filled in."""
    path = tmp_path / "mine.toml"
    path.write_text(TEXT + SHOCK, encoding="utf-8")
    (shock,) = load(path).shocks
    assert (shock.name, shock.start_day, shock.days, shock.rate) == ("lockdown", 30, 60, 0.5)
    assert (shock.basket, shock.response, shock.hides) == (1.0, 1.0, ("tier",))
    assert shock.delivery == {Channel.POINT_OF_SALE: 0.0}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"lockdown"', '"Lock down"', ["shocks.0.name", "Lock down", "pattern"]),
        ("start_day = 30", "start_day = 30.5", ["shocks.0.start_day", "30.5", "integer"]),
        ("days = 60", "days = 0", ["shocks.0.days", "0", "in [1,"]),
        ("days = 60", "", ["shocks.0.days", "required"]),
        ("rate = 0.5", "rate = -0.5", ["shocks.0.rate", "-0.5", "in [0,"]),
        ("rate = 0.5", "speed = 0.5", ["shocks.0.speed", "0.5", "no such key", "rate"]),
        ("point_of_sale = 0.0", "point_of_sale = 2.0", ["shocks.0.delivery", "2.0", "less"]),
        ("point_of_sale", "fax", ["shocks.0.delivery", "fax"]),
        ('"tier"', '"teir"', ["shocks.hides", "teir", "one of", "tier"]),
    ],
)
def test_errors_in_shocks_name_file_key_value_and_range(
    tmp_path: Path, old: str, new: str, says: list[str]
) -> None:
    """A bad shock is refused in one line that says which one, what, and what is allowed."""
    path = tmp_path / "mine.toml"
    changed = SHOCK.replace(old, new, 1)
    assert changed != SHOCK
    path.write_text(TEXT + changed, encoding="utf-8")
    with pytest.raises(InvalidArgument) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    for part in ["mine.toml", *says]:
        assert part in message


def test_missing_scenarios_are_not_found(tmp_path: Path) -> None:
    """Neither an unknown name nor an absent file is guessed at."""
    with pytest.raises(NotFound, match="no scenario 'nowhere'"):
        load("nowhere")
    with pytest.raises(NotFound, match=r"those are airline, .*ends in \.toml"):
        load("")
    with pytest.raises(NotFound, match="does not exist"):
        load(tmp_path / "absent.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(NotFound, match="is a folder"):
        load(tmp_path / "folder.toml")


def test_text_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    """A syntax error names the file and the line."""
    path = tmp_path / "broken.toml"
    path.write_text("name = \n", encoding="utf-8")
    with pytest.raises(InvalidArgument, match=r"broken\.toml: not TOML.*at line 1"):
        load(path)
    path.write_bytes("name = 'José'".encode("latin-1"))
    with pytest.raises(InvalidArgument, match=r"broken\.toml: not UTF-8 text: byte 11 is 0xe9"):
        load(path)


def test_replace_checks_again(reference: Scenario) -> None:
    """A changed copy obeys the same ranges as a file."""
    with pytest.raises(InvalidArgument, match=r"mood\.ticket_shock.*9"):
        reference.replace(mood={"ticket_shock": 9.0})
