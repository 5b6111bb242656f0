"""Things with names: Troth's own, then those of installed packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Generic, TypeVar

from troth import extensions
from troth.errors import FailedPrecondition, InvalidArgument, NotFound, TrothError
from troth.extensions import Extension, Group
from troth.text import exception_text

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Registered(Generic[Thing]):
    """What a name stands for.

    Attributes:
        name: as configurations call it.
        thing: what is registered.
        extension: the package it comes from; ``None`` for Troth's own.
    """

    name: str
    thing: Thing
    extension: Extension | None


@dataclass(frozen=True)
class Registry(Generic[Thing]):
    """The things of one group.

    Attributes:
        group: what they are.
        own: where each of Troth's own lies, as ``module:object``, the form of an entry point.
            Nothing is imported until it is looked up.
        check: returns what was found if it is such a thing; raises :class:`TypeError` that
            says in a few words what is missing.
    """

    group: Group
    own: Mapping[str, str]
    check: Callable[[object], Thing]

    def names(self) -> tuple[str, ...]:
        """Troth's own in their order, then those of packages."""
        others = extensions.names(self.group)
        return (*self.own, *(name for name in others if name not in self.own))

    def configured(self, name: str, *, at: str) -> Registered[Thing]:
        """What ``name`` stands for in a configuration or on a command line.

        Args:
            name: as given.
            at: where it stands, for errors.

        Raises:
            InvalidArgument: as :meth:`find` does.
            FailedPrecondition: also if a package registers one of Troth's own names.
        """
        if name in self.own and name in extensions.names(self.group):
            who = extensions.find(self.group, name, at=at).distribution
            raise FailedPrecondition(
                f"{name!r} is Troth's own {self.group.noun}, and {who} registers another of that "
                "name: uninstall it",
                field=at,
            )
        return self.find(name, at=at)

    def find(self, name: str, *, at: str | None = None) -> Registered[Thing]:
        """What ``name`` stands for; Troth's own costs no search among packages.

        Args:
            name: as configurations call it.
            at: where the name stands, for errors; the group if not given.

        Raises:
            InvalidArgument: if nothing is called so; lists the names that there are.
            FailedPrecondition: if several packages give that name, or what one gives cannot be
                loaded or is no such thing.
        """
        if name in self.own:
            module, _, attribute = self.own[name].partition(":")
            return Registered(name, self.check(getattr(import_module(module), attribute)), None)
        try:
            extension = extensions.find(self.group, name, own=self.own, at=at)
        except NotFound as error:
            raise InvalidArgument(error.message, field=error.field) from error
        try:
            return Registered(name, self.check(extension.load()), extension)
        except TrothError:
            raise
        except (Exception, SystemExit) as error:  # looking at it may run code of others
            why = str(error) if type(error) is TypeError else exception_text(error)
            raise FailedPrecondition(
                f"{name!r} of {extension.distribution} {extension.version} is no "
                f"{self.group.noun}: {why}",
                field=at or str(self.group),
            ) from error
