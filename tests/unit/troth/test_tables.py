"""Tables in text files: read where nothing has to be guessed, refused with lines otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from troth.errors import InvalidArgument, NotFound
from troth.tables import Table, read_table


def read(folder: Path, data: bytes) -> Table:
    """The table in a file of ``data``."""
    path = folder / "t.csv"
    path.write_bytes(data)
    return read_table(path)


@pytest.mark.parametrize(
    ("data", "notes"),
    [
        (b"a,b\n1,\xc3\xa9\n", ()),
        (b"\xef\xbb\xbfa,b\r\n1,\xc3\xa9\r\n", ()),
        (b"a;b\n1;\xe9\n", ("encoded in Windows-1252", "separated by ';'")),
        (b"a\tb\n1\t\xc3\xa9\n", ("separated by tabs",)),
        (b"a|b\n1|\xc3\xa9\n", ("separated by '|'",)),
        ("\ufeffa,b\n1,é\n".encode("utf-16-le"), ()),
    ],
)
def test_what_needs_no_guess_is_read(tmp_path: Path, data: bytes, notes: tuple[str, ...]) -> None:
    """Marks, separators and the Windows code page, and it is said."""
    table = read(tmp_path, data)
    assert table.header == ("a", "b")
    assert list(table.rows()) == [(2, {"a": "1", "b": "é"})]
    assert table.notes == list(notes)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("Orders of 2024\na,b\n1,2\n", 2),
        ("Orders,\n,\na,b\n1,2\n", 3),
        ("Orders; of 2024, and 2023\n\nShop;7\na;b\n1;2\n", 4),
        ("a,c\nc,d\nb,a\n1,2\n", 3),
    ],
)
def test_of_a_title_it_is_said_where_the_header_seems_to_be(
    tmp_path: Path, data: str, line: int
) -> None:
    """Spreadsheets have titles; nothing above a header is passed over without a word."""
    path = tmp_path / "t.csv"
    path.write_text(data)
    with pytest.raises(InvalidArgument, match=f"line {line} looks like the header: remove what"):
        read_table(path, columns=("a", "b"))
    rest = "".join(data.splitlines(keepends=True)[line - 1 :])
    path.write_text(rest)
    assert len(read_table(path, columns=("a", "b"))) == 1


def test_where_no_line_looks_like_the_header_none_is_named(tmp_path: Path) -> None:
    """Nor where any header will do."""
    path = tmp_path / "t.csv"
    path.write_text("Orders\na,c\n1,2\n")
    with pytest.raises(InvalidArgument, match=r"column 'a' is missing; found Orders$"):
        read_table(path, columns=("a", "b"))
    path.write_text("a,a\nb,c\n1,2\n")
    with pytest.raises(InvalidArgument, match=r"must be there once$"):
        read_table(path)


@pytest.mark.parametrize(
    ("data", "columns", "line"),
    [
        (b"sep=;\na;b\n1;2\n", ("a", "b"), 3),
        (b"\xef\xbb\xbfsep=\t\r\na\tb\r\n\r\n1\t2\r\n", ("a", "b"), 4),
        (b'a;"x,y,z"\n1;2\n', ("a", "x,y,z"), 2),
        (b'\n"a;a;a",b\n1,2\n', ("a;a;a", "b"), 3),
    ],
    ids=["named", "named tabs", "commas in quotes", "blank line first"],
)
def test_separator_is_found(
    tmp_path: Path, data: bytes, columns: tuple[str, ...], line: int
) -> None:
    """A first line that names it holds, names in quotes do not count."""
    table = read(tmp_path, data)
    assert table.header == columns
    assert [(at, tuple(cells.values())) for at, cells in table.rows()] == [(line, ("1", "2"))]


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    """Blank lines and line breaks in cells are counted, and the latter told."""
    table = read(tmp_path, b'a,b\n\n\n1,2\n"x\ny",3\n\n4,5\n')
    rows = dict(table.rows())
    assert list(rows) == [4, 5, 8]
    assert rows[5]["a"] == "x\ny"
    assert table.notes == ["rows with a line break in a cell: 1, the first in line 5"]


def test_long_tables_keep_their_lines(tmp_path: Path) -> None:
    """Whatever stands where one chunk of rows ends and the next begins."""
    rows = [f"{at},x" for at in range(2000)]
    for at in range(500, 530):
        rows[at] = f'{at},"two\nlines"'
    rows[1023] += "\n\n"
    rows[1535] = ","
    table = read(tmp_path, ("a,b\n" + "\n".join(rows) + "\n").encode())
    lines = {cells["a"]: line for line, cells in table.rows()}
    assert len(lines) == 1999
    assert [lines[name] for name in ("0", "511", "512", "530", "1024", "1999")] == [
        2, 524, 526, 562, 1058, 2033,
    ]  # fmt: skip
    assert table.notes == [
        "rows with a line break in a cell: 30, the first in line 502",
        "rows without a value, not read: 1, the first in line 1569",
    ]
    rows[1999] = "1999"
    rows[512] = "512"
    with pytest.raises(InvalidArgument, match=r":526: 1 values, .*:2032: 1 values"):
        list(read(tmp_path, ("a,b\n" + "\n".join(rows) + "\n").encode()).rows())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'a,b\n1,2\n"3,4\n5,6\n', r":3: a quote is not closed"),
        (b'"a"x,b\n1,2\n', r":1: .*is a quote not closed"),
        (b'a,b\n"1"x,2\n', r":2: .*is a quote not closed"),
        (b"a,b\n1\n2,3\n4,5,6\n", r":2: 1 values.*:4: 3 values"),
        (b"a,b\n1,\x81\xe9\n", r":2: .*Windows-1252: byte 0x81"),
        (b"a,b\n\xc3\xa9,1\n\xe9,1\n", r":3: is not UTF-8, as other lines .*: byte 0xe9"),
        (b"\xff\xfea,b\n1,2\n3", r":3: cannot be decoded as utf-16"),
        (b"a,b,a\n1,2,3\n", r":1: column 'a' is there 2 times"),
        (b"a;b,c\n1,2,3\n", r"may be separated by ',' or ';': say the delimiter"),
        (b"a,b\n1,2\na,b\n3,4\n", r":3: repeats the header"),
        (b'a,b,c\n1,"2\n3,4,5\n6",7\n', r":2: a cell holds what look like rows, up to line 4"),
        (b'a,b,c\n1,"x,5\n2,y",6\n', r":2: a cell holds what look like rows, up to line 3"),
        (b'a,b\n1,"' + b"x" * 140_000 + b"\n2,3\n", r":2: a cell is longer than 131,072"),
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"a,b\n\n", "no rows"),
        (b"a,b\n1,\x00\n", "not a text file"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    """With every line at fault."""
    with pytest.raises(InvalidArgument, match=said):
        list(read(tmp_path, data).rows())


def test_many_faults_are_counted(tmp_path: Path) -> None:
    """The first twenty in full, the others by number."""
    with pytest.raises(InvalidArgument, match=r":21: [^;]*; and 5 more$"):
        list(read(tmp_path, b"a,b\n" + b"1\n" * 25).rows())


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """Nor is a folder a file."""
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(NotFound):
            read_table(path)
