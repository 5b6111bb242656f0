"""What other packages register: found without an import, known by their files."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.packages import install
from tests.support.packages import site as site
from troth import extensions
from troth.errors import FailedPrecondition, NotFound
from troth.extensions import Group

ENTRY = {"troth.guardrails": {"sundays": "acme_rest.sundays:SUNDAYS"}}
FILES = {
    "acme_rest/__init__.py": "",
    "acme_rest/sundays.py": "SUNDAYS = 'rest'\n",
    "acme_rest/days, named.txt": "Sunday\n",
}


def test_what_is_registered_is_found_and_not_imported(site: Path) -> None:
    """Until it is loaded, no code of the package has run."""
    install(site, "acme-rest", FILES, ENTRY, version="1.2")
    assert extensions.names(Group.GUARDRAILS) == ("sundays",)
    assert extensions.names(Group.LEARNERS) == ()
    found = extensions.find(Group.GUARDRAILS, "sundays")
    assert (found.distribution, found.version) == ("acme-rest", "1.2")
    assert found.to_dict() == {
        "distribution": "acme-rest",
        "version": "1.2",
        "digest": found.digest,
    }
    assert "acme_rest" not in sys.modules
    assert found.load() == "rest"


def test_the_digest_is_the_same_wherever_the_package_is_installed(
    tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installers, compiled files and scripts change nothing; two folders, one digest."""
    script = {"../bin/acme": f"#!{tmp_path}\n"}
    info = install(site, "acme-rest", FILES | script, ENTRY)
    first = extensions.find(Group.GUARDRAILS, "sundays").digest
    (info / "INSTALLER").write_text("uv\n")
    (info / "REQUESTED").write_text("")
    (site / "acme_rest/__pycache__").mkdir()
    (site / "acme_rest/__pycache__/sundays.cpython-311.pyc").write_bytes(b"compiled")
    assert extensions.find(Group.GUARDRAILS, "sundays").digest == first
    elsewhere = tmp_path / "elsewhere" / "site"
    elsewhere.mkdir(parents=True)
    install(elsewhere, "acme-rest", FILES | {"../bin/acme": "#!other\n"}, ENTRY)
    monkeypatch.setattr(sys, "path", [str(elsewhere), *sys.path])
    assert extensions.find(Group.GUARDRAILS, "sundays").digest == first


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("acme_rest/sundays.py", "SUNDAYS = 'work'\n"),
        ("acme_rest/days, named.txt", "Monday\n"),
        ("acme_rest/sundays/__init__.py", "SUNDAYS = 'work'\n"),
        ("acme_rest-1.0.dist-info/METADATA", "Name: acme-rest\nVersion: 1.0\n"),
    ],
    ids=["module", "data", "added folder", "metadata"],
)
def test_a_changed_or_added_file_changes_the_digest(site: Path, path: str, text: str) -> None:
    """A folder beside a module is imported in its place, so that it counts though unlisted."""
    install(site, "acme-rest", FILES, ENTRY)
    before = extensions.find(Group.GUARDRAILS, "sundays").digest
    (site / path).parent.mkdir(exist_ok=True)
    (site / path).write_text(text)
    assert extensions.find(Group.GUARDRAILS, "sundays").digest != before


def test_a_neighbour_in_the_same_namespace_does_not_count(site: Path) -> None:
    """Packages that share a parent folder are told apart."""
    entry = {"troth.guardrails": {"sundays": "acme.rest.sundays:SUNDAYS"}}
    files = {"acme/rest/__init__.py": "", "acme/rest/sundays.py": "SUNDAYS = 1\n"}
    install(site, "acme-rest", files, entry)
    before = extensions.find(Group.GUARDRAILS, "sundays")
    install(site, "acme-work", {"acme/work/__init__.py": ""}, {})
    assert extensions.find(Group.GUARDRAILS, "sundays") == before
    assert before.load() == 1


def test_an_unknown_name_is_refused_with_those_that_there_are(site: Path) -> None:
    """In one line, Troth's own names first."""
    install(site, "acme-rest", FILES, ENTRY)
    with pytest.raises(NotFound) as refused:
        extensions.find(Group.GUARDRAILS, "mondays", own=("quiet_hours",), at="guardrails.mondays")
    assert str(refused.value) == (
        "guardrails.mondays: no installed package registers a guardrail 'mondays'; "
        "there is: quiet_hours, sundays"
    )
    with pytest.raises(NotFound, match=r"learner 'x'; there is: none"):
        extensions.find(Group.LEARNERS, "x")


def test_a_name_of_two_packages_is_refused(site: Path) -> None:
    """Neither is taken: which comes first on the path says nothing."""
    install(site, "acme-rest", FILES, ENTRY)
    install(
        site, "acme-sleep", {"acme_sleep.py": "X = 1\n"}, {Group.GUARDRAILS: {"sundays": "a:X"}}
    )
    with pytest.raises(
        FailedPrecondition, match=r"acme-rest 1.0 and acme-sleep 1.0 each register a guardrail"
    ):
        extensions.find(Group.GUARDRAILS, "sundays")


def test_files_that_are_not_known_are_refused(site: Path) -> None:
    """No list, a file lost, and a package whose module lies elsewhere, as in editable mode."""
    info = install(site, "acme-rest", FILES, ENTRY)
    (site / "acme_rest/days, named.txt").unlink()
    with pytest.raises(FailedPrecondition, match=r"'sundays' of acme-rest 1.0 .*named.txt is not"):
        extensions.find(Group.GUARDRAILS, "sundays")
    (info / "RECORD").unlink()
    with pytest.raises(FailedPrecondition, match="has no list of its files"):
        extensions.find(Group.GUARDRAILS, "sundays")
    shutil.rmtree(info)
    shutil.rmtree(site / "acme_rest")
    install(site, "acme-rest", {"__editable__.acme_rest.pth": "/src/acme\n"}, ENTRY)
    with pytest.raises(FailedPrecondition, match=r"acme_rest\.sundays is not among"):
        extensions.find(Group.GUARDRAILS, "sundays")


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("METADATA", b"Metadata-Version: 2.1\nName: acm\xe9\nVersion: 1\n", "can't decode"),
        ("METADATA", b"Metadata-Version: 2.1\nVersion: 1\n", "calls it ''"),
        ("METADATA", b"Metadata-Version: 2.1\nName: acme-rest\n", "version ''"),
        ("METADATA", b"Name: acme\x1b[31m\nVersion: 1\n", "calls it"),
        ("entry_points.txt", b"[troth.guardrails]\nsundays = acme rest : x\n", "names no module"),
        ("entry_points.txt", b"[troth.guardrails]\nsundays\n", "entry points of .*acme_rest-1.0"),
        ("entry_points.txt", b"[other]\nsund\xe9ys = a:b\n", "entry points of .*acme_rest-1.0"),
        ("RECORD", b"a\x00b,,\n", r"a\\x00b is not there"),
    ],
)
def test_what_a_package_says_of_itself_is_read_or_refused_in_one_line(
    site: Path, file: str, content: bytes, told: str
) -> None:
    """Naming the package, or its folder where it has no name that can be told."""
    info = install(site, "acme-rest", FILES, ENTRY)
    (info / file).write_bytes(content)
    with pytest.raises(FailedPrecondition, match=told) as refused:
        extensions.find(Group.GUARDRAILS, "sundays")
    assert str(refused.value).isprintable()
    assert "acme" in str(refused.value)


def test_a_file_whose_name_is_no_text_is_refused(site: Path) -> None:
    """There is no digest of it."""
    install(site, "acme-rest", FILES, ENTRY)
    Path(os.fsdecode(os.fsencode(site / "acme_rest") + b"/\xff.txt")).write_text("")
    with pytest.raises(FailedPrecondition, match=r"of acme-rest 1\.0 cannot be identified"):
        extensions.find(Group.GUARDRAILS, "sundays")


@pytest.mark.parametrize(
    "text", ["import acme_absent\n", "", "SUNDAYS = 1/0\n", "raise SystemExit"]
)
def test_code_that_does_not_load_is_refused_in_one_line(site: Path, text: str) -> None:
    """Whatever it raises."""
    install(site, "acme-rest", FILES | {"acme_rest/sundays.py": text}, ENTRY)
    found = extensions.find(Group.GUARDRAILS, "sundays")
    with pytest.raises(FailedPrecondition) as refused:
        found.load()
    assert str(refused.value).startswith(
        "troth.guardrails: guardrail 'sundays' of acme-rest 1.0 cannot be loaded: "
    )
    assert "\n" not in str(refused.value)


def test_a_module_that_comes_first_on_the_path_is_not_taken(
    tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest is of the package's files, so that no other file may answer in its name."""
    install(site, "acme-rest", FILES, ENTRY)
    found = extensions.find(Group.GUARDRAILS, "sundays")
    (tmp_path / "acme_rest").mkdir()
    (tmp_path / "acme_rest/sundays.py").write_text("SUNDAYS = 'work'\n")
    (tmp_path / "acme_rest/__init__.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(FailedPrecondition, match="comes before it"):
        found.load()
