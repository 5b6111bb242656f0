"""Ed25519 keys of board members and of the service: RFC 8032, PKCS8 PEM, mode 0600."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from serving.signing.curve import is_key
from troth.errors import AlreadyExists, DataLoss, InvalidArgument, NotFound, PermissionDenied
from troth.files import sync_folder

PUBLIC_KEY_BYTES = 32


def generate() -> Ed25519PrivateKey:
    """A fresh private key from the operating system's randomness."""
    return Ed25519PrivateKey.generate()


def save(key: Ed25519PrivateKey, path: Path) -> Path:
    """Write ``key`` to a new file that only its owner can read.

    The file appears whole or not at all, so that two processes may race for it.

    Raises:
        AlreadyExists: if ``path`` exists; a private key is never overwritten.
    """
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)
    except FileExistsError:
        raise AlreadyExists(f"{path} exists; it is not overwritten", field="key") from None
    finally:
        partial.unlink()
    sync_folder(path.parent)
    return path


def load(path: Path) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        NotFound: if there is no such file.
        PermissionDenied: if anyone but the owner may read or write it.
        DataLoss: if it is not an unencrypted Ed25519 key in PEM.
        InvalidArgument: if it is the public half, which may be read by all and signs nothing.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist", field="key") from None
    if _is_public(text):
        raise InvalidArgument(
            f"{path} is a public key, which signs nothing; the private one is in the .pem file",
            field="key",
        )
    if mode & 0o077:
        raise PermissionDenied(
            f"{path} has mode {mode:04o}: others may use it; chmod 600 it", field="key"
        )
    try:
        key = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise DataLoss(f"{path} is not a private key in PEM: {error}", field="key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise DataLoss(f"{path} is not an Ed25519 key", field="key")
    return key


def _is_public(text: bytes) -> bool:
    try:
        from_public_text(text.decode("ascii").strip())
    except (UnicodeDecodeError, InvalidArgument):
        return False
    return True


def load_or_create(path: Path) -> Ed25519PrivateKey:
    """The key at ``path``, made on first use; raises as :func:`load`."""
    if not path.exists():
        # Another process may be first: its key is the one then.
        with contextlib.suppress(AlreadyExists):
            save(generate(), path)
    return load(path)


def public_text(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """The public key as base64 of its 32 raw bytes, 44 characters."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return base64.b64encode(public.public_bytes_raw()).decode("ascii")


def from_public_text(text: str, field: str = "public_key") -> Ed25519PublicKey:
    """Inverse of :func:`public_text`.

    Raises:
        InvalidArgument: naming ``field``, if it is not canonical base64 of 32 bytes, or not a
            point of prime order: with those of small order anyone can sign.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    # One key has one text: otherwise two members could hold the same key unnoticed.
    if len(raw) != PUBLIC_KEY_BYTES or base64.b64encode(raw).decode("ascii") != text:
        raise InvalidArgument(
            f"{text[:64]!r} is not base64 of {PUBLIC_KEY_BYTES} bytes,"
            " as `troth keys new` prints it",
            field=field,
        )
    if not is_key(raw):
        raise InvalidArgument(
            f"{text!r} is no Ed25519 key that was made from a private one: with such a point"
            " anyone could sign",
            field=field,
        )
    return Ed25519PublicKey.from_public_bytes(raw)


def verifies(public: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` is ``public``'s over ``message``."""
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True
