"""Clients that encrypt and say who they are, against servers with certificates made here."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from troth.cli.entry import build
from troth.client import Answer, AsyncDecisionClient, DecisionClient, Question, TlsOptions
from troth.client.connection import is_loopback
from troth.errors import InvalidArgument, Unauthenticated, Unavailable, Unimplemented
from troth.v1 import decision_service_pb2 as pb
from troth.v1.decision_service_pb2_grpc import (
    DecisionServiceServicer,
    add_DecisionServiceServicer_to_server,
)

QUESTION = Question(
    customer_id="C1", decision_point="daily", features=[1.0], feature_schema_digest="0" * 64
)
TOKEN = {"authorization": "Bearer s3cret"}


@dataclass(frozen=True)
class Party:
    """A key and the certificate that an authority gave it, in PEM."""

    key: bytes
    certificate: bytes


class Authority:
    """Gives certificates to whoever asks."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.party = self._party(self._key, name, authority=True)

    def give(self, name: str) -> Party:
        """A certificate for ``name``, a host's name or address."""
        return self._party(ec.generate_private_key(ec.SECP256R1()), name, authority=False)

    def _party(self, key: ec.EllipticCurvePrivateKey, name: str, *, authority: bool) -> Party:
        alternative: x509.GeneralName = x509.DNSName(name)
        if name[0].isdigit():
            alternative = x509.IPAddress(ipaddress.ip_address(name))
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Party(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            certificate.public_bytes(serialization.Encoding.PEM),
        )


class Service(DecisionServiceServicer):
    """Answers whoever brings the token, and notes what came with each call."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.refuse_first = 0

    def Decide(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer a request."""
        self.seen.append(dict(context.invocation_metadata()))
        if len(self.seen) <= self.refuse_first:
            context.set_code(grpc.StatusCode.UNAVAILABLE)
        elif "authorization" not in self.seen[-1]:
            context.set_code(grpc.StatusCode.UNAUTHENTICATED)
            context.set_details("no token\x1b[2J" + 2_000 * "x")
        answer = pb.DecideResponse(
            decision_id="d", channel=pb.CHANNEL_NONE, served_by=pb.SERVED_BY_MODEL
        )
        answer.send_at.FromDatetime(dt.datetime(2026, 3, 2, 9, 0))
        answer.valid_until.FromDatetime(dt.datetime(2026, 3, 2, 21, 0))
        return answer


@contextmanager
def serving(credentials: grpc.ServerCredentials | None = None) -> Iterator[tuple[Service, str]]:
    """A server on loopback, and its address."""
    service = Service()
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        add_DecisionServiceServicer_to_server(service, server)
        if credentials is None:
            port = server.add_insecure_port("127.0.0.1:0")
        else:
            port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        yield service, f"127.0.0.1:{port}"
        server.stop(None).wait()


def ask_sync(address: str, **options: Any) -> Answer:
    """Ask with the blocking client."""
    with DecisionClient(address, **options) as client:
        return client.decide(QUESTION)


def ask_async(address: str, **options: Any) -> Answer:
    """Ask with the asyncio client."""

    async def ask() -> Answer:
        async with AsyncDecisionClient(address, **options) as client:
            return await client.decide(QUESTION)

    return asyncio.run(ask())


Ask = Callable[..., Answer]


@pytest.fixture(params=[ask_sync, ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Both clients keep the same promises."""
    asked: Ask = request.param
    return asked


@pytest.fixture(scope="module")
def ours() -> Authority:
    """The authority that the client trusts."""
    return Authority("ours")


@pytest.fixture(scope="module")
def secure(ours: Authority) -> Iterator[tuple[Service, str]]:
    """A server with a certificate for its address."""
    party = ours.give("127.0.0.1")
    credentials = grpc.ssl_server_credentials([(party.key, party.certificate)])
    with serving(credentials) as served:
        yield served


def test_a_token_goes_encrypted(ask: Ask, ours: Authority, secure: tuple[Service, str]) -> None:
    """The service is known by its certificate, the caller by the token; gRPC's own objects too."""
    service, address = secure
    roots = ours.party.certificate
    assert ask(address, tls=TlsOptions(root_certificates=roots), metadata=TOKEN).decision_id == "d"
    assert service.seen[-1]["authorization"] == "Bearer s3cret"
    credentials = grpc.ssl_channel_credentials(roots)
    assert ask(address, credentials=credentials, metadata=TOKEN).decision_id == "d"


def test_a_stranger_is_not_trusted(ask: Ask, secure: tuple[Service, str]) -> None:
    """A certificate of another authority, or for another name, is refused at the first attempt."""
    service, address = secure
    service.seen.clear()
    theirs = TlsOptions(root_certificates=Authority("theirs").party.certificate)
    with pytest.raises(Unavailable, match=r"^failed to connect.*CERTIFICATE_VERIFY_FAILED"):
        ask(address, tls=theirs, metadata=TOKEN)
    assert service.seen == []  # the token did not leave


def test_the_name_in_the_certificate_counts(ask: Ask, ours: Authority) -> None:
    """One for another host is refused, unless the caller says that this is the one it expects."""
    party = ours.give("decisions.example")
    with serving(grpc.ssl_server_credentials([(party.key, party.certificate)])) as (_, address):
        roots = ours.party.certificate
        with pytest.raises(Unavailable) as refused:
            ask(address, tls=TlsOptions(root_certificates=roots), metadata=TOKEN)
        assert "attempts" not in refused.value.message  # one was enough
        named = TlsOptions(root_certificates=roots, server_name="decisions.example")
        assert ask(address, tls=named, metadata=TOKEN).decision_id == "d"


def test_the_client_has_a_certificate_too(ask: Ask, ours: Authority) -> None:
    """With mutual TLS the service refuses who has none."""
    party, channel = ours.give("127.0.0.1"), ours.give("channel")
    credentials = grpc.ssl_server_credentials(
        [(party.key, party.certificate)],
        root_certificates=ours.party.certificate,
        require_client_auth=True,
    )
    with serving(credentials) as (_, address):
        known = TlsOptions(
            root_certificates=ours.party.certificate,
            private_key=channel.key,
            certificate_chain=channel.certificate,
        )
        assert ask(address, tls=known, metadata=TOKEN).decision_id == "d"
        assert "PRIVATE" not in repr(known)
        unknown = TlsOptions(root_certificates=ours.party.certificate)
        with pytest.raises(Unavailable):
            ask(address, tls=unknown, metadata=TOKEN, deadline_s=0.5)


def test_each_attempt_has_a_fresh_token(ask: Ask) -> None:
    """A function is asked before each attempt: the token of a retry has not expired."""
    given: list[int] = []

    def token() -> dict[str, str]:
        given.append(len(given))
        return {"authorization": f"Bearer {len(given)}"}

    with serving() as (service, address):
        service.refuse_first = 1
        ask(address, metadata=token)
    assert [seen["authorization"] for seen in service.seen] == ["Bearer 1", "Bearer 2"]


def test_a_token_may_be_awaited() -> None:
    """The asyncio client takes a coroutine function."""

    async def token() -> dict[str, str]:
        await asyncio.sleep(0)
        return TOKEN

    with serving() as (_, address):
        assert ask_async(address, metadata=token).decision_id == "d"


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1:9700",
        "decisions.example:443",
        "dns:///decisions.example",
        "ipv4:127.0.0.1,10.0.0.1",
    ],
)
def test_no_token_leaves_the_machine_open(ask: Ask, address: str) -> None:
    """Neither a value nor a function is accepted; nothing is connected, nothing is called."""
    for metadata in (TOKEN, lambda: pytest.fail("was asked for a token")):
        with pytest.raises(InvalidArgument, match="metadata: may hold a token"):
            ask(address, metadata=metadata)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1:9700", True),
        ("127.5.6.7:1", True),
        ("[::1]:9700", True),
        ("localhost:9700", True),
        ("dns:///localhost:9700", True),
        ("ipv4:127.0.0.1:1,127.0.0.2:1", True),
        ("ipv6:[::1]:1", True),
        ("unix:/run/troth.sock", True),
        ("dns://8.8.8.8/localhost:9700", False),
        ("ipv4:127.0.0.1:1,10.0.0.2:1", False),
        ("0.0.0.0:9700", False),
        ("localhost.example:9700", False),
        ("127.0.0.1.example:9700", False),
        ("xds:///localhost", False),
        ("[::]:1", False),
        ("", False),
    ],
)
def test_loopback_is_told_by_the_address(address: str, local: bool) -> None:
    """What is not surely this machine is not."""
    assert is_loopback(address) is local


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorization", "Bearer s3cret\n"),
        ("Authorization", "Bearer s3cret"),
        ("grpc-timeout", "s3cret"),
        ("x y", "s3cret"),
        ("token-bin", "s3cret"),
        ("token", b"s3cret"),
    ],
)
def test_metadata_that_cannot_be_sent_is_refused(ask: Ask, name: str, value: Any) -> None:
    """By its name, without its value; also when a function gives it."""
    for metadata in ({name: value}, lambda: {name: value}):
        with pytest.raises(InvalidArgument, match="metadata") as refused:
            ask("127.0.0.1:9", metadata=metadata, deadline_s=0.2)
        assert "s3cret" not in str(refused.value)


def test_options_that_cannot_be_right_are_refused(ours: Authority) -> None:
    """What is not PEM, half a pair, or both ways to say it: at once, by field."""
    certificate = ours.party.certificate
    for field, options in (
        ("tls.root_certificates", {"root_certificates": b"not PEM"}),
        ("tls.root_certificates", {"root_certificates": certificate[:100] + certificate[180:]}),
        ("tls.certificate_chain", {"private_key": ours.party.key}),
        ("tls.private_key", {"certificate_chain": certificate}),
        ("tls.private_key", {"certificate_chain": certificate, "private_key": certificate}),
        ("tls.server_name", {"server_name": ""}),
    ):
        with pytest.raises(InvalidArgument) as refused:
            TlsOptions(**options)  # type: ignore[arg-type]
        assert refused.value.field == field
    with pytest.raises(InvalidArgument, match="credentials"):
        DecisionClient("x:1", tls=TlsOptions(), credentials=grpc.local_channel_credentials())


def test_who_is_not_known_is_told_so(ask: Ask) -> None:
    """A proxy's status is typed, its message cut; another service's too."""
    with serving() as (service, address):
        with pytest.raises(Unauthenticated, match="no token") as refused:
            ask(address)
        assert len(service.seen) == 1
        assert len(refused.value.message) < 600
    with ThreadPoolExecutor(1) as pool:
        other = grpc.server(pool)
        port = other.add_insecure_port("127.0.0.1:0")
        other.start()
        with pytest.raises(Unimplemented):
            ask(f"127.0.0.1:{port}")
        other.stop(None).wait()


def test_the_command_encrypts_and_says_who_asks(
    ours: Authority, secure: tuple[Service, str], tmp_path: Path
) -> None:
    """Files for authority, certificate and key; a token from a file, without its line's end."""
    service, address = secure
    channel = ours.give("channel")
    for name, content in (
        ("ca.pem", ours.party.certificate),
        ("cert.pem", channel.certificate),
        ("key.pem", channel.key),
        ("token", b"Bearer s3cret\n"),
    ):
        (tmp_path / name).write_bytes(content)
    request = '{"customerId": "C1", "decisionPoint": "daily"}'
    tls = [f"--tls-{n}={tmp_path / n}.pem" for n in ("ca", "cert", "key")]
    token = f"authorization=@{tmp_path / 'token'}"
    metadata = ("--metadata", token, "--metadata", "x-who=me")
    told = CliRunner().invoke(
        build(),
        ["decide", request, "--address", address, "--json", *tls, *metadata],
        catch_exceptions=False,
    )
    assert json.loads(told.stdout)["decision_id"] == "d", told.output
    assert service.seen[-1]["authorization"] == "Bearer s3cret"
    assert service.seen[-1]["x-who"] == "me"
    with pytest.raises(InvalidArgument, match="metadata: must be NAME=VALUE"):
        CliRunner().invoke(
            build(), ["decide", request, "--metadata", "token"], catch_exceptions=False
        )
