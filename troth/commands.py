"""The ``troth`` command. Sub-commands come from the ``troth.commands`` entry points.

Exit codes: 0 done; 1 an internal fault; 2 wrong usage (typer's own); 3 invalid input;
4 something named was not found; 5 refused for the state things are in, including a policy
that is not approved, or a file or folder that cannot be read or written; 6 stored data is
damaged; 7 unavailable or out of time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import entry_points, version
from typing import Annotated, NoReturn

import typer
from typer.models import TyperInfo

from troth import extras
from troth.errors import Code, FailedPrecondition, TrothError
from troth.text import visible

Register = Callable[[typer.Typer], None]

EXIT_CODES: dict[Code, int] = {
    Code.INVALID_ARGUMENT: 3,
    Code.OUT_OF_RANGE: 3,
    Code.NOT_FOUND: 4,
    Code.ALREADY_EXISTS: 5,
    Code.FAILED_PRECONDITION: 5,
    Code.PERMISSION_DENIED: 5,
    Code.UNAUTHENTICATED: 5,
    Code.UNIMPLEMENTED: 5,
    Code.DATA_LOSS: 6,
    Code.UNAVAILABLE: 7,
    Code.DEADLINE_EXCEEDED: 7,
    Code.RESOURCE_EXHAUSTED: 7,
}
"""Exit code of each status; a status not listed exits 1."""


_OURS = frozenset({"troth", "simulator", "envs", "agents", "serving", "experiments"})


def _version(value: bool) -> None:
    if value:
        typer.echo(version("troth"))
        raise typer.Exit


def build() -> typer.Typer:
    """The application with every registered sub-command.

    A command whose extra is not installed is not listed, and says so when it is called: the
    client-only installation has no service and no simulator.
    """
    app = typer.Typer(
        name="troth",
        help="Decisioning for loyalty programmes: simulate, train, evaluate, approve, serve.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True)
        ] = False,
    ) -> None:
        """Decisioning for loyalty programmes."""

    for point in sorted(entry_points(group="troth.commands"), key=lambda p: p.name):
        try:
            register: Register = point.load()
        except ModuleNotFoundError as error:
            if _is_ours(error):
                raise
            continue  # its commands are those of an extra
        register(app)
    _replace_absent(app)
    return app


def _replace_absent(app: typer.Typer) -> None:
    """Put what says which extra it needs in the place of each command that has not got it."""
    names = {command.name for command in app.registered_commands}
    names |= {group.name or _own_name(group) for group in app.registered_groups}
    absent = {name for name in extras.NEEDS if name not in names or extras.missing(name)}
    app.registered_commands = [c for c in app.registered_commands if c.name not in absent]
    app.registered_groups = [
        g for g in app.registered_groups if (g.name or _own_name(g)) not in absent
    ]
    for name in sorted(absent):
        app.command(
            name,
            hidden=True,
            add_help_option=False,
            context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        )(_absent)


def _own_name(group: TyperInfo) -> str | None:
    """The name that a group gave itself, rather than was added under."""
    return None if group.typer_instance is None else group.typer_instance.info.name


def _absent(context: typer.Context) -> None:
    """It needs an extra that is not installed."""
    name = context.info_name or ""
    needed = extras.missing(name) or extras.NEEDS[name]
    raise FailedPrecondition(f"{name} needs an extra: {extras.to_install(needed)}", field="command")


def _is_ours(error: ModuleNotFoundError) -> bool:
    """Whether what is missing is a module of this distribution: a fault, not an extra."""
    return bool(error.name) and str(error.name).split(".")[0] in _OURS


def _refused(error: TrothError) -> NoReturn:
    """Say why in one line, and exit with the code of the error."""
    if "--json" in sys.argv:
        body = {"code": error.code.name, "reason": error.reason, "field": error.field}
        typer.echo(json.dumps({"error": {**body, "message": error.message}}), err=True)
    else:
        typer.echo(f"troth: {visible(str(error))}", err=True)
    raise SystemExit(EXIT_CODES.get(error.code, 1)) from None


def main() -> None:
    """Run the command; a :class:`TrothError` becomes one line on stderr and its exit code.

    So does what the operating system refuses about a file, such as a folder in its place.
    """
    try:
        build()()
    except TrothError as error:
        _refused(error)
    except OSError as error:
        if error.filename is None:
            raise
        reason = error.strerror or type(error).__name__
        _refused(FailedPrecondition(reason[:1].lower() + reason[1:], field=str(error.filename)))
    except ModuleNotFoundError as error:
        if _is_ours(error):
            raise
        extra = extras.bringing(error.name or "")
        hint = extras.to_install((extra,)) if extra else "it is not among ours"
        message = f"needs an extra (no module {error.name!r}): {hint}"
        _refused(FailedPrecondition(message, field="command"))
