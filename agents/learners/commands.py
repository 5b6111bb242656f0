"""``troth learners``: which there are, and whether one keeps its promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from troth.cli.output import AsJson, emit, progress, say, show_table
from troth.errors import FailedPrecondition

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from agents.learners.learner import Learner
    from troth.registry import Registered

Name = Annotated[str, typer.Argument(help="A kind of learner, as `troth learners list` names it.")]

One = Annotated[str | None, typer.Argument(help="A kind of learner; all by default.")]


def register(app: typer.Typer) -> None:
    """Add the ``learners`` group to ``app``."""
    group = typer.Typer(
        name="learners",
        help="Learners: Troth's own and those of installed packages.",
        no_args_is_help=True,
    )
    group.command("list")(listed)
    group.command("check")(checked)
    app.add_typer(group)


def listed(name: One = None, as_json: AsJson = False) -> None:
    """List the learners, or one with its settings, their defaults and what is allowed.

    A package's learner is told of by its package alone until it is named.
    """
    from agents.learners.registry import LEARNERS
    from troth import extensions

    if name is not None:
        rows = [_described(LEARNERS.configured(name, at="name"))]
    else:
        rows = [_described(LEARNERS.configured(each, at="name")) for each in LEARNERS.own]
        for each in LEARNERS.names()[len(rows) :]:
            found = extensions.find(LEARNERS.group, each)
            rows.append(dict.fromkeys(rows[0]) | {"kind": each, "extension": found.to_dict()})
    if as_json:
        emit(rows)
        return
    show_table(
        "Learners",
        ("kind", "title", "learns", "from"),
        [(r["kind"], r["title"] or "", r["learns"] or "", _source(r)) for r in rows],
    )
    show_table(
        "Settings",
        ("kind", "setting", "default", "allowed"),
        [
            (r["kind"], s["name"], str(s["default"]), s["allowed"])
            for r in rows
            for s in r["settings"] or ()
        ],
    )


def checked(name: Name, as_json: AsJson = False) -> None:
    """Train a learner on a toy and see whether it keeps what every learner promises."""
    from agents.learners.checks import check, promises
    from agents.learners.registry import LEARNERS

    kind = LEARNERS.configured(name, at="name").thing
    rows = []
    with progress() as bars:
        task = bars.add_task(name, total=len(promises(kind)))
        for row in check(kind):
            rows.append(row)
            bars.advance(task)
    broken = [row.promise for row in rows if not row.kept]
    if as_json:
        emit([{"promise": r.promise, "kept": r.kept, "found": r.found} for r in rows])
    else:
        show_table(
            f"Promises of {name}",
            ("promise", "kept", "found"),
            [(r.promise, "yes" if r.kept else "NO", r.found) for r in rows],
        )
    if broken:
        raise FailedPrecondition(f"{name} breaks {len(broken)}: {', '.join(broken)}", field="name")
    if not as_json:
        say(f"{name} keeps all {len(rows)}.")


def _described(found: Registered[type[Learner]]) -> dict[str, Any]:
    from agents.learners.learner import allowed
    from agents.learners.registry import way_of

    kind = found.thing
    return {
        "kind": found.name,
        "title": kind.title,
        "learns": way_of(kind),
        "extension": None if found.extension is None else found.extension.to_dict(),
        "settings": [
            {
                "name": name,
                "default": None if field.is_required() else _default(field),
                "allowed": allowed(kind, name),
            }
            for name, field in kind.model_fields.items()
        ],
    }


def _default(field: FieldInfo) -> Any:
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(field.get_default(call_default_factory=True), fallback=str)


def _source(row: dict[str, Any]) -> str:
    told = row["extension"]
    return "Troth" if told is None else f"{told['distribution']} {told['version']}"
