"""Numbers as people, programs and spreadsheets write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray

_PLAIN = re.compile(r"[+-]?\d+(?:\.\d{1,2})?", re.ASCII)
"""A number that a decimal comma could not have meant otherwise: no group of three."""
_POINT = re.compile(
    r"[+-]?(?:\d+|[1-9]\d{0,2}(?:,\d{3})+|(?=\.\d))(?:\.\d*)?(?:[eE][+-]?\d+)?", re.ASCII
)
_COMMA = re.compile(
    r"[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+|(?=,\d))(?:,\d*)?(?:[eE][+-]?\d+)?", re.ASCII
)
_GROUPED = re.compile(r"^([+-]?[1-9]\d{0,2})((?:[ '\u2019\u00a0\u202f]\d{3})+)(?!\d)", re.ASCII)
_CURRENCY = r"[A-Z]{3}|[A-Z]{0,3}[$€£¥₹₽₺₩₪฿₫₴₦]|kr\.?|zł|Kč|Ft|Fr\.?"
_MARKED = re.compile(rf"(?P<before>{_CURRENCY})?\s*(?P<number>.*?)\s*(?P<after>{_CURRENCY})?")
_SIGNED = re.compile(r"([+-])\s*(\D.*)")
_IN_BRACKETS = re.compile(r"\((.*)\)")
SCIENTIFIC = re.compile(r"[+-]?\d(?:[.,]\d+)?[eE]\+\d+", re.ASCII)
"""A long number as a spreadsheet shows it, most digits gone."""
SIGNS = {".": "decimal points", ",": "decimal commas"}


@dataclass(frozen=True, slots=True)
class Numbers:
    """What texts mean as numbers.

    Attributes:
        values: float64 (k,), NaN where a text is none.
        why: for a text that is none for a reason of its own, the reason.
        commas: files read with decimal commas, where that made a difference.
        currency: what stands beside every one, such as ``EUR``, else "".
    """

    values: NDArray[np.float64]
    why: dict[int, str] = field(default_factory=dict)
    commas: tuple[int, ...] = ()
    currency: str = ""


def numbers(
    texts: Sequence[str],
    times: NDArray[np.int64],
    decimal: str | None,
    *,
    points: Sequence[bool],
    files: NDArray[np.int64],
) -> Numbers:
    """Read ``texts``, those of one file by the same decimal sign.

    Read are digits with a sign before or behind, or in brackets (negative); a decimal point or
    comma; groups of three set off by the other one, by blanks or apostrophes; an exponent; and a
    currency, if it is the same on all. Without ``decimal``, the sign is the one by which all
    texts of a file are numbers; 1.234 and 1,234 prove neither, nor does another file.

    Args:
        texts: (k,) distinct within a file.
        times: (k,) how often each occurs, by which a majority is told.
        decimal: "." or ",", if known.
        points: of each file, whether a point may be taken for the decimal sign where nothing
            speaks against it: where commas separate values.
        files: (k,) positions in ``points``.
    """
    marks: Counter[str] = Counter()
    own = np.full(len(texts), "", dtype=object)
    by_point, by_comma = np.full(len(texts), nan), np.full(len(texts), nan)
    for at, text in enumerate(texts):
        if _PLAIN.fullmatch(text):
            marks[""] += int(times[at])
            by_point[at] = float(text)
            # A point before one or two digits is no group of three.
            by_comma[at] = nan if "." in text else by_point[at]
            continue
        body, mark = _body(text)
        own[at] = mark
        by_point[at] = _value(body, _POINT, ",", ".")
        by_comma[at] = _value(body, _COMMA, ".", ",")
        if not isnan(by_point[at]) or not isnan(by_comma[at]):
            marks[mark] += int(times[at])
    why: dict[int, str] = {}
    values = (by_comma if decimal == "," else by_point).copy()
    signs = [decimal or "."] * len(points)
    for file, point in enumerate(points if decimal is None else ()):
        here = np.flatnonzero(files == file)
        some = [texts[at] for at in here.tolist()]
        values[here], odd, signs[file] = _decided(
            some, times[here], by_point[here], by_comma[here], point=point
        )
        why |= {int(here[at]): reason for at, reason in odd.items()}
    if len(marks) > 1:
        common, most = marks.most_common(1)[0]
        what = f"is not in {common}" if common else "is in another currency"
        of = f"as {most:,} of {marks.total():,} amounts are"
        if not common:
            of = f"where {most:,} of {marks.total():,} amounts name none"
        for at in np.flatnonzero((own != common) & ~np.isnan(values)).tolist():
            why[at] = f"{what}, {of}: they cannot be added up"
            values[at] = nan
    differ = np.unique(files[(by_point != by_comma) & ~np.isnan(values)]).tolist()
    commas = tuple(file for file in differ if signs[file] == ",")
    return Numbers(values, why, commas, next(iter(marks), ""))


def _body(text: str) -> tuple[str, str]:
    """The digits with a sign before them and without blanks, and the currency beside them."""
    text = text.strip().replace("\u2212", "-")
    negative = False
    if (inside := _IN_BRACKETS.fullmatch(text)) is not None:
        text, negative = inside[1].strip(), True
    sign = ""
    if (signed := _SIGNED.fullmatch(text)) is not None:  # -$5
        sign, text = signed[1], signed[2]
    found = _MARKED.fullmatch(text)
    before, text, after = ("", text, "") if found is None else found.groups("")
    if before and after:
        return "", ""
    text = text.replace("\u2212", "-")
    if text.endswith("-"):  # 5.00-
        text, negative = text[:-1].strip(), not negative
    text = _GROUPED.sub(lambda m: m[1] + re.sub(r"\D", "", m[2]), text)
    if negative or sign == "-":
        if text[:1] in {"+", "-"} or (negative and sign):
            return "", ""
        text = f"-{text}"
    return text, before or after


def _value(body: str, pattern: re.Pattern[str], group: str, decimal: str) -> float:
    if not body or pattern.fullmatch(body) is None:
        return nan
    return float(body.replace(group, "").replace(decimal, "."))


def _decided(
    texts: Sequence[str],
    times: NDArray[np.int64],
    by_point: NDArray[np.float64],
    by_comma: NDArray[np.float64],
    *,
    point: bool,
) -> tuple[NDArray[np.float64], dict[int, str], str]:
    """The reading by which all are numbers, why some are none, and its sign."""
    only_point = ~np.isnan(by_point) & np.isnan(by_comma)
    only_comma = ~np.isnan(by_comma) & np.isnan(by_point)
    points, commas = int(times[only_point].sum()), int(times[only_comma].sum())
    if points or commas:
        sign, odd = (".", only_comma) if points >= commas else (",", only_point)
        values = by_point if points >= commas else by_comma
        why = dict.fromkeys(
            np.flatnonzero(odd).tolist(), f"is not written with {SIGNS[sign]}, as other values are"
        )
        return values, why, sign
    either = (by_point != by_comma) & ~np.isnan(by_point)
    open_to_both = {
        at: "may be thousands or a fraction: say the decimal sign (--decimal)"
        for at in np.flatnonzero(either).tolist()
        if not point or "," in texts[at]
    }
    values = by_point.copy()
    values[list(open_to_both)] = nan
    return values, open_to_both, "."
