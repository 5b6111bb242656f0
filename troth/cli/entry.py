"""The ``troth`` command. Sub-commands come from the ``troth.cli.entry`` entry points.

Exit codes: 0 done; 1 an internal fault; 2 wrong usage (typer's own); 3 invalid input;
4 something named was not found; 5 refused for the state things are in, including a policy
that is not approved, or a file or folder that cannot be read or written; 6 stored data is
damaged; 7 unavailable or out of time.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from troth import brake
from troth.errors import Code, FailedPrecondition, InvalidArgument, NotFound, TrothError

if TYPE_CHECKING:  # loaded when a stop has been put, see troth.brake
    from importlib.metadata import EntryPoint

    import typer

Register = Callable[["typer.Typer"], None]

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


USAGE = 2
"""Exit code of a line that is no command's; typer's own."""
_NAMED = ("decision_point", "home")
"""What a command that stops must name aright."""
_OURS = frozenset({"troth", "simulator", "envs", "agents", "serving", "experiments"})


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        import typer

        typer.echo(version("troth"))
        raise typer.Exit


def build(wanted: str | None = None) -> typer.Typer:
    """The application with every registered sub-command, or all that ``wanted`` needs.

    A command that stops something must not wait for floors to load that it does not touch.

    A command whose extra is not installed is not listed, and says so when it is called: the
    client-only installation has no service and no simulator.
    """
    from importlib.metadata import entry_points

    import typer

    from troth.cli.absent import names as names_of
    from troth.cli.absent import replace_absent

    app = typer.Typer(
        name="troth",
        help="Decisioning for loyalty programmes: simulate, train, evaluate, approve, serve.",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def root(
        version: bool = typer.Option(False, "--version", callback=_version, is_eager=True),
    ) -> None:
        """Decisioning for loyalty programmes."""

    for point in sorted(entry_points(group="troth.commands"), key=_soonest):
        if wanted is not None and wanted in names_of(app):
            break
        try:
            register: Register = point.load()
        except ModuleNotFoundError as error:
            if _is_ours(error):
                raise FailedPrecondition(
                    f"the installation is not whole: the commands of {point.name!r} are said to be "
                    f"in {point.value}, and there is no module {error.name!r}; install Troth again",
                    field="command",
                ) from error
            continue  # its commands are those of an extra
        register(app)
    replace_absent(app)
    return app


def _is_ours(error: ModuleNotFoundError) -> bool:
    """Whether what is missing is a module of this distribution: a fault, not an extra."""
    return bool(error.name) and str(error.name).split(".")[0] in _OURS


def _soonest(point: EntryPoint) -> tuple[bool, str]:
    """Serving first: its commands are the ones that may be in a hurry."""
    return point.name != "serving", point.name


MOST_TOLD = 20
"""Faults of a file that are printed; --json has the others too."""


def _refused(error: TrothError) -> NoReturn:
    """Say why, several faults of a file one a line, and exit with the code of the error."""
    import typer

    from troth.text import visible

    count = len(error.faults) + error.unlisted
    if "--json" in sys.argv:
        body = {"code": error.code.name, "reason": error.reason, "field": error.field}
        body["message"] = error.message
        listed = {"faults": list(error.faults), "fault_count": count}
        typer.echo(json.dumps({"error": body | (listed if error.faults else {})}), err=True)
    elif len(error.faults) > 1:
        lines = [f"refused for {count:,} faults:"]
        lines += [f"  {visible(fault)}" for fault in error.faults[:MOST_TOLD]]
        if (more := count - MOST_TOLD) > 0:
            lines.append(f"  and {more:,} more, which --json lists")
        typer.echo("troth: " + "\n".join(lines), err=True)
    else:
        typer.echo(f"troth: {visible(str(error))}", err=True)
    raise SystemExit(EXIT_CODES.get(error.code, 1)) from None


def _names_nothing(error: TrothError) -> bool:
    """Whether a stop was asked for where there is nothing to stop; else it stays."""
    return isinstance(error, InvalidArgument | NotFound) and error.field in _NAMED


def main() -> None:
    """Run the command; a :class:`TrothError` becomes a line on stderr and its exit code.

    So does what the operating system refuses about a file, such as a folder in its place.
    A stop is put first (:mod:`troth.brake`), and taken back if the line asked for none there is.
    """
    stopped = brake.first(sys.argv[1:], os.environ)
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else None)()
    except TrothError as error:
        if stopped is not None and _names_nothing(error):
            brake.take_back(stopped)
        _refused(error)
    except SystemExit as end:
        if stopped is not None and end.code == USAGE:
            brake.take_back(stopped)
        raise
    except OSError as error:
        if error.filename is None:
            raise
        reason = error.strerror or type(error).__name__
        _refused(FailedPrecondition(reason[:1].lower() + reason[1:], field=str(error.filename)))
    except ModuleNotFoundError as error:
        if _is_ours(error):
            raise
        from troth.cli import extras

        extra = extras.bringing(error.name or "")
        hint = extras.to_install((extra,)) if extra else "it is not among ours"
        message = f"needs an extra (no module {error.name!r}): {hint}"
        _refused(FailedPrecondition(message, field="command"))
