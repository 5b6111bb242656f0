"""Tables in text files, as spreadsheets and exports write them: one strict reader for all.

Read is what needs no guess: a byte order mark, commas, semicolons, bars or tabs, a first line that
names them (``sep=;``), UTF-8 or the Windows code page, decimal points or commas that cannot be
taken for anything else. Everything else is refused with all its lines at once, and no row is lost
without a word. Who calls says by a :class:`~troth.tables.dialect.Dialect` what a file cannot.
"""

from troth.tables.dialect import BLANKS, Dialect
from troth.tables.reading import read_table
from troth.tables.table import Column, Places, Table

__all__ = ["BLANKS", "Column", "Dialect", "Places", "Table", "read_table"]
