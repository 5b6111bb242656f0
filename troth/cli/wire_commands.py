"""``troth decide`` and ``troth protos``: what a channel system has without any extra."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from troth.cli.output import AsJson, emit, say, show_mapping, show_table
from troth.errors import AlreadyExists, InvalidArgument, NotFound
from troth.files import write_whole
from troth.settings import settings_of

if TYPE_CHECKING:
    from troth.client import TlsOptions

PROTO = "decision_service.proto"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("decide")(decide)
    app.command("protos")(protos)


def decide(
    request: Annotated[
        str,
        typer.Argument(help="The request as JSON, @FILE, or - for standard input."),
    ],
    address: Annotated[
        str | None, typer.Option(help="host:port of the service; TROTH_ADDRESS by default.")
    ] = None,
    tls: Annotated[
        bool, typer.Option("--tls", help="Encrypt; the other --tls options imply it.")
    ] = False,
    tls_ca: Annotated[
        Path | None, typer.Option(help="PEM of who vouches for the service; gRPC's by default.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="PEM of this client's certificate and its chain.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM of its private key.")] = None,
    tls_name: Annotated[
        str | None, typer.Option(help="Name in the service's certificate, if not the host's.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=VALUE sent with the call, or NAME=@FILE, which keeps a token out of the"
            " list of processes; may be repeated."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Ask a running service for one decision.

    The request is a DecideRequest in the protocol's JSON form: customerId, decisionPoint,
    features ("NaN" for unknown), featureSchemaDigest, and optionally triggeredJourneys,
    decidedAt and requestId.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # failures are said here, in one line
    from troth.client import DecisionClient, Question

    question = Question.from_json(_text(request))
    options = _tls(tls_ca, tls_cert, tls_key, tls_name, wanted=tls)
    with DecisionClient(
        address or settings_of().address, tls=options, metadata=_metadata(metadata or [])
    ) as client:
        answer = client.decide(question)
    if json:
        emit(answer.to_dict())
        return
    show_mapping(
        "Decision",
        {
            "decision": answer.decision_id,
            "action": f"{answer.action_id} ({answer.channel})",
            "send at": answer.send_at.isoformat(),
            "valid until": answer.valid_until.isoformat(),
            "holds": "yes" if answer.holds else f"NO: {', '.join(answer.void_reasons)}",
            "propensity": answer.propensity,
            "served by": f"{answer.served_by}: {', '.join(answer.reasons)}",
        },
    )
    if answer.verdicts:
        show_table(
            "Guardrails",
            ("guardrail", "reason", "refused", "share of the policy"),
            [(v.guardrail, v.reason, len(v.refused), v.mass) for v in answer.verdicts],
        )


def protos(
    out: Annotated[Path, typer.Option(help="Folder to write to; made if need be.")] = Path(
        "protos"
    ),
    json: AsJson = False,
) -> None:
    """Write the .proto of the service, for clients in other languages.

    It goes to OUT/troth/v1, so that OUT is the import path to give to protoc or buf. A file
    that is there already and says something else is left alone.
    """
    from importlib.resources import files

    text = (files("troth.v1") / PROTO).read_bytes()
    path = out / "troth" / "v1" / PROTO
    if path.exists() and path.read_bytes() != text:
        raise AlreadyExists("is of another release; remove it first", field=str(path))
    write_whole(path, text)
    if json:
        emit({"protos": [str(path)]})
    else:
        say(str(path))


def _tls(
    ca: Path | None, cert: Path | None, key: Path | None, name: str | None, *, wanted: bool
) -> TlsOptions | None:
    from troth.client import TlsOptions

    if not wanted and (ca, cert, key, name) == (None, None, None, None):
        return None
    return TlsOptions(
        root_certificates=_bytes(ca, "tls-ca"),
        private_key=_bytes(key, "tls-key"),
        certificate_chain=_bytes(cert, "tls-cert"),
        server_name=name,
    )


def _metadata(entries: list[str]) -> dict[str, str | bytes] | None:
    given: dict[str, str | bytes] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name:
            raise InvalidArgument("must be NAME=VALUE or NAME=@FILE", field="metadata")
        if value.startswith("@"):
            value = (_bytes(Path(value[1:]), "metadata") or b"").decode("utf-8", "replace").strip()
        given[name.lower()] = value
    return given or None


def _bytes(path: Path | None, field: str) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}", field=field) from error


def _text(request: str) -> str:
    if request == "-":
        return sys.stdin.read()
    if not request.startswith("@"):
        return request
    return (_bytes(Path(request[1:]), "request") or b"").decode("utf-8", "replace")
