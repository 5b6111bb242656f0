"""What the guardrails are told: a typed configuration with a digest that approvals bind to."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from stat import S_ISREG
from typing import Any

from pydantic import ValidationError

from troth.digests import canonical_json, digest
from troth.errors import FailedPrecondition, InvalidArgument, NotFound, TrothError
from troth.extensions import Extension
from troth.guardrails import registry
from troth.guardrails.guardrail import Guardrail
from troth.guardrails.sections import CONTACT_CHANNELS as CONTACT_CHANNELS
from troth.guardrails.sections import GuardrailSection
from troth.guardrails.told import ToldFact, together
from troth.text import exception_text
from troth.validation import Violation

EXTENSIONS = "extensions"
"""Key under which a configuration says from which packages its guardrails are."""

MOST_REACH = timedelta(days=366)
"""How far from a decision contacts are read at most."""


@dataclass(frozen=True)
class GuardrailConfig:
    """All that the guardrails are told.

    Consent and repeats have nothing to configure: they always hold. Another guardrail acts if its
    section is there.

    Attributes:
        sections: by guardrail, what it is told.
        extensions: by guardrail, the package it is from, for those that are not Troth's own.
    """

    sections: Mapping[str, GuardrailSection]
    extensions: Mapping[str, Extension] = field(default_factory=dict)

    @cached_property
    def guardrails(self) -> tuple[Guardrail, ...]:
        """The guardrails, in the order in which refusals are attributed.

        Raises:
            FailedPrecondition: if one of another package cannot be made.
        """
        own = [
            guardrail() if guardrail.section is None else guardrail(self.sections[guardrail.name])
            for guardrail in registry.OWN
            if guardrail.section is None or guardrail.name in self.sections
        ]
        return (*own, *(self._made(name) for name in sorted(self.extensions)))

    def _made(self, name: str) -> Guardrail:
        extension = self.extensions[name]
        try:
            made = registry.load(extension)(self.sections[name])
            if not timedelta(0) <= made.reach <= MOST_REACH:
                raise ValueError(f"its reach, {made.reach}, is not 0..{MOST_REACH.days} days")
        except FailedPrecondition:
            raise
        except (Exception, SystemExit) as error:  # whatever the code of others raises
            raise FailedPrecondition(
                f"the guardrail {name!r} of {extension.distribution} {extension.version} cannot "
                f"be made: {exception_text(error)}",
                field=f"guardrails.{name}",
            ) from error
        return made

    @cached_property
    def told(self) -> tuple[ToldFact, ...]:
        """The facts that the guardrails are to be told beside what every decision knows.

        Raises:
            FailedPrecondition: if two mean different things by one name.
        """
        return together(fact for guardrail in self.guardrails for fact in guardrail.told)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the configuration."""
        return digest(self.to_dict())

    @cached_property
    def window(self) -> timedelta:
        """How far from a decision a contact can matter to any guardrail."""
        return max(guardrail.reach for guardrail in self.guardrails)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the inverse of :meth:`from_dict`.

        What is not there has no key, so that a configuration keeps its digest when guardrails are
        added that it does not name.
        """
        found: dict[str, Any] = {
            name: section.model_dump(mode="json") for name, section in self.sections.items()
        }
        if self.extensions:
            found[EXTENSIONS] = {name: e.to_dict() for name, e in self.extensions.items()}
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "guardrails") -> GuardrailConfig:
        """Check ``data``, and import the packages whose guardrails it names.

        Raises:
            InvalidArgument: in one line, naming ``where``, the key, its value and the rule; also
                for a guardrail that no installed package registers.
            FailedPrecondition: if a package's guardrail cannot be identified or made, or ``data``
                says under ``extensions`` that it was of another package, version or files.
        """
        told = {name: value for name, value in data.items() if name != EXTENSIONS}
        sections = {
            name: _section(guardrail, told[name], where)
            for name in told
            if (guardrail := registry.own(name)) is not None
        }
        for name in registry.REQUIRED:
            if name not in told:
                raise InvalidArgument(f"{where}: section is missing", field=f"guardrails.{name}")
        extensions = {name: _find(name, where) for name in told if name not in sections}
        _require_same(data.get(EXTENSIONS, {}), extensions, where)
        for name, extension in extensions.items():
            sections[name] = _section(registry.load(extension), told[name], where)
        config = cls(sections, extensions)
        # All are made and written here, so that what cannot be is refused here.
        config.told, config.digest  # noqa: B018
        return config

    @classmethod
    def of_own(cls, data: Mapping[str, Any]) -> GuardrailConfig:
        """Troth's own part of a configuration that was checked before; imports no package."""
        return cls.from_dict({n: v for n, v in data.items() if registry.own(n) is not None})

    @classmethod
    def read(cls, path: Path) -> GuardrailConfig:
        """Read a TOML file.

        Raises:
            NotFound: if there is none, or a link leads nowhere.
            InvalidArgument: if it cannot be read, is not TOML or not a configuration.
        """
        try:
            if not S_ISREG(path.stat().st_mode):  # reading a pipe would wait for its writer
                raise InvalidArgument(f"{path} is not a file", field="guardrails")
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"{path} does not exist", field="guardrails") from error
        except OSError as error:
            raise InvalidArgument(
                f"{path} cannot be read: {error.strerror}", field="guardrails"
            ) from error
        return cls._parse(data, str(path))

    @classmethod
    def shipped(cls) -> GuardrailConfig:
        """The configuration in ``troth/guardrails/default.toml``."""
        return cls._parse(
            files("troth.guardrails").joinpath("default.toml").read_bytes(), "default.toml"
        )

    @classmethod
    def installed(cls, home: Path) -> GuardrailConfig:
        """``guardrails.toml`` of an installation, or the shipped one if it has none.

        Raises:
            NotFound, InvalidArgument: as :meth:`read` does, for whatever lies there: looser
                rules than the installation's are never applied in their place.
        """
        path = home / "guardrails.toml"
        try:
            path.lstat()
        except FileNotFoundError:
            return cls.shipped()
        except OSError:
            pass  # read says why
        return cls.read(path)

    @classmethod
    def _parse(cls, data: bytes, where: str) -> GuardrailConfig:
        try:
            found = tomllib.loads(data.decode())
        except (ValueError, RecursionError) as error:
            raise InvalidArgument(f"{where} is not TOML: {error}", field="guardrails") from error
        return cls.from_dict(found, where=where)


def _find(name: str, where: str) -> Extension:
    try:
        return registry.find(name)
    except NotFound as error:  # the name is wrong, not a file absent
        raise InvalidArgument(f"{where}: {error.message}", field=error.field) from error


def _section(guardrail: type[Guardrail], value: Any, where: str) -> GuardrailSection:
    kind, key = guardrail.section, f"guardrails.{guardrail.name}"
    if kind is None:
        raise InvalidArgument(f"{where}: there is nothing to configure: it always holds", field=key)
    try:
        section = kind.model_validate(value)
        canonical_json(section.model_dump(mode="json"))  # or it has no digest
        return section
    except ValidationError as error:
        violation = Violation.first(error)
        raise InvalidArgument(
            f"{where}: {violation.line(kind)}", field=".".join(filter(None, (key, violation.key)))
        ) from error
    except TrothError as error:
        raise InvalidArgument(f"{where}: {error.message}", field=key) from error
    except (Exception, SystemExit) as error:  # whatever the checks of others raise
        raise InvalidArgument(f"{where}: {exception_text(error)}", field=key) from error


def _require_same(kept: Any, found: Mapping[str, Extension], where: str) -> None:
    """Refuse guardrails that are not of the packages that ``kept`` says they were of."""
    if not isinstance(kept, Mapping):
        raise InvalidArgument(
            f"{where}: {kept!r} does not say which packages", field=f"guardrails.{EXTENSIONS}"
        )
    for name, extension in found.items():
        before = kept.get(name)
        if kept and before != extension.to_dict():
            raise FailedPrecondition(
                f"{where}: was {_told(before)}, and installed is {_told(extension.to_dict())}",
                field=f"guardrails.{name}",
            )
    for name in set(kept) - set(found):
        raise InvalidArgument(
            f"{where}: names a package, and there is no section", field=f"guardrails.{name}"
        )


def _told(extension: Any) -> str:
    if not isinstance(extension, Mapping):
        return "not said"
    distribution, version, found = map(extension.get, ("distribution", "version", "digest"))
    return f"of {distribution} {version} with files {str(found)[:12]}"
