"""``troth propose``, ``approve``, ``refuse`` and ``proposals``."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from serving.governance import braking, brief, case, proposals, signatures, votes
from serving.governance import evidence as documents
from serving.governance.approval import verify_quorum
from serving.governance.board import Board
from serving.governance.evidence import EvidenceStore
from serving.governance.place import Place
from serving.governance.uptake import tell
from serving.installation import opened
from serving.options import Home, KeyFile, ProposalId, settings_of
from serving.signing import keys
from serving.storage.database import Database
from troth.cli.output import AsJson, emit, note, say, show_lines, show_mapping, show_table
from troth.clock import utc_now
from troth.digests import require_digest
from troth.errors import FailedPrecondition, InvalidArgument, NotApproved, TrothError
from troth.settings import Settings
from troth.types import Proposal, Role, Scope, SignedVote, Vote, isoformat, parse_time

APPROVED = "approved"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("propose")(propose)
    app.command("approve")(approve)
    app.command("refuse")(refuse)
    group = typer.Typer(name="proposals", help="What was proposed.", no_args_is_help=True)
    group.command("list")(list_all)
    group.command("show")(show)
    app.add_typer(group)


def propose(
    policy: Annotated[str, typer.Option(help="Digest of the artifact.")],
    evidence: Annotated[Path, typer.Option(help="JSON file it is to be judged with.")],
    expires: Annotated[str, typer.Option(help="When the approval ends: ISO 8601, or 90d.")],
    key: KeyFile,
    decision_point: Annotated[
        list[str], typer.Option(help="What it is to answer; may be given several times.")
    ],
    role: Annotated[Role, typer.Option(help="What it is to do there.")] = Role.MODEL,
    guardrails: Annotated[
        Path | None,
        typer.Option(help="TOML file of the guardrails.", show_default="the installed ones"),
    ] = None,
    guardrails_digest: Annotated[str | None, typer.Option(help="Or their digest.")] = None,
    share: Annotated[float, typer.Option(help="Largest share of customers, in (0, 1].")] = 1.0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Ask the board to let a policy be served, signed with your key."""
    from agents.artifacts.artifact import ArtifactStore

    where, moment = settings_of(home), utc_now()
    database = opened(where)
    scope = Scope(
        decision_points=tuple(decision_point),
        traffic_share=share,
        expires_at=_expiry(expires, moment),
    )
    artifact = ArtifactStore(where.artifacts).load(policy)
    behind = _guardrails(where, guardrails, guardrails_digest)
    document = documents.read(evidence)
    case.require(document, policy_digest=artifact.digest, guardrails_digest=behind)
    proposal = proposals.propose(
        database,
        policy_digest=artifact.digest,
        catalogue_digest=artifact.catalogue.digest,
        guardrails_digest=behind,
        evidence_digest=EvidenceStore(where.home / "evidence").put(document),
        role=role,
        place=Place.of(where),
        scope=scope,
        board=Board.load(where.board),
        key=keys.load(key),
        now=moment,
    )
    if as_json:
        emit(proposal.statement())
        return
    _show_brief(where, proposal)
    say(f"Next, other members: troth approve {proposal.proposal_id} --key FILE")


def approve(
    proposal_id: ProposalId,
    key: KeyFile,
    reason: Annotated[str, typer.Option(help="A remark, signed with the vote.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Sign without being asked.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what is asked, ask whether to sign, and sign that the proposal may be served."""
    where = settings_of(home)
    proposal = proposals.get(opened(where), proposal_id)
    if not yes and (as_json or not _is_terminal()):
        raise InvalidArgument("nobody can be asked here: give --yes to sign unasked", field="yes")
    Board.load(where.board).holder(keys.load(key))
    brief.case_for(opened(where), proposal)  # what makes no case is not approved
    if not as_json:
        _show_brief(where, proposal)
    if not yes and not typer.confirm("Sign that it may be served?"):
        raise FailedPrecondition("not confirmed; nothing is signed", field="approve")
    _vote(where, proposal, Vote.APPROVE, key, reason, as_json)


def refuse(
    proposal_id: ProposalId,
    key: KeyFile,
    reason: Annotated[str, typer.Option(help="Why, signed with the vote.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Sign that it may not; one refusal blocks, also after activation, and is never taken back."""
    where = settings_of(home)
    proposal = proposals.get(opened(where), proposal_id)
    _vote(where, proposal, Vote.REFUSE, key, reason, as_json)


def list_all(home: Home = None, as_json: AsJson = False) -> None:
    """List all proposals and how they stand."""
    where = settings_of(home)
    database, board = opened(where), Board.load(where.board)
    found = [
        (proposal, *_standing(database, proposal, board))
        for proposal in proposals.list_all(database)
    ]
    void = proposals.of_earlier_form(database)
    if void:
        note(f"in the form of an earlier version, and void; propose again: {', '.join(void)}")
    if as_json:
        emit([{**p.statement(), "standing": slug, "message": text} for p, slug, text in found])
        return
    show_table(
        "Proposals",
        ("proposal", "policy", "role", "decision points", "proposer", "expires", "standing"),
        [
            (
                p.proposal_id,
                p.policy_digest[:12],
                str(p.role),
                ", ".join(p.scope.decision_points),
                p.proposer,
                f"{p.scope.expires_at:%Y-%m-%d}",
                slug,
            )
            for p, slug, _ in found
        ],
    )


def show(proposal_id: ProposalId, home: Home = None, as_json: AsJson = False) -> None:
    """Show what is asked in plain words; then who voted, what is signed, and the evidence."""
    where = settings_of(home)
    database, board = opened(where), Board.load(where.board)
    proposal = proposals.get(database, proposal_id)
    cast = votes.of(database, proposal_id)
    try:
        evidence = EvidenceStore(where.home / "evidence").get(proposal.evidence_digest)
    except TrothError:  # which the first lines tell
        evidence = None
    if as_json:
        slug, text = _standing(database, proposal, board)
        emit(
            {
                "brief": [f"{what}: {text}" for what, text in _brief(where, proposal)],
                "statement": proposal.statement(),
                "standing": slug,
                "message": text,
                "votes": [
                    {**votes.to_dict(v), "verifies": _verifies(proposal, v, board)} for v in cast
                ],
                "evidence": evidence,
            }
        )
        return
    _show_brief(where, proposal)
    show_table(
        "Votes",
        ("member", "vote", "signed at", "reason", "verifies"),
        [
            (v.member, v.vote, isoformat(v.signed_at), v.reason, _verifies(proposal, v, board))
            for v in cast
        ],
    )
    statement = proposal.statement()
    scope = statement.pop("scope")
    show_mapping("What is signed", {**statement, **{f"scope.{k}": v for k, v in scope.items()}})
    facts = evidence if isinstance(evidence, dict) else {"": evidence}
    show_mapping("Evidence", {k: json.dumps(v) for k, v in facts.items()})


def _vote(
    where: Settings, proposal: Proposal, choice: Vote, key: Path, reason: str, as_json: bool
) -> None:
    """Sign ``proposal`` as it was shown, and cast the vote."""
    database, board, private = opened(where), Board.load(where.board), keys.load(key)
    signed = signatures.sign(
        proposal,
        choice,
        member=board.holder(private),
        key=private,
        signed_at=utc_now(),
        reason=reason,
    )
    signed = proposals.cast(database, signed, board=board)
    slug, text = _standing(database, proposal, board)
    if choice is Vote.REFUSE:
        told = {**votes.to_dict(signed), "standing": slug, "message": text}
        if not as_json:
            told = {"refused": proposal.proposal_id, "standing": slug}
        tell(where.home, braking.refused(database, signed), told, as_json)
        return
    if as_json:
        emit({**votes.to_dict(signed), "standing": slug, "message": text})
        return
    say(f"{signed.member} signed: {signed.vote}. {_sentence(slug, text)}.")


def _show_brief(where: Settings, proposal: Proposal) -> None:
    show_lines(f"Proposal {proposal.proposal_id}", _brief(where, proposal))


def _brief(where: Settings, proposal: Proposal) -> tuple[brief.Line, ...]:
    database = opened(where)
    slug, text = _standing(database, proposal, Board.load(where.board))
    return brief.of(
        database,
        proposal,
        guardrails_digest=_guardrails(where, None, None),
        place=Place.of(where),
        standing=_sentence(slug, text),
        now=utc_now(),
    )


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _standing(database: Database, proposal: Proposal, board: Board) -> tuple[str, str]:
    """:data:`APPROVED`, or the cause why not; and a sentence."""
    cast = votes.of(database, proposal.proposal_id)
    try:
        approvers = verify_quorum(proposal, cast, board, utc_now())
        Place.of(settings_of(database.home)).verify(proposal)
    except NotApproved as error:
        return error.metadata["cause"], error.message
    return APPROVED, f"by {', '.join(approvers)}"


def _sentence(slug: str, text: str) -> str:
    return f"Approved {text}" if slug == APPROVED else f"Not approved: {text}"


def _verifies(proposal: Proposal, vote: SignedVote, board: Board) -> bool:

    try:
        signatures.verify(proposal, vote, board)
    except TrothError:
        return False
    return True


def _guardrails(where: Settings, file: Path | None, digest: str | None) -> str:
    from troth.guardrails.config import GuardrailConfig

    if file is not None and digest is not None:
        raise InvalidArgument("give the file or the digest, not both", field="guardrails")
    if digest is not None:
        return require_digest(digest, "guardrails_digest")
    return (GuardrailConfig.read(file) if file else GuardrailConfig.installed(where.home)).digest


def _expiry(text: str, moment: datetime) -> datetime:
    days = text.removesuffix("d")
    if text.endswith("d") and days.isdecimal():
        return moment + timedelta(days=min(int(days), 36_500))
    return parse_time(text, "expires")
