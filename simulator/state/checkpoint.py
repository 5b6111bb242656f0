"""Columns and a few facts in one file: what a world is restarted from.

The file is an uncompressed ``.npz``, which ``numpy.load`` reads too, with a ``header.json``
beside the columns. The header holds the caller's facts and, of every column, dtype, shape and
SHA-256; there is no pickle anywhere. The same columns and facts give the same bytes. A file
appears whole or not at all.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from troth.errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound
from troth.files import whole

FORMAT = 1
"""Version of the layout; another version is refused."""

HEADER = "header.json"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date every member carries, so that equal content is equal bytes."""

_UNREADABLE = (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile)
"""What zipfile, json and numpy raise on bytes that are not theirs."""

Columns = Mapping[str, NDArray[Any]]
Header = Mapping[str, int | str | float]


def save(path: Path, *, columns: Columns, header: Header) -> None:
    """Write ``columns`` and ``header`` to ``path``, whole or not at all.

    Args:
        path: the file; its folder is made.
        columns: name to array of numbers or booleans, of any shape.
        header: facts that :func:`load` gives back, e.g. seed and day.

    Raises:
        InvalidArgument: for a column that would need pickle, or a fact JSON cannot hold.
    """
    told = {name: _described(name, column) for name, column in columns.items()}
    try:
        text = json.dumps(
            {"format": FORMAT, "header": dict(header), "columns": told},
            sort_keys=True,
            allow_nan=False,
        )
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"not representable as JSON: {error}", field="header") from error
    with (
        whole(path) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED, allowZip64=True) as archive,
    ):
        archive.writestr(zipfile.ZipInfo(HEADER, EPOCH), text)
        for name, column in columns.items():
            member = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            with archive.open(member, "w", force_zip64=True) as stream:
                npy.write_array(stream, np.ascontiguousarray(column), allow_pickle=False)


def load(path: Path) -> tuple[dict[str, int | str | float], dict[str, NDArray[Any]]]:
    """What :func:`save` wrote to ``path``: header and columns.

    Raises:
        NotFound: if there is no such file.
        FailedPrecondition: if it is of another format version.
        DataLoss: if it is no checkpoint, or a byte of it is not what was written.
    """
    if not path.is_file():
        raise NotFound("no such file", field=str(path))
    try:
        with zipfile.ZipFile(path) as archive:
            told = json.loads(archive.read(HEADER))
            if told["format"] != FORMAT:
                raise FailedPrecondition(
                    f"format {told['format']!r} is not {FORMAT}", field=str(path)
                )
            columns = {name: _read(archive, name) for name in told["columns"]}
    except _UNREADABLE as error:
        raise DataLoss(f"not a readable checkpoint: {error}", field=str(path)) from error
    for name, column in columns.items():
        if _described(name, column) != told["columns"][name]:
            raise DataLoss(f"column {name!r} is not what was written", field=str(path))
    return dict(told["header"]), columns


def require(path: Path, header: Header, **expected: int | str | float) -> None:
    """Refuse the checkpoint at ``path`` unless its ``header`` says what is ``expected``.

    Raises:
        FailedPrecondition: at the first fact that is missing or another, naming both.
    """
    for name, value in expected.items():
        if name not in header or header[name] != value:
            raise FailedPrecondition(
                f"{name} {header.get(name, 'missing')!r} is not {value!r}", field=str(path)
            )


def _described(name: str, column: NDArray[Any]) -> dict[str, Any]:
    """Dtype, shape and SHA-256 of the bytes of ``column``, as JSON values."""
    if column.dtype.kind not in "biuf":
        raise InvalidArgument(f"{column.dtype} is not numbers or booleans", field=name)
    block = np.ascontiguousarray(column)
    return {
        "dtype": block.dtype.str,
        "shape": list(column.shape),
        "sha256": sha256(block.reshape(-1).view(np.uint8).data).hexdigest(),
    }


def _read(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    # The whole member first: its CRC is checked before its shape is believed.
    member = io.BytesIO(archive.read(f"{name}.npy"))
    column: NDArray[Any] = npy.read_array(member, allow_pickle=False)
    return column
