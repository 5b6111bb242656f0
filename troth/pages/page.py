"""The base that every page extends: its frame, its style, its colours and its filters."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

PALETTE = {
    "ink": "#1c2430",
    "soft": "#5b6675",
    "line": "#dfe3e8",
    "paper": "#fbfaf7",
    "card": "#ffffff",
    "accent": "#0b5c6b",
    "warn": "#b3401f",
    "gold": "#b7862b",
}
"""The colours of pages, by their names in style sheets, and of the plots in them."""


def environment(package: str) -> Environment:
    """Templates of ``package``'s folder ``templates``, which extend ``page.html``.

    Values are escaped, and one that is not given is an error. The page's own policy lets it
    load nothing but its style, and the pictures in it where ``pictures`` says so.

    Raises:
        ModuleNotFoundError: where jinja2 is not installed.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    def source(name: str) -> str | None:
        for home in (package, __package__):
            path = files(home).joinpath("templates", name)
            if path.is_file():
                return path.read_text(encoding="utf-8")
        return None

    made = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["palette"] = PALETTE
    made.filters["words"] = lambda value: str(value).replace("_", " ")
    made.filters["number"] = number
    return made


def number(value: float | None) -> str:
    """Three significant digits, or as many as it takes to the unit; a hyphen for none."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000.0 else f"{value:#.3g}".rstrip(".")
