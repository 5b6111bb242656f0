"""In whatever dialect a table is written, it is read back or refused: no row is lost unsaid."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from troth.errors import InvalidArgument
from troth.tables import Dialect, Table, read_table

CELL = st.text(
    st.characters(codec="cp1252", exclude_categories=("Cc", "Cs")) | st.sampled_from(",;|\"'\t\n"),
    max_size=8,
)
ROWS = st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])
SIGNS = st.sampled_from(",;\t|")
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
QUOTING = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])


def written(
    header: tuple[str, ...], rows: list[tuple[str, ...]], sign: str, end: str, quoting: int
) -> str:
    """The table as Python's writer has it."""
    text = io.StringIO(newline="")
    if end == "\r":
        quoting = csv.QUOTE_ALL  # else the writer leaves other line breaks in cells bare
    writer = csv.writer(text, delimiter=sign, lineterminator=end, quoting=quoting)
    writer.writerows((header, *rows))
    return text.getvalue()


def read(data: bytes, dialect: Dialect | None = None) -> Table:
    """The table in a file of ``data``."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(data)
        return read_table(path, dialect)


@settings(deadline=None)
@given(ROWS, SIGNS, ENDS, QUOTING, ENCODINGS, st.integers(0, 3), st.booleans())
def test_what_is_written_is_read_back(
    rows: list[tuple[str, ...]],
    sign: str,
    end: str,
    quoting: int,
    encoding: str,
    blank: int,
    named: bool,
) -> None:
    """Cell by cell; rows without a value are counted, and what looks like lost rows refused."""
    text = end * blank + written(("a", "b", "c"), rows, sign, end, quoting) + end * blank
    if named:
        text = f"sep={sign}{end}{text}"
    data = text.encode(encoding)
    if encoding == "cp1252":
        try:
            data.decode("utf-8")
            encoding = "utf-8"  # what is UTF-8 too is taken for it: nobody could tell
            rows = [tuple(c.encode("cp1252").decode("utf-8") for c in row) for row in rows]
        except UnicodeDecodeError:
            pass
    try:
        table = read(data)
        found = [tuple(cells.values()) for _, cells in table.rows()]
    except InvalidArgument as error:
        said = str(error)
        if "no rows" in said:
            assert not any(cell.strip() for row in rows for cell in row)
        elif "not UTF-8, as other lines" in said:
            assert encoding == "cp1252"
        elif "repeats the header" in said:
            assert ("a", "b", "c") in rows
        else:
            assert "look like rows" in said
            assert any(sum(cell.count(sign) for cell in row) >= 2 for row in rows)
        return
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    assert found == filled
    if empty := len(rows) - len(filled):
        (note,) = [note for note in table.notes if "without a value" in note]
        assert note.startswith(f"rows without a value, not read: {empty},")


@settings(deadline=None)
@given(
    st.lists(st.decimals(-(10**7), 10**7, places=2), min_size=1, max_size=10),
    st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", ","), ("|", ".")]),
    st.booleans(),
    ENCODINGS,
)
def test_amounts_are_read_back(
    amounts: list[object], signs: tuple[str, str], grouped: bool, encoding: str
) -> None:
    """In points or commas, in groups of three or not."""
    delimiter, decimal = signs
    other = {".": ",", ",": "."}[decimal]
    texts = [f"{amount:,.2f}" if grouped else f"{amount:.2f}" for amount in amounts]
    swap = str.maketrans({".": decimal, ",": other})
    rows = [(str(at), text.translate(swap)) for at, text in enumerate(texts)]
    data = written(("id", "amount"), rows, delimiter, "\r\n", csv.QUOTE_MINIMAL).encode(encoding)
    for dialect in (Dialect(), Dialect(decimal=decimal)):
        values = read(data, dialect).numbers("amount", -1e8, 1e8)
        np.testing.assert_allclose(values, [float(str(a)) for a in amounts], rtol=0, atol=1e-9)


@settings(deadline=None)
@given(
    st.lists(st.tuples(CELL, CELL, CELL), min_size=2, max_size=12),
    SIGNS,
    QUOTING,
    st.integers(0, 10_000),
)
def test_a_damaged_file_is_never_read_in_part(
    rows: list[tuple[str, ...]], sign: str, quoting: int, at: int
) -> None:
    """A quote too many: as many rows as there were, or a refusal, or a note."""
    text = written(("a", "b", "c"), [(str(n), *row[1:]) for n, row in enumerate(rows)],
                   sign, "\n", quoting)  # fmt: skip
    at = len("a,b,c\n") + at % (len(text) - len("a,b,c\n"))
    data = (text[:at] + '"' + text[at:]).encode()
    try:
        table = read(data)
        found = list(table.rows())
    except InvalidArgument:
        return
    broken = any("line break" in note for note in table.notes)
    assert len(found) == len(rows) or broken
