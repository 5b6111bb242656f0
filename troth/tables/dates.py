"""Days as programs and people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

FIRST, LAST = date(1900, 1, 1), date(2100, 12, 31)
NONE = frozenset({"", "na", "nan", "nat", "none", "null"})
"""How tables write that there is no date."""
_ZONE = r"(?:Z|z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
_TIME = (
    r"(?:(?:T|t|,?\s+)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d+))?)?"
    rf"(?:\s*(?P<half>[AaPp]\.?[Mm]\.?))?(?:\s*{_ZONE})?)?"
)
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})" + _TIME, re.ASCII
)
_COMPACT = re.compile(
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"(?:\.0|[Tt ]?(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<part>\d+))?)?"
    rf"{_ZONE}?)?",
    re.ASCII,
)
_YEAR_LAST = re.compile(
    r"(?P<first>\d{1,2})(?P<sign>[-/.])(?P<second_>\d{1,2})(?P=sign)(?P<year>\d{4})" + _TIME,
    re.ASCII,
)
_SHORT_YEAR = re.compile(
    r"\d{1,2}(?P<sign>[-/. ])(?:\d{1,2}|[^\W\d]{3,}\.?)(?P=sign)'?\d\d" + _TIME, re.ASCII
)
_NAMED_MONTH = re.compile(
    r"(?:\d{1,2}\.?[-/. ]\s*)?[^\W\d]{3,}\.?[-/. ]\s*(?:\d{1,2},?\s+)?\d{4}" + _TIME
)
_SIX = re.compile(r"(?!(?:19|20)\d\d(?:0[1-9]|1[0-2]))\d{6}", re.ASCII)
"""Year of two digits, month and day; not one that may be a year and a month."""
_SERIAL = re.compile(r"(?P<days>[2-6]\d{4})(?:\.\d+)?", re.ASCII)
_SPREADSHEET = date(1899, 12, 30)
"""Day 0 of spreadsheets."""
WHY = f"is not a date in [{FIRST}, {LAST}], such as 2024-05-31 or 20240531"
WHICH = "does not say which is the day and which the month: say --day-first or --month-first"


def dates(
    texts: Sequence[str], day_first: bool | None
) -> tuple[NDArray[np.datetime64], NDArray[np.int64], dict[int, str]]:
    """Read ``texts`` as days of the clock on the wall, whatever zone stands behind a time.

    Args:
        texts: (k,): year, month and day; or, with ``day_first``, the year last; or yyyymmdd,
            also as a float; with a time or without.
        day_first: of a year that stands last, whether day or month stands first.

    Returns:
        datetime64[D] (k,), NaT where a text is no day; microseconds of the day, int64 (k,), 0
        without a time, as programs write midnight after a day alone; and why a text is no day.
    """
    # 2.7 million time stamps share some hundred days: each is made once.
    made: dict[tuple[str, str, str], int | None] = {}
    days = np.full(len(texts), np.iinfo(np.int64).min, dtype=np.int64)  # NaT
    clock = np.zeros(len(texts), dtype=np.int64)
    why: dict[int, str] = {}
    for at, text in enumerate(texts):
        text = text.strip()
        found = _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text)
        if found is not None:
            key = found["year"], found["month"], found["day"]
        elif (found := _YEAR_LAST.fullmatch(text)) is not None:
            one, two = found["first"], found["second_"]
            if day_first is None:
                why[at] = WHICH
                continue
            key = (found["year"], two, one) if day_first else (found["year"], one, two)
        if found is None or not _is_time(found):
            why[at] = _why(text)
            continue
        if key not in made:
            made[key] = _day(*key)
        if (day := made[key]) is None:
            why[at] = WHY
        else:
            days[at] = day
            if found["hour"] is not None:
                clock[at] = _clock(found)
    return days.view("datetime64[D]"), clock, why


def moments(texts: Sequence[str]) -> tuple[NDArray[np.datetime64], dict[int, str]]:
    """Read ``texts`` as ISO 8601 moments with a zone.

    Args:
        texts: (k,).

    Returns:
        datetime64[us] (k,) in UTC, NaT where a text is no moment, and why it is none.
    """
    found = np.full(len(texts), np.datetime64("NaT", "us"))
    why: dict[int, str] = {}
    for at, text in enumerate(texts):
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            moment = datetime.min
        if moment.tzinfo is None:
            why[at] = "is not a time with its zone, such as 2024-05-31T10:00:00+02:00"
        else:
            found[at] = np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")
    return found, why


def _why(text: str) -> str:
    """What is wrong with a text that no pattern fits, and what to do about what it looks like."""
    if _SHORT_YEAR.fullmatch(text) or _SIX.fullmatch(text):
        return f"{WHY}: a year of two digits is not guessed, export dates with all four"
    if serial := _SERIAL.fullmatch(text):
        meant = _SPREADSHEET + timedelta(days=int(serial["days"]))
        return f"{WHY}: a spreadsheet's number of {meant}? Format the column as dates, export again"
    if _NAMED_MONTH.fullmatch(text):
        return f"{WHY}: export the month as a number"
    return WHY


def _day(year: str, month: str, day: str) -> int | None:
    """Days since 1970, or ``None`` if the calendar has no such day, or not in range."""
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found.toordinal() - _EPOCH if FIRST <= found <= LAST else None


_EPOCH = date(1970, 1, 1).toordinal()


def _clock(found: re.Match[str]) -> int:
    """Microseconds of the day."""
    hour = int(found["hour"])
    if half := found.groupdict().get("half"):
        hour = hour % 12 + 12 * (half[0] in "Pp")
    seconds = (hour * 60 + int(found["minute"])) * 60 + int(found["second"] or 0)
    return seconds * 1_000_000 + int(((found["part"] or "") + "000000")[:6])


def _is_time(found: re.Match[str]) -> bool:
    if found["hour"] is None:
        return True
    half = found.groupdict().get("half")
    hours = range(1, 13) if half else range(24)
    return (
        int(found["hour"]) in hours
        and int(found["minute"]) < 60
        and int(found["second"] or 0) <= 60
    )
