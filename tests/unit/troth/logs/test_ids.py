"""Ids written in several ways are one id, or said to be alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agents.ope.cautions import Caution, Trust
from agents.ope.evaluate import evaluate_policy
from tests.support.logs import SCHEMA, log_of
from troth.errors import InvalidArgument
from troth.logs.batches import LoggedBatch
from troth.logs.ids import alike, plain

COMPOSED, DECOMPOSED = "Zo\u00eb", "Zoe\u0308"


def _log(n: int = 400) -> LoggedBatch:
    rng = np.random.default_rng(3)
    return log_of(
        action=rng.integers(0, 2, n),
        propensity=np.full(n, 0.5),
        reward=rng.normal(size=n),
        actions=2,
        raw=rng.normal(size=(n, 2)),
    )


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (DECOMPOSED, COMPOSED),
        (" C1", "C1"),
        ("C1\u00a0", "C1"),
        ("\ufeffC1", "C1"),
        ("C1\u200b", "C1"),
        ("7.0", "7"),
        ("-0", "0"),
        ("C 1", "C 1"),
        ("-7", "-7"),
        ("007", "007"),
        ("C1.0", "C1.0"),
    ],
)
def test_one_id_is_written_in_one_way(written: str, name: str) -> None:
    """The rule of text tables holds for logs."""
    assert plain(np.array([written, "x"]), "customer_id").tolist() == [name, "x"]


def test_what_is_plain_stays_what_it_is() -> None:
    """Without a copy, also for other widths of text and no row at all."""
    ids = np.array(["C1", "c2", "0003", "a-b"])
    assert plain(ids, "customer_id") is ids
    assert plain(np.array([], dtype=np.str_), "customer_id").tolist() == []
    assert plain(np.array([""]), "customer_id").tolist() == [""]


@pytest.mark.parametrize(
    ("first", "again"), [(COMPOSED, DECOMPOSED), ("D1", "D1 "), ("D1", "\u200bD1"), ("7", "7.0")]
)
def test_a_decision_written_in_two_ways_is_there_twice(first: str, again: str) -> None:
    """In a DataFrame, and in a log that is put together from columns."""
    log = _log(6)
    ids = np.array([first, "b", "c", again, "e", "f"])
    with pytest.raises(InvalidArgument, match="in row 0 and again in row 3") as refused:
        replace(log, decision_id=ids)
    assert refused.value.field == "decision_id"
    frame = log.to_frame().assign(decision_id=ids)
    with pytest.raises(InvalidArgument, match="in row 0 and again in row 3"):
        LoggedBatch.from_frame(frame, SCHEMA, log.catalogue)


@pytest.mark.parametrize("variant", [DECOMPOSED, f" {COMPOSED}", f"{COMPOSED}\u00a0"])
def test_a_customer_written_in_two_ways_is_one(variant: str) -> None:
    """Read as one from a DataFrame, and one cluster in a log of columns."""
    log = _log()
    ids = log.customer_id.copy()
    ids[[3, 5]] = COMPOSED
    other = ids.astype("<U12")
    other[5] = variant
    frame = log.to_frame().assign(customer_id=other)
    read = LoggedBatch.from_frame(frame, SCHEMA, log.catalogue)
    np.testing.assert_array_equal(read.customer_id, ids)
    target = np.full((400, 2), 0.5)
    for batch in (read, replace(log, customer_id=other)):
        assert evaluate_policy(batch, target).diagnostics.customers == 399


def test_customers_apart_by_capitals_are_told_and_counted_once() -> None:
    """With the rows of the first; more than one in a hundred, as in tables."""
    log = _log()
    ids = np.char.add("C", np.arange(400).astype(str))
    ids[200:220] = np.char.lower(ids[:20])
    found = evaluate_policy(replace(log, customer_id=ids), np.full((400, 2), 0.5))
    assert found.diagnostics.customers == 380
    (said,) = (w for w in found.diagnostics.warnings if w.caution is Caution.ALIKE_IDS)
    assert said.verdict is Trust.WITH_CARE
    assert "20 ids in customer_id differ from others only in capitals" in said.message
    assert "in row 0" in said.message
    assert "in row 200" in said.message
    few = ids.copy()
    few[203:220] = [f"X{at}" for at in range(17)]
    assert alike(few, "customer_id") is None, "some ids are apart by capitals by design"


def test_numbers_apart_by_zeros_in_front_are_told() -> None:
    """As a spreadsheet leaves them; decisions too."""
    log = _log()
    ids = np.array([f"{row:06d}" for row in range(400)])
    ids[17] = "12"
    found = evaluate_policy(replace(log, decision_id=ids), np.full((400, 2), 0.5))
    (said,) = (w for w in found.diagnostics.warnings if w.caution is Caution.ALIKE_IDS)
    assert "'12' in row 17 and '000012' in row 12" in said.message


def test_a_formula_is_no_id() -> None:
    """What a spreadsheet writes to keep zeros."""
    log = _log(6)
    ids = np.array(["a", "b", '="007"', "d", "e", "f"])
    with pytest.raises(InvalidArgument, match="in row 2 is a spreadsheet's formula"):
        replace(log, customer_id=ids)


def test_ids_of_other_scripts_and_capitals_of_two_letters_are_compared() -> None:
    """Where no short way is safe: the whole rule."""
    found = alike(np.array(["STRASSE", "Straße", "x"]), "customer_id")
    assert found is not None
    assert found.ids == 1
    assert len(set(found.joined.tolist())) == 2
    assert alike(np.array(["a b", "ab"]), "customer_id") is not None
    assert alike(np.array(["é", "e"]), "customer_id") is None
