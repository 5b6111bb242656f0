"""``troth propose``, ``approve``, ``refuse`` and ``proposals``."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from serving.governance import braking, keys, proposals, signatures, votes
from serving.governance.approval import verify_quorum
from serving.governance.board import Board
from serving.governance.evidence import EvidenceStore
from serving.governance.options import Home, KeyFile, ProposalId, now, settings
from serving.governance.place import Place
from serving.governance.uptake import tell
from serving.installation import opened
from serving.store import Database
from troth.errors import InvalidArgument, NotApproved, NotFound, TrothError
from troth.output import AsJson, emit, note, say, show_mapping, show_table
from troth.settings import Settings
from troth.types import Approval, Proposal, Role, Scope, Vote, isoformat, parse_time


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
    from agents.artifacts import ArtifactStore

    where, moment = settings(home), now()
    database = opened(where)
    scope = Scope(
        decision_points=tuple(decision_point),
        traffic_share=share,
        expires_at=_expiry(expires, moment),
    )
    artifact = ArtifactStore(where.artifacts).load(policy)
    proposal = proposals.propose(
        database,
        policy_digest=artifact.digest,
        catalogue_digest=artifact.catalogue.digest,
        guardrails_digest=_guardrails(where, guardrails, guardrails_digest),
        evidence_digest=EvidenceStore(where.home / "evidence").put(_read_json(evidence)),
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
    _show_statement(proposal)
    say(f"Next, other members: troth approve {proposal.proposal_id} --key FILE")


def approve(
    proposal_id: ProposalId,
    key: KeyFile,
    reason: Annotated[str, typer.Option(help="A remark, signed with the vote.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Sign that the proposal may be served."""
    _vote(proposal_id, Vote.APPROVE, key, reason, home, as_json)


def refuse(
    proposal_id: ProposalId,
    key: KeyFile,
    reason: Annotated[str, typer.Option(help="Why, signed with the vote.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Sign that it may not; one refusal blocks, also after activation, and is never taken back."""
    _vote(proposal_id, Vote.REFUSE, key, reason, home, as_json)


def list_all(home: Home = None, as_json: AsJson = False) -> None:
    """List all proposals and how they stand."""
    where = settings(home)
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
    """Show what was proposed, the evidence, who voted, and whether it all verifies."""
    where = settings(home)
    database, board = opened(where), Board.load(where.board)
    proposal = proposals.get(database, proposal_id)
    slug, text = _standing(database, proposal, board)
    cast = votes.of(database, proposal_id)
    evidence = EvidenceStore(where.home / "evidence").get(proposal.evidence_digest)
    if as_json:
        emit(
            {
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
    _show_statement(proposal)
    show_table(
        "Votes",
        ("member", "vote", "signed at", "reason", "verifies"),
        [
            (
                v.member,
                v.vote,
                isoformat(v.signed_at),
                escape(v.reason),
                _verifies(proposal, v, board),
            )
            for v in cast
        ],
    )
    facts = evidence if isinstance(evidence, dict) else {"": evidence}
    show_mapping("Evidence", {escape(k): escape(json.dumps(v)) for k, v in facts.items()})
    say(f"{slug}: {text}")


def _vote(
    proposal_id: str, choice: Vote, key: Path, reason: str, home: Path | None, as_json: bool
) -> None:

    where = settings(home)
    database, board = opened(where), Board.load(where.board)
    proposal = proposals.get(database, proposal_id)
    if not as_json:
        _show_statement(proposal)
    signed = proposals.vote(
        database, proposal_id, choice, board=board, key=keys.load(key), now=now(), reason=reason
    )
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
    say(f"{signed.member} signed: {signed.vote}. The proposal is now {slug}: {text}")


def _standing(database: Database, proposal: Proposal, board: Board) -> tuple[str, str]:
    """``approved``, or the cause why not; and a sentence."""
    cast = votes.of(database, proposal.proposal_id)
    try:
        approvers = verify_quorum(proposal, cast, board, now())
        Place.of(settings(database.home)).verify(proposal)
    except NotApproved as error:
        return error.metadata["cause"], error.message
    return "approved", f"by {', '.join(approvers)}"


def _verifies(proposal: Proposal, vote: Approval, board: Board) -> bool:

    try:
        signatures.verify(proposal, vote, board)
    except TrothError:
        return False
    return True


def _guardrails(where: Settings, file: Path | None, digest: str | None) -> str:
    from serving.guardrails.config import GuardrailConfig

    if file is not None and digest is not None:
        raise InvalidArgument("give the file or the digest, not both", field="guardrails")
    if digest is not None:
        return digest
    return (GuardrailConfig.read(file) if file else GuardrailConfig.installed(where.home)).digest


def _expiry(text: str, moment: datetime) -> datetime:
    days = text.removesuffix("d")
    if text.endswith("d") and days.isdecimal():
        return moment + timedelta(days=min(int(days), 36_500))
    return parse_time(text, "expires")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist", field="evidence") from None
    except ValueError as error:
        raise InvalidArgument(f"{path} is not JSON: {error}", field="evidence") from error


def _show_statement(proposal: Proposal) -> None:
    statement = proposal.statement()
    scope = statement.pop("scope")
    show_mapping("Proposal", {**statement, **{f"scope.{k}": str(v) for k, v in scope.items()}})
