"""A noun and its message: the same fields under the same names, translated by their types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Any, Generic, TypeVar

import numpy as np
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from troth.errors import InvalidArgument
from troth.text import quoted, shortened, visible
from troth.wire.enums import ENUMS, WireEnum
from troth.wire.refusals import Refuse, refuse_request
from troth.wire.times import from_time, to_time

N = TypeVar("N")
M = TypeVar("M", bound=Message)
R = TypeVar("R")

_LONGEST = 400
"""Characters of what is wrong with a message in JSON."""
Way = tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]
"""How a field is written, given its value, and read, given the message; ``None`` for as it is."""


class Form(Generic[N, M]):
    """How one noun travels.

    A scalar goes as it is and repeated ones as a tuple, floats as a float32 vector; times are
    aware UTC; enums go by :data:`troth.wire.enums.ENUMS`. What is absent reads as ``None`` if
    that is the field's default, and is refused otherwise.

    Args:
        noun: a dataclass.
        message: the wire's.
        refuse: makes the error for what cannot be read.
        names: the message's names of fields that are called otherwise there.
        inner: forms of messages within this one.
        beside: fields, of either, that the caller of :meth:`write` and :meth:`read` sees to.

    Raises:
        TypeError: if one of the two has a field that the other lacks.
    """

    def __init__(
        self,
        noun: type[N],
        message: type[M],
        *,
        refuse: Refuse = refuse_request,
        names: Mapping[str, str] | None = None,
        inner: tuple[Form[Any, Any], ...] = (),
        beside: tuple[str, ...] = (),
    ) -> None:
        self.noun, self.message = noun, message
        self._refuse = refuse
        self._inner = {form.message.DESCRIPTOR: form for form in inner}
        called, declared = names or {}, fields(noun)  # type: ignore[arg-type]
        ours = {called.get(f.name, f.name): f for f in declared if f.name not in beside}
        theirs = {f.name: f for f in message.DESCRIPTOR.fields if f.name not in beside}
        if ours.keys() != theirs.keys():
            raise TypeError(
                f"{noun.__name__} and {message.DESCRIPTOR.full_name} differ in"
                f" {', '.join(sorted(ours.keys() ^ theirs.keys()))}"
            )
        self._optional = {name for name, field in ours.items() if field.default is None}
        self._ways = [
            (ours[wire].name, wire, *self._way(ours[wire], field)) for wire, field in theirs.items()
        ]

    def write(self, noun: N, **given: Any) -> M:
        """The message of ``noun``.

        Args:
            noun: what to send.
            given: the message's values of fields, in place of the noun's.

        Raises:
            InvalidArgument: naming the field whose value does not fit.
        """
        values: dict[str, Any] = {}
        for name, wire, write, _ in self._ways:
            value = getattr(noun, name)
            if value is None and wire not in given and wire not in self._optional:
                raise InvalidArgument("is missing", field=wire)  # it would travel as 0 or as ""
            values[wire] = value if write is None or value is None else write(value)
        values.update(given)
        try:
            return self.message(**values)
        except (TypeError, ValueError) as error:
            raise self._unfit(values) from error

    def read(self, message: M, into: Callable[..., R], **given: Any) -> R:
        """The noun in ``message``.

        Args:
            message: as received.
            into: the noun, or a class with its fields.
            given: values of fields that are not to be read.

        Raises:
            TrothError: of the form's kind, naming the field that is missing or no such thing.
        """
        for name, wire, _, read in self._ways:
            if name not in given:
                given[name] = getattr(message, wire) if read is None else read(message)
        return into(**given)

    def parse(self, data: bytes) -> M:
        """The message in ``data``.

        Raises:
            InvalidArgument: naming ``request`` if it is no such message.
        """
        return parse(self.message, data)

    def parse_json(self, text: str) -> M:
        """The message in the protocol's JSON form.

        Raises:
            InvalidArgument: naming ``request`` if it is not JSON, or has a key or value that the
                message has not.
        """
        try:
            return json_format.Parse(text, self.message())
        except json_format.ParseError as error:
            said = visible(" ".join(str(error).split()))
            raise InvalidArgument(shortened(said, _LONGEST), field="request") from error

    def _unfit(self, values: Mapping[str, Any]) -> InvalidArgument:
        """Whose value the message refuses, found by trying one after another."""
        kind = "request" if self.message.DESCRIPTOR.name.endswith("Request") else "answer"
        for wire, value in values.items():
            try:
                self.message(**{wire: value})
            except (TypeError, ValueError) as error:
                return InvalidArgument(
                    f"{quoted(str(value))} does not fit the {kind}: {error}", field=wire
                )
        return InvalidArgument("its values do not fit together", field=kind)

    def _way(self, ours: Field[Any], theirs: Any) -> Way:
        wire, optional = theirs.name, ours.default is None
        if theirs.enum_type is not None:
            return self._enum(wire, ENUMS[theirs.enum_type.full_name], optional=optional)
        if theirs.message_type is Timestamp.DESCRIPTOR:
            return self._time(wire, optional=optional)
        if theirs.message_type is not None:
            form = self._inner[theirs.message_type]
            return (
                lambda nouns: [form.write(noun) for noun in nouns],
                lambda message: tuple(form.read(m, form.noun) for m in getattr(message, wire)),
            )
        if not theirs.is_repeated:
            return None, None
        if theirs.type == FieldDescriptor.TYPE_FLOAT:
            return None, lambda message: np.array(getattr(message, wire), dtype=np.float32)
        return None, lambda message: tuple(getattr(message, wire))

    def _enum(self, wire: str, enum: WireEnum, *, optional: bool) -> Way:
        def read(message: Any) -> Any:
            number = getattr(message, wire)
            return None if optional and not number else enum.member(number, wire, self._refuse)

        return lambda member: enum.number(member, wire), read

    def _time(self, wire: str, *, optional: bool) -> Way:
        def read(message: Any) -> Any:
            if not message.HasField(wire):
                if optional:
                    return None
                raise self._refuse(wire, "", "a time")
            stamp = getattr(message, wire)
            moment = to_time(stamp)
            if moment is None:
                raise self._refuse(wire, f"{stamp.seconds} s", "within the years 1 to 9999")
            return moment

        return lambda moment: from_time(moment, wire), read


def parse(kind: type[M], data: bytes) -> M:
    """The message of ``kind`` in ``data``.

    Raises:
        InvalidArgument: naming ``request`` if it is no such message.
    """
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise InvalidArgument(f"is not a {kind.__name__}", field="request") from error
    return message
