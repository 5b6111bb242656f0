"""Enums on the wire: members are named alike, behind the enum's own prefix."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from google.protobuf.descriptor import EnumDescriptor

from troth.catalogue import Channel
from troth.errors import InvalidArgument
from troth.text import quoted
from troth.types import OutcomeKind, ServedBy
from troth.v1 import decision_service_pb2 as pb
from troth.wire.refusals import Refuse, refuse_request

_UNSPECIFIED = "UNSPECIFIED"


class WireEnum:
    """One enum, both ways.

    Args:
        members: ours.
        descriptor: the wire's.
        what: what a number that is none of them is not.

    Attributes:
        to_wire: numbers by member.
        from_wire: members by number, without 0, which is what an absent field reads as.

    Raises:
        TypeError: if one of the two has a member that the other lacks.
    """

    def __init__(self, members: type[StrEnum], descriptor: EnumDescriptor, what: str) -> None:
        prefix = descriptor.values_by_number[0].name.removesuffix(_UNSPECIFIED)
        theirs = {
            value.name.removeprefix(prefix): value.number
            for value in descriptor.values
            if value.number != 0
        }
        ours = {member.name: member for member in members}
        if ours.keys() != theirs.keys():
            raise TypeError(
                f"{members.__name__} and {descriptor.full_name} differ in"
                f" {', '.join(sorted(ours.keys() ^ theirs.keys()))}"
            )
        self._what = what
        self.to_wire: dict[str, int] = {member: theirs[name] for name, member in ours.items()}
        self.from_wire = {number: member for member, number in self.to_wire.items()}

    def number(self, member: Any, field: str) -> int:
        """The number of ``member``.

        Raises:
            InvalidArgument: naming ``field``, if it is none.
        """
        number = self.to_wire.get(member) if isinstance(member, str) else None
        if number is None:
            raise InvalidArgument(f"{quoted(str(member))} is not {self._what}", field=field)
        return number

    def member(self, number: int, field: str, refuse: Refuse = refuse_request) -> Any:
        """The member with ``number``.

        Raises:
            TrothError: as ``refuse`` makes it for ``field``, if there is none.
        """
        member = self.from_wire.get(number)
        if member is None:
            raise refuse(field, str(number or ""), self._what)
        return member


ENUMS: Mapping[str, WireEnum] = {
    enum.full_name: WireEnum(members, enum, what)
    for members, enum, what in (
        (Channel, pb.Channel.DESCRIPTOR, "a channel"),
        (ServedBy, pb.ServedBy.DESCRIPTOR, "somebody who answers"),
        (OutcomeKind, pb.OutcomeKind.DESCRIPTOR, "a kind of outcome"),
    )
}
"""By the full name of the wire's enum."""
