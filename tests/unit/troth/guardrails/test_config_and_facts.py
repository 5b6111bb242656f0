"""Configuration and facts: typed, with a digest, exact both ways."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.decisions import NOON
from troth.catalogue import Channel
from troth.errors import InvalidArgument, NotFound
from troth.guardrails import Contact, Facts, GuardrailConfig
from troth.guardrails.facts import find_zone


def test_digest_follows_content_only(tmp_path: Path) -> None:
    """Formatting does not change what an approval binds to; a figure does."""
    text = (
        "[quiet_hours]\nstart = 21:00:00\nend = 08:00:00\nchannels = ['sms']\n"
        "[[frequency_cap.rules]]\nhours = 24\ncontacts = 1\n"
    )
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(text)
    two.write_text("# a comment\n" + text.replace("21:00:00", '"21:00"'))
    assert GuardrailConfig.read(one).digest == GuardrailConfig.read(two).digest
    two.write_text(text.replace("contacts = 1", "contacts = 2"))
    assert GuardrailConfig.read(one).digest != GuardrailConfig.read(two).digest


def test_configuration_survives_json() -> None:
    """What is kept for replays reads back to the same digest."""
    config = GuardrailConfig.shipped()
    again = GuardrailConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.digest == config.digest


def test_window_reaches_as_far_as_the_longest_cap() -> None:
    """The ledger is read as far back as any guardrail looks."""
    assert GuardrailConfig.shipped().window == timedelta(hours=168)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("contacts = 1", "contacts = 0", "guardrails.frequency_cap.rules.0.contacts"),
        ("hours = 24", "hours = -3", "guardrails.frequency_cap.rules.0.hours"),
        ("'sms'", "'telegram'", "guardrails.quiet_hours.channels.0"),
        ("end = 08:00:00", "end = 21:00:00", "guardrails.quiet_hours"),
        ("end = 08:00:00", "end = 08:00:30", "guardrails.quiet_hours"),
        (
            "contacts = 1",
            "contacts = 1\nconsent = false",
            "guardrails.frequency_cap.rules.0.consent",
        ),
        ("[quiet_hours]", "[loud_hours]", "guardrails.quiet_hours"),
        ("start = ", "start : ", "guardrails"),
    ],
)
def test_bad_configuration_names_the_key(tmp_path: Path, old: str, new: str, field: str) -> None:
    """Each mistake is one line that says where it is."""
    path = tmp_path / "guardrails.toml"
    path.write_text(
        "[quiet_hours]\nstart = 21:00:00\nend = 08:00:00\nchannels = ['sms']\n"
        "[[frequency_cap.rules]]\nhours = 24\ncontacts = 1\n".replace(old, new)
    )
    with pytest.raises(InvalidArgument) as caught:
        GuardrailConfig.read(path)
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a = " + b"[" * 100_000, b"\x00"])
def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path, data: bytes) -> None:
    """Whatever its bytes, and however deeply they are nested."""
    path = tmp_path / "guardrails.toml"
    path.write_bytes(data)
    with pytest.raises(InvalidArgument, match="is not TOML") as caught:
        GuardrailConfig.read(path)
    assert caught.value.field == "guardrails"


def test_installation_overrides_the_shipped_file(tmp_path: Path) -> None:
    """HOME/guardrails.toml holds if it is there; a path that is not there is an error."""
    assert GuardrailConfig.installed(tmp_path) == GuardrailConfig.shipped()
    (tmp_path / "guardrails.toml").write_text("not toml")
    with pytest.raises(InvalidArgument):
        GuardrailConfig.installed(tmp_path)
    with pytest.raises(NotFound):
        GuardrailConfig.read(tmp_path / "nowhere.toml")


def test_facts_survive_their_record() -> None:
    """Facts read back from a record are equal, so a replay judges the same."""
    facts = Facts(
        permissions={Channel.EMAIL: True, Channel.SMS: False},
        zone=None,
        decided_at=NOON + timedelta(microseconds=7),
        contacts=(Contact(at=NOON, channel=Channel.WEB, action_id="a", day="2026-03-04"),),
    )
    assert Facts.from_dict(json.loads(json.dumps(facts.to_dict()))) == facts


@pytest.mark.parametrize("key", ["permissions", "zone", "decided_at", "contacts"])
def test_malformed_facts_are_refused(key: str) -> None:
    """A record that lost a part is not judged on what is left."""
    facts = Facts(permissions={}, zone=None, decided_at=NOON).to_dict()
    del facts[key]
    with pytest.raises(InvalidArgument, match="facts"):
        Facts.from_dict(facts)


def test_order_says_nothing() -> None:
    """Channels in another order, named twice, or cap rules swapped: the same digest."""
    plain = GuardrailConfig.shipped().to_dict()
    other = json.loads(json.dumps(plain))
    other["quiet_hours"]["channels"] = [*reversed(plain["quiet_hours"]["channels"]), "sms"]
    other["frequency_cap"]["rules"].reverse()
    for rule in other["frequency_cap"]["rules"]:
        rule["channels"].reverse()
    assert GuardrailConfig.from_dict(other).digest == GuardrailConfig.from_dict(plain).digest
    other["frequency_cap"]["rules"][0]["contacts"] += 1
    assert GuardrailConfig.from_dict(other).digest != GuardrailConfig.from_dict(plain).digest


@pytest.mark.parametrize(
    "name", ["Factory", "localtime", "posixrules", "right/Europe/Berlin", "europe/berlin", ""]
)
def test_name_that_is_no_place_is_no_zone(name: str) -> None:
    """Whatever the machine's own database makes of it."""
    assert find_zone(name) is None


def test_what_is_no_readable_file_is_refused_in_one_line(tmp_path: Path) -> None:
    """A directory, a pipe, a link that leads nowhere or in circles, a path through a file."""
    pipe, nowhere, circle = tmp_path / "pipe", tmp_path / "nowhere", tmp_path / "circle"
    os.mkfifo(pipe)
    nowhere.symlink_to(tmp_path / "gone.toml")
    circle.symlink_to(circle)
    plain = tmp_path / "plain.toml"
    plain.write_text("")
    for path, refused, why in (
        (tmp_path, InvalidArgument, "is not a file"),
        (pipe, InvalidArgument, "is not a file"),
        (nowhere, NotFound, "does not exist"),
        (circle, InvalidArgument, "cannot be read"),
        (plain / "guardrails.toml", InvalidArgument, "cannot be read"),
        (tmp_path / ("x" * 300), InvalidArgument, "cannot be read"),
    ):
        with pytest.raises(refused, match=why) as caught:
            GuardrailConfig.read(path)
        assert caught.value.field == "guardrails"
        assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may not read it is told so."""
    path = tmp_path / "guardrails.toml"
    path.write_text("")

    def denied(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(InvalidArgument, match="cannot be read: Permission denied"):
        GuardrailConfig.installed(tmp_path)


@pytest.mark.parametrize("lies", ["link to nothing", "circle", "directory", "home is a file"])
def test_an_installation_never_falls_back_to_the_shipped_rules(tmp_path: Path, lies: str) -> None:
    """Only where nothing lies in their place are the shipped ones in force."""
    home = tmp_path / "home"
    home.mkdir()
    assert GuardrailConfig.installed(home) == GuardrailConfig.shipped()
    path = home / "guardrails.toml"
    if lies == "link to nothing":
        path.symlink_to(tmp_path / "gone.toml")
    elif lies == "circle":
        path.symlink_to(path)
    elif lies == "directory":
        path.mkdir()
    else:
        home.rmdir()
        home.write_text("")
    with pytest.raises((InvalidArgument, NotFound), match="guardrails"):
        GuardrailConfig.installed(home)


@pytest.mark.parametrize("section", ["quiet_hours", "frequency_cap"])
def test_no_contact_is_no_channel_to_refuse(section: str) -> None:
    """A rule about it alone would never refuse anything."""
    data = GuardrailConfig.shipped().to_dict()
    where = data[section] if section == "quiet_hours" else data[section]["rules"][0]
    where["channels"] = ["sms", "none"]
    with pytest.raises(InvalidArgument, match="none is no channel of a contact"):
        GuardrailConfig.from_dict(data)
