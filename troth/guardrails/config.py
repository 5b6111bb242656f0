"""What the guardrails are told: a typed configuration with a digest that approvals bind to."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import time, timedelta
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from stat import S_ISREG
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from troth.catalogue import CHANNELS, Channel
from troth.digests import digest
from troth.errors import InvalidArgument, NotFound

CONTACT_CHANNELS = tuple(c for c in CHANNELS if c is not Channel.NONE)


def _places(channels: Iterable[Channel]) -> tuple[int, ...]:
    """Positions of ``channels`` in the one order there is, each once."""
    return tuple(sorted({CHANNELS.index(channel) for channel in channels}))


def _in_order(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    if Channel.NONE in channels:
        raise ValueError(f"{Channel.NONE} is no channel of a contact: no guardrail refuses it")
    return tuple(CHANNELS[at] for at in _places(channels))


Channels = Annotated[tuple[Channel, ...], AfterValidator(_in_order)]
"""A set of channels of contacts, written in one order, so that it has one digest."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QuietHoursConfig(_Section):
    """When not to disturb, by the customer's clock; the span may go over midnight."""

    start: time = Field(description="First quiet minute.")
    end: time = Field(description="First minute that is not quiet.")
    channels: Channels = Field(description="Channels that disturb.")

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same minute")
        for moment in (self.start, self.end):
            if moment.second or moment.microsecond or moment.tzinfo:
                raise ValueError(f"{moment} is not a plain hour and minute")
        return self


class CapRule(_Section):
    """At most ``contacts`` through ``channels`` together in any ``hours``."""

    hours: int = Field(ge=1, le=24 * 366)
    contacts: int = Field(ge=1, le=1000)
    channels: Channels = Field(default=CONTACT_CHANNELS, min_length=1)


class FrequencyCapConfig(_Section):
    """The caps; each one holds."""

    rules: tuple[CapRule, ...] = Field(min_length=1)

    @field_validator("rules")
    @classmethod
    def _in_one_order(cls, rules: tuple[CapRule, ...]) -> tuple[CapRule, ...]:
        """Each holds, so that their order says nothing, and must not change the digest."""
        return tuple(sorted(set(rules), key=lambda r: (r.hours, r.contacts, _places(r.channels))))


class GuardrailConfig(_Section):
    """All that the guardrails are told.

    Consent and repeats have nothing to configure: they always hold.
    """

    quiet_hours: QuietHoursConfig
    frequency_cap: FrequencyCapConfig

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the configuration."""
        return digest(self.to_dict())

    @cached_property
    def window(self) -> timedelta:
        """How far from a decision a contact can matter: the longest cap, and two days.

        Two days hold the customer's calendar day, whatever the zone.
        """
        longest = max(rule.hours for rule in self.frequency_cap.rules)
        return timedelta(hours=max(longest, 48))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the inverse of :meth:`from_dict`."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "guardrails") -> GuardrailConfig:
        """Check ``data``.

        Raises:
            InvalidArgument: in one line, naming ``where``, the key, its value and the rule.
        """
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "(whole)"
            raise InvalidArgument(
                f"{where}: {first['input']!r}: {first['msg']}", field=f"guardrails.{key}"
            ) from error

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
