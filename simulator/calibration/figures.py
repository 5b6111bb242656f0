"""The figures a scenario takes from real data, with where they come from and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import (
    Field,
    ValidationError,
    model_validator,
)

from simulator.scenarios.processes import (
    MODELS,
    EmailFigures,
    Purchases,
    SpendFigures,
    Values,
)
from troth.digests import DIGEST_LENGTH
from troth.errors import InvalidArgument, NotFound
from troth.text import toml_values
from troth.validation import Violation

Section = Literal["purchases", "spend", "email"]
SECTIONS: tuple[Section, ...] = ("purchases", "spend", "email")

SIGNIFICANT_DIGITS = 6
"""Digits written: far below the standard errors, far above what a platform's libm changes."""

_Z95 = 1.959963984540054


class Fit(Values):
    """How one section was estimated."""

    source: str = Field(min_length=1, description="The data set, in words.")
    data_digest: str = Field(
        pattern=f"^[0-9a-f]{{{DIGEST_LENGTH}}}$", description="SHA-256 of the file that was read."
    )
    method: str = Field(min_length=1, description="The estimator and its source.")
    rows: int = Field(gt=0, description="Observations the likelihood is a sum over.")
    log_likelihood: float = Field(description="At the estimate, natural logarithm.")
    standard_errors: dict[str, float] = Field(description="Of each value of the section.")

    @model_validator(mode="after")
    def _errors_are_positive(self) -> Self:
        for name, value in self.standard_errors.items():
            if not value > 0.0:
                raise ValueError(f"standard_errors.{name} is {value}, must be > 0")
        return self


class Fits(Values):
    """The fits of the three sections."""

    purchases: Fit
    spend: Fit
    email: Fit


_LOG_SCALE = frozenset(
    {"r", "alpha_weeks", "a", "b", "s", "beta_weeks", "sigma_between", "sigma_within"}
)
_LOGIT_SCALE = frozenset({"conversion_given_visit_email", "conversion_given_visit_none"})


class Figures(Values):
    """Everything ``troth calibrate`` estimates.

    The sections ``purchases``, ``spend`` and ``email`` are those of a scenario, name for name.

    Raises:
        pydantic.ValidationError: if a standard error is missing or names no value.
    """

    purchases: Purchases
    spend: SpendFigures
    email: EmailFigures
    fit: Fits

    @model_validator(mode="after")
    def _errors_name_the_values(self) -> Self:
        for section in SECTIONS:
            errors = set(getattr(self.fit, section).standard_errors)
            values = set(self.values(section))
            if errors != values:
                odd = ", ".join(sorted(errors ^ values))
                raise ValueError(f"fit.{section}.standard_errors and {section} differ in {odd}")
        return self

    @classmethod
    def shipped(cls) -> Self:
        """The figures that come with Troth, estimated by ``troth calibrate`` on real data."""
        return cls.parse(
            files("simulator.calibration").joinpath("figures.toml").read_text("utf-8"),
            name="figures.toml",
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file that ``troth calibrate`` wrote.

        Raises:
            NotFound: if there is no such file.
            InvalidArgument: if it is not such a file; one line, naming file, key and value.
        """
        if not path.is_file():
            raise NotFound("no such file", field=str(path))
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidArgument(f"not readable as text: {error}", field=str(path)) from error
        return cls.parse(text, name=str(path))

    @classmethod
    def parse(cls, text: str, *, name: str) -> Self:
        """Figures from TOML; ``name`` is the file's, for the error.

        Raises:
            InvalidArgument: one line, naming file, key and value.
        """
        try:
            return cls.model_validate(toml_values(text))
        except ValidationError as error:
            violation = Violation.first(error, tags=MODELS)
            found = f" (found {violation.value})" if violation.value else ""
            raise InvalidArgument(
                f"{violation.says}{found}",
                field=f"{name}:{violation.key}" if violation.loc else name,
            ) from error
        except ValueError as error:  # of which pydantic's is one
            raise InvalidArgument(f"not TOML: {error}", field=name) from error

    def to_toml(self) -> str:
        """The file's text; values are rounded to :data:`SIGNIFICANT_DIGITS`."""
        import tomli_w  # only who writes needs it

        head = (
            "# Figures estimated from real data by `troth calibrate`. Do not edit: run it again.\n"
            "# The first three sections are those of a scenario, name for name.\n\n"
        )
        return head + tomli_w.dumps(self.rounded().model_dump())

    def rounded(self) -> Self:
        """These figures with every number at :data:`SIGNIFICANT_DIGITS`."""
        return type(self).model_validate(_rounded(self.model_dump()))

    def sections(self) -> dict[str, dict[str, float | str]]:
        """The three sections of a scenario: section -> name -> value."""
        return {section: getattr(self, section).model_dump() for section in SECTIONS}

    def values(self, section: Section) -> dict[str, float]:
        """The estimated values of a section, by name: its numbers, without its ``model``."""
        dumped = getattr(self, section).model_dump()
        return {name: value for name, value in dumped.items() if name != "model"}

    def overlay(self, scenario: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of a scenario's mapping with its three fitted sections replaced."""
        return {**scenario, **self.sections()}

    def interval(self, section: Section, name: str) -> tuple[float, float]:
        """95 % interval of one value, so scaled that no bound is impossible.

        Normal on the log scale for positive parameters, on the logit scale for shares, and as
        it is for the rest.
        """
        value = float(getattr(getattr(self, section), name))
        error = float(getattr(self.fit, section).standard_errors[name])
        if name in _LOG_SCALE:
            width = np.exp(_Z95 * error / value)
            return float(value / width), float(value * width)
        if name in _LOGIT_SCALE:
            centre = np.log(value / (1.0 - value))
            half = _Z95 * error / (value * (1.0 - value))
            low, high = 1.0 / (1.0 + np.exp(-(centre + np.array((-half, half)))))
            return float(low), float(high)
        return value - _Z95 * error, value + _Z95 * error


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if isinstance(value, float) else value
