"""The way to a service: its address, whether it is encrypted, and what goes with each call."""

from __future__ import annotations

import inspect
import ipaddress
import re
from typing import Any, cast

import grpc
from grpc import aio

from troth.client.metadata import AsyncMetadataSource, Metadata, Pairs, to_pairs
from troth.client.tls import TlsOptions
from troth.errors import InvalidArgument

_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.enable_retries", 0),  # ours know what is safe
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
_SCHEME = re.compile(r"(dns|ipv4|ipv6):(///)?")  # a name server in between may say anything
_PORT = re.compile(r":\d+$")


class Connection:
    """Where the service is and how it is talked to.

    Args:
        address: ``host:port``, or a target of gRPC's such as ``dns:///host:port``.
        tls: TLS with these options; without it and ``credentials`` nothing is encrypted.
        credentials: gRPC's own, in place of ``tls``; that they encrypt is the caller's to know.
        metadata: sent with every call.

    Raises:
        InvalidArgument: if both ``tls`` and ``credentials`` are given, if the metadata cannot be
            sent, or if it would go unencrypted over a network: it may hold a token.
    """

    def __init__(
        self,
        address: str,
        tls: TlsOptions | None,
        credentials: grpc.ChannelCredentials | None,
        metadata: AsyncMetadataSource | None,
    ) -> None:
        if not address:
            raise InvalidArgument("is empty", field="address")
        if tls is not None and credentials is not None:
            raise InvalidArgument("give tls or credentials, not both", field="credentials")
        self._credentials = tls.credentials() if tls is not None else credentials
        if metadata is not None and self._credentials is None and not is_loopback(address):
            raise InvalidArgument(
                f"may hold a token, and the way to {address[:64]!r} is not encrypted: give tls",
                field="metadata",
            )
        self._address = address
        self._source = metadata if callable(metadata) else None
        self._pairs: Pairs = () if metadata is None or callable(metadata) else to_pairs(metadata)
        self._options = list(_OPTIONS)
        if is_loopback(address):
            self._options.append(("grpc.enable_http_proxy", 0))  # a proxy is not loopback
        if tls is not None and tls.server_name is not None:
            self._options.append(("grpc.ssl_target_name_override", tls.server_name))

    def open(self) -> grpc.Channel:
        """A channel for blocking calls."""
        if self._credentials is None:
            return grpc.insecure_channel(self._address, options=self._options)
        return grpc.secure_channel(self._address, self._credentials, options=self._options)

    def open_async(self) -> aio.Channel:
        """A channel for the running event loop."""
        if self._credentials is None:
            return aio.insecure_channel(self._address, options=self._options)
        return aio.secure_channel(self._address, self._credentials, options=self._options)

    def metadata(self) -> Pairs:
        """What goes with the next attempt; a function is asked anew."""
        if self._source is None:
            return self._pairs
        return to_pairs(cast("Metadata", self._source()))

    async def metadata_async(self) -> Pairs:
        """The same; a coroutine function is awaited."""
        if self._source is None:
            return self._pairs
        given = self._source()
        return to_pairs(await given if inspect.isawaitable(given) else given)


def is_loopback(address: str) -> bool:
    """Whether calls to ``address`` stay on this machine, as far as the text of it tells."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    hosts = (_PORT.sub("", part) for part in _SCHEME.sub("", address, count=1).split(","))
    return all(_is_local(host.strip("[]")) for host in hosts)


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
