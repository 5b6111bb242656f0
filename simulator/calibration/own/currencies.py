"""Amounts of several currencies, which a column beside them gives away."""

from __future__ import annotations

import re

import numpy as np

from simulator.calibration.sheets import Sheet
from troth.tables.names import ABSENT

_CALLED = re.compile(
    r"currenc|(^|[^a-z])curr?([^a-z]|$)|ccy|w(ä|ae)hrung|devise|divisa|valuta|moneda|moeda"
    r"|monnaie",
    re.I,
)
_ISO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
    "GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR "
    "KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR "
    "SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH "
    "UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
"""ISO 4217, without funds and metals."""
_CODES = frozenset(_ISO.split())
_WORDS = frozenset(
    {
        "ALL",
        "BAM",
        "BOB",
        "COP",
        "CUP",
        "GEL",
        "LAK",
        "MAD",
        "MOP",
        "PEN",
        "SOS",
        "STN",
        "TOP",
        "TRY",
    }
)
"""Codes that are words too: alone they are no currencies."""
_NAMES = {
    "€": "EUR", "EURO": "EUR", "EUROS": "EUR", "£": "GBP", "POUND": "GBP", "POUNDS": "GBP",
    "US$": "USD", "US DOLLAR": "USD", "US DOLLARS": "USD", "DOLLAR": "$", "DOLLARS": "$",
    "$": "$", "¥": "¥", "YEN": "JPY", "₹": "INR", "RUPEE": "INR", "RUPEES": "INR", "FRANKEN": "CHF",
    "ZŁ": "PLN", "KČ": "CZK", "FT": "HUF", "KR": "KR", "KR.": "KR", "FR.": "CHF", "₽": "RUB",
    "₺": "TRY", "₩": "KRW", "₪": "ILS", "฿": "THB", "₫": "VND", "₴": "UAH", "₦": "NGN",
}  # fmt: skip


def refuse_currencies(sheet: Sheet) -> None:
    """Refuse the rows of a currency that is not most rows' own; amounts would be added up.

    A column of currencies is one that is called so, or holds nothing but their codes, signs or
    names. A blank in it is a currency that nobody named.
    """
    for name, column in sheet.table.others.items():
        codes = [_code(text) for text in column.texts]
        times: dict[str, int] = {}
        for code, count in zip(codes, column.times.tolist(), strict=True):
            times[code] = times.get(code, 0) + count
        known = sorted(set(times) - {""})
        if not known or len(times) < 2 or not (_CALLED.search(name) or _are_currencies(known)):
            continue
        most = max(known, key=times.__getitem__)
        told = ", ".join(f"{times[code]:,} rows in {code}" for code in known)
        if "" in times:
            told += f", {times['']:,} rows that name none"
        odd = np.array([code not in ("", most) for code in codes], dtype=np.bool_)
        sheet.table.refuse(
            odd[column.codes],
            name,
            f"is another currency than most ({told}): leave one in the file",
        )
        blank = np.array([not code for code in codes], dtype=np.bool_)
        sheet.table.refuse(
            blank[column.codes],
            name,
            f"names no currency, where other rows do ({told}): fill it in, or leave one in the "
            "file",
        )


def _code(text: str) -> str:
    """The currency; empty where none is named."""
    text = " ".join(text.split()).upper()
    return "" if text.lower() in ABSENT else _NAMES.get(text, text)


def _are_currencies(known: list[str]) -> bool:
    there = set(known)
    return there <= _CODES | set(_NAMES.values()) and not there <= _WORDS
