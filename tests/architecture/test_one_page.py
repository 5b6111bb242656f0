"""Pages for people have one frame, one style and one set of colours."""

from __future__ import annotations

import re

from tests.architecture.inventory import PACKAGES, ROOT
from troth.pages.page import PALETTE, environment

BASE = ROOT / "troth" / "pages" / "templates"


def test_every_page_extends_the_base() -> None:
    """A page of its own frame would have a policy and colours of its own."""
    pages = [p for package in PACKAGES for p in (ROOT / package).rglob("templates/*.html")]
    framed = {p for p in pages if "<html" in p.read_text() or "<meta" in p.read_text()}
    assert framed == {BASE / "page.html"}
    whole = {p for p in pages if not p.name.endswith(".css.html")} - framed
    assert len(whole) > 1
    assert all(p.read_text().startswith('{% extends "page.html" %}') for p in whole)


def test_colours_have_names() -> None:
    """Style sheets name what the palette has."""
    sheets = [p for package in PACKAGES for p in (ROOT / package).rglob("*.css.html")]
    assert len(sheets) > 2
    for sheet in sheets:
        assert not set(PALETTE.values()) & set(re.findall(r"#[0-9a-f]{6}\b", sheet.read_text()))
        assert set(re.findall(r"var\(--(\w+)\)", sheet.read_text())) <= set(PALETTE)


def test_the_base_lets_a_page_load_nothing_but_its_style() -> None:
    """And escapes what it is given."""
    page = environment("troth.pages").get_template("page.html").render()
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in page
    assert f"--ink: {PALETTE['ink']};" in page
    text = environment("troth.pages").from_string("{{ name }}").render(name="<b>")
    assert text == "&lt;b&gt;"
