"""What a person reads before they sign: a proposal in about ten lines of plain words.

Every line is of what is signed, of what the registry names now, or of the evidence; the last
is the proposer's own word, and the lines say so. Nothing here decides whether a policy serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from serving.governance import case
from serving.governance.case import Case, FigureName, Measure
from serving.governance.evidence import EvidenceStore
from serving.governance.incumbents import Incumbent, incumbents
from serving.governance.place import Place
from serving.storage.database import Database
from troth.errors import NotApproved, TrothError
from troth.types import Proposal, Scope

Line = tuple[str, str]
"""A word for what it is about, and a sentence."""
SHORT = 12
"""Digits of a digest that are shown."""
_MOST_DECIMALS = 6


def of(
    database: Database,
    proposal: Proposal,
    *,
    guardrails_digest: str,
    place: Place,
    standing: str,
    now: datetime,
) -> tuple[Line, ...]:
    """The lines on ``proposal``, the most important first.

    Args:
        database: the store.
        proposal: read from it.
        guardrails_digest: of the guardrails in force on this host.
        place: where this host serves: its installation, settings and version.
        standing: how it stands, in words.
        now: aware UTC.
    """
    there = incumbents(database, proposal)
    try:
        made = case_for(database, proposal)
    except TrothError as error:
        judged: tuple[Line, ...] = (("Evidence", f"Makes no case, so approve nothing: {error}."),)
    else:
        judged = (*_figures(made, there), _origin(made, proposal.proposer))
    return (
        _asked(proposal, now),
        *_now_there(proposal, there),
        *judged,
        *_changed(proposal, there),
        _behind(proposal, guardrails_digest),
        *_elsewhere(proposal, place),
        ("Standing", f"{standing}."),
    )


def case_for(database: Database, proposal: Proposal) -> Case:
    """The case that the proposal's evidence makes for it.

    Raises:
        NotFound, DataLoss: if the evidence is gone or was changed.
        InvalidArgument: if it is not a case for this policy.
    """
    return case.require(
        EvidenceStore(database.home / "evidence").get(proposal.evidence_digest),
        policy_digest=proposal.policy_digest,
        guardrails_digest=proposal.guardrails_digest,
    )


def _asked(proposal: Proposal, now: datetime) -> Line:
    scope = proposal.scope
    left = (scope.expires_at - now).days
    ends = f"{left} days from now" if left >= 0 else "that is past"
    return "Asked", (
        f"{proposal.proposer} asks that policy {proposal.policy_digest[:SHORT]} may answer"
        f" {_and(scope.decision_points)} as the {proposal.role}, for"
        f" {_share(scope)}, until {_day(scope.expires_at)} ({ends})."
    )


def _now_there(proposal: Proposal, there: tuple[Incumbent, ...]) -> tuple[Line, ...]:
    lines = []
    for point in proposal.scope.decision_points:
        here = [found for found in there if found.decision_point == point]
        said = "; ".join(_incumbent(proposal, found) for found in here) or "nothing"
        lines.append(("Active now", f"At {point} {said}."))
    return tuple(lines)


def _incumbent(proposal: Proposal, found: Incumbent) -> str:
    held = f", {found.held.replace('_', ' ')}" if found.held else ""
    if found.proposal is None:
        return f"as {found.role} something that cannot be read{held}"
    if found.proposal.proposal_id == proposal.proposal_id:
        return f"as {found.role} this very proposal{held}"
    scope = found.proposal.scope
    return (
        f"as {found.role} policy {found.proposal.policy_digest[:SHORT]}, for {_share(scope)}"
        f" until {_day(scope.expires_at)}{held}"
    )


def _figures(made: Case, there: tuple[Incumbent, ...]) -> tuple[Line, ...]:
    active = {found.proposal.policy_digest for found in there if found.proposal}
    serves = made.compared_with.policy_digest in active
    # The proposer's word for it is quoted: it may say whatever it likes.
    other = "what serves now" if serves else f'"{made.compared_with.name}"'
    days = f"in {made.days} days" if made.days > 1 else "in a day"
    percent = f"{100 * made.level:g} %"
    lines = []
    for name, what, unit, each, decimals, words in (
        (FigureName.MONEY, "Money", f"{made.currency} ", "per customer", 2, ("more", "less")),
        (FigureName.CONTACTS, "Contacts", "", "per customer", 2, ("more", "fewer")),
        (FigureName.OPT_OUTS, "Opt-outs", "", "per 1,000 customers", 1, ("more", "fewer")),
    ):
        found = made.figure(name)
        times = 1000.0 if name is FigureName.OPT_OUTS else 1.0
        proposed, low, high = _written(found.proposed, times, decimals)
        beside, from_, to = _written(found.compared, times, decimals)
        verdict = _verdict(found.proposed, found.compared, words)
        text = (
            f"{unit}{proposed} {each} {days} ({percent}: {low} to {high});"
            f" {other}: {beside} ({from_} to {to}). {verdict}"
        )
        lines.append((what, text))
    if not serves:
        instead = "which is not active there now" if active else "as nothing is active there now"
        lines.append(("Compared", f"With {other}, {instead}."))
    return tuple(lines)


def _verdict(proposed: Measure, compared: Measure, words: tuple[str, str]) -> str:
    if proposed.low > compared.high:
        return f"Clearly {words[0]}."
    if proposed.high < compared.low:
        return f"Clearly {words[1]}."
    return "The ranges overlap: it may be no difference."


def _origin(made: Case, proposer: str) -> Line:
    measured = (
        f"On {made.customers:,} simulated customers of scenario {made.scenario.name}"
        if made.scenario is not None
        else f"Estimated from log {made.log.name}, on {made.customers:,} customers"
        if made.log is not None
        else ""
    )
    guarded = "behind the guardrails" if made.guarded else "without the guardrails"
    return "Measured", (
        f"{measured}, {guarded}; about one in {1 / (1 - made.level):.0f} such ranges misses the"
        f" truth. These figures are {proposer}'s own word: no program has checked them."
    )


def _changed(proposal: Proposal, there: tuple[Incumbent, ...]) -> tuple[Line, ...]:
    lines = []
    for found in _replaced(proposal, there):
        other = found.proposal
        if other is None or other.proposal_id == proposal.proposal_id:
            continue
        scope, others = proposal.scope, other.scope
        same = {
            "policy": proposal.policy_digest == other.policy_digest,
            "catalogue": proposal.catalogue_digest == other.catalogue_digest,
            "settings": proposal.settings == other.settings,
            "guardrails": proposal.guardrails_digest == other.guardrails_digest,
        }
        differ = [f"{what} {'the same' if kept else 'CHANGED'}" for what, kept in same.items()]
        if scope.decision_points != others.decision_points:
            differ.append(f"at {_and(scope.decision_points)}, not {_and(others.decision_points)}")
        if scope.traffic_share != others.traffic_share:
            differ.append(f"for {_share(scope)}, not {_share(others)}")
        where = f"the {found.role} at {found.decision_point}"
        lines.append(("Changed", f"Against {where}: {', '.join(differ)}."))
    return tuple(lines)


def _replaced(proposal: Proposal, there: tuple[Incumbent, ...]) -> Iterator[Incumbent]:
    """At each decision point what is active in the same role, else what is active at all."""
    for point in proposal.scope.decision_points:
        here = [found for found in there if found.decision_point == point]
        yield from [found for found in here if found.role is proposal.role] or here


def _behind(proposal: Proposal, guardrails_digest: str) -> Line:
    proposed = proposal.guardrails_digest
    if proposed == guardrails_digest:
        return "Guardrails", f"{proposed[:SHORT]}, those in force on this host."
    return "Guardrails", (
        f"{proposed[:SHORT]}, NOT those in force on this host ({guardrails_digest[:SHORT]}):"
        " while that is so, it is not served."
    )


def _elsewhere(proposal: Proposal, place: Place) -> tuple[Line, ...]:
    try:
        place.verify(proposal)
    except NotApproved as error:
        told = f"NOT this host, by the settings of this command: it {error.message}."
        return (("Place", told),)
    return ()


def _written(measure: Measure, times: float, decimals: int) -> tuple[str, str, str]:
    """Value and ends of the interval, with as many decimals as keep the ends apart."""
    ends = (measure.value, measure.low, measure.high)
    while True:
        value, low, high = (f"{times * end:,.{decimals}f}" for end in ends)
        if low != high or decimals >= _MOST_DECIMALS:
            return value, low, high
        decimals += 1


def _share(scope: Scope) -> str:
    if scope.traffic_share >= 1.0:
        return "all customers"
    return f"up to {100 * scope.traffic_share:g} % of customers"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def _and(words: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
