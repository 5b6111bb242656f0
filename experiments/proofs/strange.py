"""Strange calls: what a careless, broken or hostile caller may send.

Everything follows from one seed, but for identifiers and the time, which must be new. Methods and
fields are those of the descriptors, so that a new one is tried without being entered here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from troth.client import Question
from troth.clock import utc_now
from troth.streams import generator
from troth.v1 import decision_service_pb2 as pb

SERVICE = pb.DESCRIPTOR.services_by_name["DecisionService"]
METHODS = {
    f"/{SERVICE.full_name}/{method.name}": GetMessageClass(method.input_type)
    for method in SERVICE.methods
}
HURRIED_S = 0.004
PATIENT_S = 20.0

TEXTS = (
    *("", " ", "\0", "C1\n", "\x1b[2J", "\u202egnp.exe", "é" * 40, "😀" * 40),
    *("../../etc/passwd", "'; DROP TABLE decisions; --", "%s%n{0}", "NaN", "null", "-1"),
    *("A" * 129, "A" * 5_000, "\x1b" * 5_000, "é" * 20_000, "C1,C2", "\ufeffC1", "\ud7ff"),
)
WHOLE = (0, 1, -1, 99, 2**31 - 1, -(2**31), 2**53, -(2**53), 2**63 - 1, -(2**63))
REAL = (float("nan"), float("inf"), -float("inf"), -0.0, 1e-45, 3.4e38, -1.0, 1e6)
MANY = (0, 1, 2, 4, 257, 4097, 20_000)
SECONDS = (0, -1, 2**31, -62135596800, -62135596801, 253402300799, 253402300800, 2**62)
NANOS = (0, 1, -1, 999_999_999, 10**9, -(2**31))
MOST_CHARACTERS = 300_000
"""In one repeated field: more is tried as a whole, as too large."""
LARGE = (60_000, 66_000, 200_000, 1_000_000, 4_300_000)
OTHER_PATHS = (
    f"/{SERVICE.full_name}/Nope",
    f"/{SERVICE.full_name}/decide",
    f"/{SERVICE.full_name}/__init__",
    f"/{SERVICE.full_name}/check_health",
    f"/{SERVICE.full_name}/{'x' * 2000}",
    "/troth.v2.DecisionService/Decide",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.health.v1.Health/List",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/a/b/c",
    "/",
)
BROKEN_WIRE = (
    b"\x00\x00",  # field number 0
    b"\x0a\xff\xff\xff\xff\x0f",  # longer than there is
    b"\x0a\x05ab",  # ends too early
    b"\xff" * 11,  # a number that does not end
    b"\x0a\x02\xff\xfe",  # not UTF-8
    b"\x5b" * 200,  # groups in groups
    b"\x5b" * 20_000,
    b"\x5c",  # the end of none
    b"\x08\x01",  # a number where a text belongs
    b"\x0f",  # a wire type that is not
    b"\xc2\x3e\x03abc",  # a field that nobody knows: to be ignored
)


@dataclass(frozen=True)
class Call:
    """One call as it goes out.

    Attributes:
        kind: what is strange about it.
        path: ``/service/method``.
        body: of the message.
        metadata: sent with it.
        timeout_s: after which the caller gives it up.
        zipped: whether the body is compressed on the way.
    """

    kind: str
    path: str
    body: bytes
    metadata: tuple[tuple[str, str], ...] = ()
    timeout_s: float = PATIENT_S
    zipped: bool = False


class Strange:
    """Makes calls around one that can be answered.

    Args:
        question: which that is.
        seed: of everything but identifiers and the time.
    """

    def __init__(self, question: Question, seed: int) -> None:
        self._question = question
        self._rng = generator("strange calls", seed)
        self._kinds: Mapping[str, tuple[int, Callable[[], Call]]] = {
            "a field out of place": (50, self._field),
            "bytes changed": (15, self._changed),
            "bytes of no message": (10, self._broken),
            "another method": (8, self._method),
            "metadata": (7, self._metadata),
            "too large": (4, self._large),
            "given up at once": (6, self._hurried),
        }

    @property
    def kinds(self) -> tuple[str, ...]:
        """Their names, in a fixed order."""
        return tuple(self._kinds)

    def next(self) -> Call:
        """The next call."""
        weights = np.array([weight for weight, _ in self._kinds.values()], dtype=np.float64)
        kind = int(self._rng.choice(len(weights), p=weights / weights.sum()))
        return self._kinds[self.kinds[kind]][1]()

    def _field(self) -> Call:
        path, message = self._plausible()
        for _ in range(int(self._rng.integers(1, 4))):
            self._spoil(message)
        return Call("a field out of place", path, message.SerializeToString())

    def _changed(self) -> Call:
        path, message = self._plausible()
        body = bytearray(message.SerializeToString())
        for _ in range(int(self._rng.integers(1, 9))):
            at = int(self._rng.integers(len(body)))
            match int(self._rng.integers(4)):
                case 0:
                    body[at] = int(self._rng.integers(256))
                case 1:
                    body[at] ^= 1 << int(self._rng.integers(8))
                case 2:
                    body[at:at] = self._rng.bytes(int(self._rng.integers(1, 6)))
                case _:
                    del body[at + 1 :]
        return Call("bytes changed", path, bytes(body))

    def _broken(self) -> Call:
        path, message = self._plausible()
        body = message.SerializeToString()
        broken = self._one(BROKEN_WIRE)
        parts = (
            broken,
            body + broken,
            broken + body,
            self._rng.bytes(int(self._rng.integers(300))),
        )
        return Call("bytes of no message", path, self._one(parts))

    def _method(self) -> Call:
        _, message = self._plausible()
        body = self._one((b"", message.SerializeToString(), b"\x0a\x04nope", b"\xff\xff"))
        return Call("another method", self._one(OTHER_PATHS), body)

    def _metadata(self) -> Call:
        path, message = self._plausible()
        names = (
            "application",
            "request_id",
            "multiplexed_model_id",
            "session_id",
            "x-forwarded-for",
        )
        values = ("", "nope", "x" * 3000, "troth", "../..", "%00", "-1")
        pair = (self._one(names), self._one(values))
        return Call("metadata", path, message.SerializeToString(), metadata=(pair,))

    def _large(self) -> Call:
        path, message = self._plausible()
        size = self._one(LARGE)
        body = message.SerializeToString()
        filling = self._one((b"\0" * size, self._rng.bytes(size)))
        # In a field that nobody knows, or in the first one, which is a text.
        number = self._one((0xC2, 0x0A))
        tag = b"\xc2\x3e" if number == 0xC2 else b"\x0a"
        body += tag + _varint(size) + (filling if number == 0xC2 else b"A" * size)
        return Call("too large", path, body, zipped=bool(self._rng.integers(2)))

    def _hurried(self) -> Call:
        path, message = self._plausible()
        timeout = float(self._rng.uniform(0.0, HURRIED_S))
        return Call("given up at once", path, message.SerializeToString(), timeout_s=timeout)

    def _plausible(self) -> tuple[str, Message]:
        """A method and a message that it could be asked with."""
        path = self._one(tuple(METHODS))
        kind = METHODS[path]
        if kind is pb.DecideRequest:
            asked = self._question.to_message()
            asked.request_id = str(uuid.uuid4())
            return path, asked
        message = kind()
        for field in kind.DESCRIPTOR.fields:
            if field.message_type is not None:
                getattr(message, field.name).seconds = int(utc_now().timestamp())
            elif field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
                setattr(message, field.name, self._text(field.name))
            elif field.enum_type is not None:
                setattr(message, field.name, 2)
        return path, message

    def _text(self, name: str) -> str:
        if name == "customer_id":
            return self._question.customer_id
        return str(uuid.uuid4()) if name.endswith("_id") else "marketing"

    def _spoil(self, message: Message) -> None:
        """Give one field a value that it should not have."""
        field = self._one(tuple(message.DESCRIPTOR.fields))
        if field.is_repeated:
            values = [self._odd(field) for _ in range(4)]
            each = sum(len(str(value)) for value in values) // 4 + 1
            values = (values * 5_000)[: min(self._one(MANY), MOST_CHARACTERS // each)]
            message.ClearField(field.name)
            getattr(message, field.name).extend(values)
        elif field.message_type is not None:
            stamp = getattr(message, field.name)
            stamp.SetInParent()
            stamp.seconds, stamp.nanos = self._one(SECONDS), self._one(NANOS)
        else:
            setattr(message, field.name, self._odd(field))

    def _odd(self, field: FieldDescriptor) -> Any:
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._one(TEXTS)
        if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
            return self._one(REAL)
        if field.type == FieldDescriptor.TYPE_BOOL:
            return bool(self._rng.integers(2))
        most = 2**63 if field.type == FieldDescriptor.TYPE_INT64 else 2**31
        return self._one(tuple(value for value in WHOLE if -most <= value < most))

    def _one(self, values: tuple[Any, ...]) -> Any:
        return values[int(self._rng.integers(len(values)))]


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes((*encoded, value))
