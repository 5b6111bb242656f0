"""``troth keys`` and ``troth board``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.governance.board import Board, require_name
from serving.installation import create, is_installation
from serving.options import Home, settings_of
from serving.signing import keys
from troth.cli.output import AsJson, emit, note, say, show_table
from troth.errors import AlreadyExists, NotFound
from troth.files import write_whole

MOST_OF_A_KEY = 200
"""Bytes read of a file said to hold a public key, which takes 45."""


def register(app: typer.Typer) -> None:
    """Add the two groups to ``app``."""
    group = typer.Typer(name="keys", help="Keys of board members.", no_args_is_help=True)
    group.callback()(_group)
    group.command("new")(new_key)
    app.add_typer(group)
    board = typer.Typer(name="board", help="Who proposes and approves.", no_args_is_help=True)
    board.command("init")(init)
    board.command("add")(add)
    board.command("show")(show)
    app.add_typer(board)


def _group() -> None:
    """Keys of board members."""


def new_key(
    name: Annotated[str, typer.Argument(help="Name of the files: NAME.pem and NAME.pub.")],
    out: Annotated[Path, typer.Option("--out", help="Folder; best on its owner's machine.")],
    as_json: AsJson = False,
) -> None:
    """Make an Ed25519 key pair: the private key for its owner alone, the public one to hand in."""
    require_name(name, "name")
    private, public = out / f"{name}.pem", out / f"{name}.pub"
    if public.exists():
        raise AlreadyExists(f"{public} exists; it is not overwritten", field="out")
    key = keys.generate()
    keys.save(key, private)
    text = keys.public_text(key)
    write_whole(public, f"{text}\n".encode())
    if as_json:
        emit({"name": name, "private_key": private, "public_key_file": public, "public_key": text})
        return
    say(f"private key  {private}  (mode 0600; give it to nobody)")
    say(f"public key   {public}  {text}")


def init(
    quorum: Annotated[
        int, typer.Option(help="Approvals needed from members other than the proposer.", min=2)
    ] = 2,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make an installation with an empty roster; no other command makes one.

    An installation of an earlier version gets what it lacks, and keeps its roster.
    """
    where = settings_of(home)
    path, earlier = where.board, where.board.exists() and not is_installation(where.home)
    if path.exists() and not earlier:
        raise AlreadyExists(f"{path} exists; it is not overwritten", field="board")
    create(where.home, where.database)
    if earlier:
        _show(Board.load(path), path, as_json)
        return
    board = Board(quorum=quorum)
    board.save(path)
    _show(board, path, as_json)


def add(
    name: Annotated[str, typer.Argument(help="The new member, a lower-case slug.")],
    public_key: Annotated[
        str, typer.Option(help="Base64 of the public key, or the .pub file that holds it.")
    ],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Add a member. What the board approved before must be proposed again."""
    path = settings_of(home).board
    board = Board.load(path)
    grown = board.with_member(name, _public_key(public_key))
    grown.save(path)
    if board.can_approve and not as_json:
        note("the roster's digest changed: earlier approvals no longer hold", style="yellow")
    _show(grown, path, as_json)


def show(home: Home = None, as_json: AsJson = False) -> None:
    """Show the roster and its digest."""
    path = settings_of(home).board
    _show(Board.load(path), path, as_json)


def _public_key(given: str) -> str:
    if not given.endswith(".pub"):
        return given
    path = Path(given)
    if not path.is_file():
        raise NotFound(f"{path} does not exist", field="public_key")
    with path.open("rb") as file:
        # What is no key is refused as such, however long it is and whatever it holds.
        return file.read(MOST_OF_A_KEY).decode(errors="replace").strip()


def _show(board: Board, path: Path, as_json: bool) -> None:
    if as_json:
        emit({"path": path, "digest": board.digest, **board.to_dict()})
        return
    show_table(f"Board, {path}", ("member", "public key"), sorted(board.members.items()))
    say(f"quorum {board.quorum}, digest {board.digest}")
    if not board.can_approve:
        note(f"too small to approve: it takes a proposer and {board.quorum} others", style="yellow")
