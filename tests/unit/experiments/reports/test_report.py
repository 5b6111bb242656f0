"""The report: everything is in it, nothing is fetched, nothing of the data is markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.reports.report import count_of, coverage, render, smooth, write
from experiments.reports.tables import show_results
from experiments.runs.results import RunResults
from troth.errors import DataLoss, NotFound


class _Balance(HTMLParser):
    """Fails on an element that is closed in the wrong order."""

    VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_report_is_whole_and_fetches_nothing(records: SimpleNamespace) -> None:
    """Plots, tables and digests are inside; there is no script and no outside address."""
    html = render(records.results(), served=records.served(), checks=records.checks())
    balance = _Balance()
    balance.feed(html)
    assert balance.open == []
    addresses = set(re.findall(r"https?://[^\s\"'<]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert "<script" not in html
    assert not re.search(r"\b(src|href)=", html)
    assert html.count("<svg") == 3
    for text in ("17.00", "50.0 %", "5 of 5", "0 of 5", "a" * 64, "short of quorum"):
        assert text in html


def test_data_is_never_markup(records: SimpleNamespace) -> None:
    """A run named with a tag, and a warning with one, are shown as text."""
    html = render(records.results(name="<img onerror=x>"))
    assert "<img" not in html
    assert "of &lt;all&gt; weight" in html


def test_failed_check_is_not_dressed_up(records: SimpleNamespace) -> None:
    """A broken audit chain is said in so many words."""
    html = render(records.results(), served=records.served(), checks=records.checks(audit_ok=False))
    assert "DOES NOT verify" in html


def test_without_served_day(records: SimpleNamespace) -> None:
    """A run that served nothing has a report without that section."""
    assert "The served day" not in render(records.results())


def test_coverage_counts_seeds(records: SimpleNamespace) -> None:
    """IPS covers on all five seeds, SNIPS on none; DM has no interval that could."""
    counts = coverage(records.off_policy())
    assert counts["rfm", "ips"] == (5, 5)
    assert counts["rfm", "snips"] == (0, 5)
    assert count_of(counts["rfm", "dm"]) == "-"


def test_what_is_not_known_is_said_and_not_drawn(records: SimpleNamespace) -> None:
    """No estimate, no interval and an infinite end have words; the chart has no number of them."""
    results = records.results()
    rows = list(results.off_policy)
    rows[0] = rows[0].model_copy(update={"low": None, "high": None, "stderr": None})
    rows[1] = rows[1].model_copy(
        update={"value": None, "has_interval": False, "low": None, "high": None}
    )
    changed = results.model_copy(update={"off_policy": tuple(rows)})
    html = render(changed)
    for text in ("-infinite to infinite", "no estimate", "no interval", "with care"):
        assert text in html
    assert not re.search(r'="(nan|inf|-inf|None)', html)
    assert json.loads(changed.model_dump_json())["off_policy"][0]["low"] is None


def test_tables_say_what_is_not_known(
    records: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    """The direct method's row says that it has no interval, and judges nothing."""
    show_results(records.results())
    text = " ".join(capsys.readouterr().out.split())
    assert "no interval" in text


def test_report_and_tables_show_both_ways(
    records: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each policy behind guardrails and without them, whose digest, and what they took."""
    both = records.results().model_copy(update={"guarded": records.guarded()})
    html = render(both)
    balance = _Balance()
    balance.feed(html)
    assert balance.open == []
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    assert "Guardrails bbbbbbbbbbbb" in text
    assert "consent: no consent" in text
    assert "12.5 %" in text
    assert "Linear Thompson sampling 15.00 13.04 to 16.96 17.00 -2.00" in text
    assert "behind the guardrails, where it brings 15.60" in text
    assert "The same estimates behind the guardrails" in text
    assert "Not measured" not in text
    show_results(both)
    shown = " ".join(capsys.readouterr().out.split())
    assert "behind the guardrails bbbbbbbbbbbb" in shown
    assert "no_consent" in shown


def test_a_run_without_guardrails_says_so(
    records: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the report and in the tables."""
    assert "This run had no guardrails" in render(records.results())
    show_results(records.results())
    assert "WITHOUT guardrails" in capsys.readouterr().out
    logs_alone = records.guarded().model_copy(update={"off_policy": ()})
    html = render(records.results().model_copy(update={"guarded": logs_alone}))
    assert "the logs do not say what was known of the customers" in html


def test_results_round_trip(tmp_path: Path, records: SimpleNamespace) -> None:
    """Results come back as written; what is absent or damaged says so."""
    results = records.results()
    path = tmp_path / "results.json"
    with pytest.raises(NotFound):
        RunResults.read(path)
    results.write(path)
    assert RunResults.read(path) == results
    path.write_text(path.read_text()[:-20])
    with pytest.raises(DataLoss):
        RunResults.read(path)
    write(tmp_path / "report.html", render(results))
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []


def test_smoothing_is_over_whole_weeks() -> None:
    """A saw-tooth of seven rollouts becomes flat once a whole one is in the window."""
    curve = [(100 * (at + 1), float(at % 7)) for at in range(21)]
    smoothed = smooth(curve)
    assert [x for x, _ in smoothed] == [float(x) for x, _ in curve]
    assert smoothed[0][1] == 0.0
    assert all(y == pytest.approx(3.0) for _, y in smoothed[6:])
