"""Which guardrails there are: Troth's own, and those of other packages that are named."""

from __future__ import annotations

from typing import cast

from troth import extensions
from troth.errors import FailedPrecondition
from troth.extensions import Extension, Group
from troth.guardrails.columns import COLUMNS
from troth.guardrails.consent import Consent
from troth.guardrails.frequency_cap import FrequencyCap
from troth.guardrails.guardrail import Guardrail
from troth.guardrails.quiet_hours import QuietHours
from troth.guardrails.repeat import Repeat
from troth.guardrails.sections import GuardrailSection
from troth.guardrails.told import ToldFact
from troth.text import exception_text

OWN: tuple[type[Guardrail], ...] = (Consent, QuietHours, FrequencyCap, Repeat)
"""Troth's own, in the order in which refusals are attributed; those of others follow by name."""
REQUIRED = ("quiet_hours", "frequency_cap")
"""Sections that every configuration has. One that is added joins none that are kept already:
decisions made without it are made again without it."""
_OWN = {guardrail.name: guardrail for guardrail in OWN}


def own(name: str) -> type[Guardrail] | None:
    """Troth's own guardrail ``name``, if there is one."""
    return _OWN.get(name)


def find(name: str) -> Extension:
    """The guardrail ``name`` of another package, not yet imported.

    Raises:
        NotFound, FailedPrecondition: as :func:`troth.extensions.find` does.
    """
    configurable = tuple(guardrail.name for guardrail in OWN if guardrail.section)
    return extensions.find(Group.GUARDRAILS, name, own=configurable, at=f"guardrails.{name}")


def load(extension: Extension) -> type[Guardrail]:
    """The class that an extension registers.

    Raises:
        FailedPrecondition: if it cannot be imported, or is no guardrail of that name with a
            section.
    """
    found = extension.load()
    try:
        problem = _problem(found, extension.name)
    except (Exception, SystemExit) as error:  # looking at it may run code of others
        problem = exception_text(error)
    if problem is None:
        return cast("type[Guardrail]", found)
    raise FailedPrecondition(
        f"the guardrail {extension.name!r} of {extension.distribution} {extension.version} is "
        f"none: {problem}",
        field=f"guardrails.{extension.name}",
    )


def _problem(found: object, name: str) -> str | None:
    """Why ``found`` is no guardrail called ``name``; ``None`` if it is one."""
    if not (isinstance(found, type) and issubclass(found, Guardrail)):
        return f"{found!r} is no class derived from troth.guardrails.Guardrail"
    if getattr(found, "name", None) != name:
        return f"its name is {getattr(found, 'name', None)!r}"
    if not (isinstance(found.section, type) and issubclass(found.section, GuardrailSection)):
        return "it has no section of type troth.guardrails.GuardrailSection"
    if found.__abstractmethods__:
        return f"it lacks {', '.join(sorted(found.__abstractmethods__))}"
    if not all(isinstance(need, str) for need in found.needs):
        return "it needs what is no name of a column"
    if not set(found.needs) <= set(COLUMNS):
        return f"it needs {', '.join(sorted(set(found.needs) - set(COLUMNS)))}: no such columns"
    if not all(isinstance(fact, ToldFact) for fact in found.told):
        return "it is to be told what is no troth.guardrails.ToldFact"
    return None
