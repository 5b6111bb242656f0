"""The case for a policy: what evidence must say before a board is asked to judge it.

Evidence is a JSON object. It may hold whatever else helps; these top-level keys are required::

    {
      "policy_digest": "64 hex digits",        the artifact proposed, and no other
      "guardrails_digest": "64 hex digits",    those it is proposed behind
      "scenario": {"name": "reference", "digest": "64 hex digits"},
                                               what it was measured in; or "log" likewise
      "customers": 4000, "days": 28,           on how many, over how long
      "guarded": true,                         whether the guardrails held as it was measured
      "currency": "USD",
      "level": 0.95,                           of every interval below
      "compared_with": {"name": "RFM rules", "policy_digest": null},
                                               the policy beside it; its digest if it has one
      "figures": [
        {"name": "money",                      major units per customer, over the days
         "proposed": {"value": 2.19, "low": 1.96, "high": 2.42},
         "compared": {"value": 1.25, "low": 1.13, "high": 1.37}},
        {"name": "contacts", ...},             per customer, over the days
        {"name": "opt_outs", ...}              permissions withdrawn per customer, over the days
      ]
    }

``proposed`` is of the artifact with ``policy_digest``, not a mean over others of its kind.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from serving.governance import evidence as documents
from troth.errors import InvalidArgument
from troth.validation import Violation

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class FigureName(StrEnum):
    """What a board is told of every policy."""

    MONEY = "money"
    CONTACTS = "contacts"
    OPT_OUTS = "opt_outs"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)


class DigestedSource(_Part):
    """A log or a scenario, by name and digest."""

    name: Name
    digest: Digest


class Compared(_Part):
    """The policy beside the one proposed; a rule that is no artifact has no digest."""

    name: Name
    policy_digest: Digest | None


class Measure(_Part):
    """A figure with its interval; an interval of width zero would claim to know."""

    value: float
    low: float
    high: float

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.value <= self.high or self.low == self.high:
            raise ValueError(f"{self.low} to {self.high} is no interval around {self.value}")
        return self


class Figure(_Part):
    """One figure, of the policy proposed and of the one beside it."""

    name: FigureName
    proposed: Measure
    compared: Measure

    @model_validator(mode="after")
    def _counts_are_not_below_zero(self) -> Self:
        if self.name is not FigureName.MONEY and min(self.proposed.low, self.compared.low) < 0:
            raise ValueError(f"fewer {self.name} than none")
        return self


class Case(_Part):
    """The required keys of a document; what else it holds is left alone.

    Attributes are those of the document, as this module's docstring lists them.
    """

    policy_digest: Digest
    guardrails_digest: Digest
    scenario: DigestedSource | None = None
    log: DigestedSource | None = None
    customers: int = Field(ge=1)
    days: int = Field(ge=1)
    guarded: bool
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    level: float = Field(gt=0.5, lt=1.0)
    compared_with: Compared
    figures: tuple[Figure, ...]

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.scenario is None and self.log is None:
            raise ValueError("names neither its log nor its scenario")
        given = [figure.name for figure in self.figures]
        for name in FigureName:
            if given.count(name) != 1:
                raise ValueError(f"gives {name} {given.count(name)} times among its figures")
        return self

    def figure(self, name: FigureName) -> Figure:
        """The figure of that name."""
        return next(figure for figure in self.figures if figure.name is name)


def read(document: Any) -> Case:
    """The case that ``document``, plain JSON values, makes.

    Raises:
        InvalidArgument: naming the key at fault, as ``evidence.figures[0].proposed``.
    """
    if not isinstance(document, dict):
        raise InvalidArgument("is not a JSON object", field="evidence")
    try:
        return Case.model_validate_json(documents.to_bytes(document))
    except ValidationError as error:
        violation = Violation.first(error)
        says = "is missing" if violation.kind == "missing" else violation.line(Case)
        raise InvalidArgument(says, field=f"evidence{violation.path}") from error


def require(document: Any, *, policy_digest: str, guardrails_digest: str) -> Case:
    """The case for this policy behind these guardrails.

    Raises:
        InvalidArgument: as :func:`read`, or if the document is on another policy or others.
    """
    found = read(document)
    for name, asked in (("policy_digest", policy_digest), ("guardrails_digest", guardrails_digest)):
        named = getattr(found, name)
        if named != asked:
            raise InvalidArgument(
                f"the evidence is on {named}, the proposal on {asked}", field=f"evidence.{name}"
            )
    return found
