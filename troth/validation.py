"""What pydantic finds wrong, as one line: the key, its value, the rule and what is allowed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from numbers import Real
from typing import Annotated, Any, Self, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

LONGEST_VALUE = 60
"""Characters of a value that a line repeats."""


@dataclass(frozen=True, slots=True)
class Violation:
    """The first thing that is wrong.

    Attributes:
        loc: its place: keys, and positions in arrays.
        kind: pydantic's name of the rule that is broken, e.g. ``missing``.
        value: what was found, cut short; empty if nothing was, or if it is a whole section that
            a check of our own is about.
        says: the rule, in pydantic's words or those of our own check.
    """

    loc: tuple[int | str, ...]
    kind: str
    value: str
    says: str

    @classmethod
    def first(cls, error: ValidationError, *, tags: Collection[str] = ()) -> Self:
        """The first violation in ``error``; ``tags`` are parts of places that are no keys."""
        found = error.errors(include_url=False, include_context=False)[0]
        whole = isinstance(found["input"], dict | BaseModel)
        own = found["type"] in ("value_error", "assertion_error")
        nothing = found["type"] == "missing" or (whole and own)
        return cls(
            loc=tuple(part for part in found["loc"] if part not in tags),
            kind=found["type"],
            value="" if nothing else shown(found["input"]),
            says=found["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, "),
        )

    @property
    def key(self) -> str:
        """The place with dots, e.g. ``learners.0.name``; empty for the whole."""
        return ".".join(str(part) for part in self.loc)

    @property
    def path(self) -> str:
        """The place below something, e.g. ``.figures[0].proposed``."""
        return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in self.loc)

    def line(self, model: type[BaseModel] | None = None) -> str:
        """Value and rule, and the range that ``model`` allows there, if it says one."""
        value = f"{self.value}: " if self.value else ""
        allowed = limits(model, self.loc) if model else ""
        return f"{value}{self.says[:1].lower()}{self.says[1:]}" + (
            f" (allowed {allowed})" if allowed else ""
        )


def shown(value: object) -> str:
    """``value`` as a line repeats it."""
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def of_numbers(annotation: Any, value: object) -> bool:
    """Whether a field of a number, or of an array of them, is given no flag and no text.

    What it is given otherwise, and any other field, is left to its model.
    """
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if annotation in (int, float):
        return isinstance(value, Real) and not isinstance(value, bool)
    if get_origin(annotation) is tuple and isinstance(value, list | tuple):
        return all(of_numbers(get_args(annotation)[0], each) for each in value)
    return True


def limits(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    """The range of the number at ``loc``, such as ``5..200``; empty if it has none."""
    models, field = [model], None
    for part in loc:
        if isinstance(part, int):
            continue
        field = next((m.model_fields[part] for m in models if part in m.model_fields), None)
        if field is None:
            return ""
        models = models_in(field.annotation)
    low, high = bounds(field) if field else ("", "")
    return "..".join(end for end in (low, high) if end)


def bounds(field: FieldInfo) -> tuple[str, str]:
    """The least and the most that a field may be: ``5``, ``above 0``, ``below 1``, or empty."""
    low = high = ""
    for rule in field.metadata:
        if isinstance(rule, Ge):
            low = f"{rule.ge:g}"
        elif isinstance(rule, Gt):
            low = f"above {rule.gt:g}"
        elif isinstance(rule, Le):
            high = f"{rule.le:g}"
        elif isinstance(rule, Lt):
            high = f"below {rule.lt:g}"
    return low, high


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models in an annotation, such as that of an array or a table of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]
