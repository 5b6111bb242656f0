"""How a client knows its service, and the service its client."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

import grpc

from troth.errors import InvalidArgument

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_KEY = b"PRIVATE KEY-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """TLS on the way to the service; PEM throughout.

    Attributes:
        root_certificates: of the authorities that may vouch for the service; ``None`` for those
            that gRPC brings (or the file ``GRPC_DEFAULT_SSL_ROOTS_FILE_PATH`` names).
        private_key, certificate_chain: by which the service knows this client (mutual TLS);
            both or neither. The chain begins with the client's own certificate.
        server_name: the name that the service's certificate must carry, where that is not the
            host of its address.

    Raises:
        InvalidArgument: naming the field that is not PEM, or is missing.
    """

    root_certificates: bytes | None = None
    private_key: bytes | None = field(default=None, repr=False)
    certificate_chain: bytes | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        if (self.private_key is None) != (self.certificate_chain is None):
            missing = "private_key" if self.private_key is None else "certificate_chain"
            raise InvalidArgument(
                "a client's key and its certificates go together", field=f"tls.{missing}"
            )
        if self.root_certificates is not None:
            _require_certificates(self.root_certificates, "tls.root_certificates")
        if self.certificate_chain is not None:
            _require_certificates(self.certificate_chain, "tls.certificate_chain")
        if self.private_key is not None and _KEY not in self.private_key:
            raise InvalidArgument("holds no private key in PEM", field="tls.private_key")
        if self.server_name == "":
            raise InvalidArgument("is empty", field="tls.server_name")

    def credentials(self) -> grpc.ChannelCredentials:
        """The same for gRPC."""
        return grpc.ssl_channel_credentials(
            self.root_certificates, self.private_key, self.certificate_chain
        )


def _require_certificates(pem: bytes, name: str) -> None:
    """Refuse here what gRPC would retry as a broken connection until the deadline."""
    if _CERTIFICATE not in pem:
        raise InvalidArgument("holds no certificate in PEM", field=name)
    try:
        ssl.create_default_context(cadata=pem.decode("ascii", errors="replace"))
    except (ssl.SSLError, ValueError) as error:
        raise InvalidArgument("a certificate in it cannot be read", field=name) from error
