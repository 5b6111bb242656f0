"""Keys stay private; the roster says what it says."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from serving.governance.board import Board
from serving.signing import keys
from troth.errors import AlreadyExists, DataLoss, InvalidArgument, NotFound, PermissionDenied


def test_a_key_survives_the_disk_and_is_its_owners_alone(tmp_path: Path) -> None:
    """What is loaded signs as what was saved, from a file of mode 0600."""
    key = keys.generate()
    path = keys.save(key, tmp_path / "new" / "ada.pem")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert keys.public_text(keys.load(path)) == keys.public_text(key)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_public_half_is_told_apart(tmp_path: Path, mode: int) -> None:
    """Whoever gives the wrong file is told so, and not to keep others from reading it."""
    path = tmp_path / "ada.pub"
    path.write_text(keys.public_text(keys.generate()) + "\n")
    path.chmod(mode)
    with pytest.raises(InvalidArgument, match=r"ada\.pub is a public key, which signs nothing"):
        keys.load(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """A readable private key is no proof of who signed."""
    path = keys.save(keys.generate(), tmp_path / "ada.pem")
    path.chmod(mode)
    with pytest.raises(PermissionDenied, match="others may use it"):
        keys.load(path)


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """A lost private key cannot be had back."""
    path = keys.save(keys.generate(), tmp_path / "ada.pem")
    before = path.read_bytes()
    with pytest.raises(AlreadyExists):
        keys.save(keys.generate(), path)
    assert path.read_bytes() == before


def test_files_that_are_no_key_are_refused(tmp_path: Path) -> None:
    """Missing, garbled and another algorithm each give their typed error."""
    path = tmp_path / "x.pem"
    with pytest.raises(NotFound):
        keys.load(path)
    path.write_text("no key")
    path.chmod(0o600)
    with pytest.raises(DataLoss, match="not a private key"):
        keys.load(path)
    path.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    with pytest.raises(DataLoss, match="not an Ed25519 key"):
        keys.load(path)


def test_first_use_makes_a_key_and_later_use_keeps_it(tmp_path: Path) -> None:
    """The service key does not change under the checkpoints it signed."""
    first = keys.load_or_create(tmp_path / "audit.pem")
    second = keys.load_or_create(tmp_path / "audit.pem")
    assert keys.public_text(first) == keys.public_text(second)


def test_signatures_follow_rfc_8032() -> None:
    """The first test vector of RFC 8032, section 7.1."""
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb88215"
        "90a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    import base64

    key = keys.from_public_text(base64.b64encode(public).decode())
    assert keys.verifies(key, signature, b"")
    assert not keys.verifies(key, signature, b"x")
    assert not keys.verifies(key, signature[:-1], b"")


@pytest.mark.parametrize("text", ["", "ab", "!" * 44, "A" * 44, "A" * 42 + "B=", "A" * 43 + "=\n"])
def test_a_public_key_has_one_spelling(text: str) -> None:
    """Base64 with stray bits would let one key pass as two."""
    with pytest.raises(InvalidArgument, match="base64"):
        keys.from_public_text(text)


def roster(*names: str) -> dict[str, str]:
    """A key each."""
    return {name: keys.public_text(keys.generate()) for name in names}


def test_the_roster_survives_the_disk(tmp_path: Path) -> None:
    """The digest is of what is in the file."""
    board = Board(roster("ada", "bob-2", "c_d"), quorum=2)
    board.save(tmp_path / "board.toml")
    assert Board.load(tmp_path / "board.toml") == board
    assert Board.load(tmp_path / "board.toml").digest == board.digest


def test_the_digest_tells_every_change() -> None:
    """Another member, another key or another quorum is another board; order is not."""
    members = roster("ada", "bob", "cyd")
    board = Board(members)
    assert Board(dict(reversed(members.items()))).digest == board.digest
    others = [
        Board(members, quorum=3),
        Board({**members, "bob": roster("bob")["bob"]}),
        board.with_member("dan", roster("dan")["dan"]),
    ]
    assert len({board.digest, *(other.digest for other in others)}) == 4


def test_one_person_is_not_a_quorum() -> None:
    """Neither a quorum of one nor one key under two names."""
    members = roster("ada")
    with pytest.raises(InvalidArgument, match="below 2") as low:
        Board(members, quorum=1)
    assert low.value.field == "board.quorum"
    with pytest.raises(InvalidArgument, match="also the key of 'ada'") as twin:
        Board({**members, "eve": members["ada"]})
    assert twin.value.field == "board.members.eve.public_key"
    with pytest.raises(AlreadyExists):
        Board(members).with_member("ada", roster("x")["x"])


def test_a_board_needs_a_proposer_besides_the_quorum() -> None:
    """Two members cannot approve: one of them proposed."""
    assert not Board(roster("ada", "bob")).can_approve
    assert Board(roster("ada", "bob", "cyd")).can_approve


def test_a_roster_others_can_write_is_refused(tmp_path: Path) -> None:
    """The roster is the root of trust; a group-writable one is none."""
    path = tmp_path / "board.toml"
    Board(roster("ada")).save(path)
    path.chmod(0o664)
    with pytest.raises(PermissionDenied, match="others may change it"):
        Board.load(path)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("quorum = ", "board"),
        ("quorum = " + "[" * 100_000, "board"),
        ("quorum = true", "board.quorum"),
        ("quorums = 2", "board"),
        ("members = 3", "board.members"),
        ("[members.ada]", "board.members.ada"),
        ("[members.ada]\npublic_key = 3", "board.members.ada.public_key"),
        ("[members.ada]\npublic_key = 'x'", "board.members.ada.public_key"),
        ("[members.'Ada L']\npublic_key = 'x'", "board.members"),
    ],
)
def test_a_wrong_roster_names_its_fault(tmp_path: Path, text: str, field: str) -> None:
    """Each wrong key is named."""
    path = tmp_path / "board.toml"
    path.write_text(text)
    path.chmod(0o644)
    with pytest.raises(InvalidArgument) as refused:
        Board.load(path)
    assert refused.value.field == field


def test_the_holder_of_a_key_is_found() -> None:
    """A member is known by the key, not by a name they give."""
    key = keys.generate()
    board = Board({**roster("ada"), "bob": keys.public_text(key)})
    assert board.holder(key) == "bob"
    with pytest.raises(PermissionDenied):
        board.holder(keys.generate())


def test_the_roster_is_on_the_disk_when_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file and its folder are synced, and two writers have names of their own."""
    synced: list[int] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(stat.S_IFMT(os.fstat(handle).st_mode))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    Board(roster("ada")).save(tmp_path / "board.toml")
    assert synced == [stat.S_IFREG, stat.S_IFDIR]
    assert (tmp_path / "board.toml").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["board.toml"]
