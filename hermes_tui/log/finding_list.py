"""All findings of a run, packed: a long run may have one in each row, at 400 bytes an object."""

from __future__ import annotations

import zlib
from array import array
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cache
from typing import overload

import msgspec

from hermes_tui.log.findings import Finding
from hermes_tui.log.packing import packed

BLOCK = 256
UNPACKED_BLOCKS = 8
_NUMBER_BITS = 32
_NUMBER = (1 << _NUMBER_BITS) - 1


class FindingList(Sequence[Finding]):
    """Findings in the order in which they were made, and by the event that they are about.

    The latest are kept as objects; every `BLOCK` of them is packed to some 40 bytes each.
    """

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._latest: list[Finding] = []
        self._unpacked: OrderedDict[int, list[Finding]] = OrderedDict()
        self._by_seq = array("Q")
        """For each, its seq in the upper bits and its number in the lower ones; sorted."""

    def __getstate__(self) -> dict[str, object]:
        """Return the state for a copy, without the cache, which changes while findings are read."""
        return {**self.__dict__, "_unpacked": OrderedDict()}

    def __len__(self) -> int:
        return len(self._packed) * BLOCK + len(self._latest)

    @overload
    def __getitem__(self, number: int) -> Finding: ...

    @overload
    def __getitem__(self, number: slice) -> list[Finding]: ...

    def __getitem__(self, number: int | slice) -> Finding | list[Finding]:
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if number < 0:
            number += len(self)
        if not 0 <= number < len(self):
            raise IndexError(number)
        block, place = divmod(number, BLOCK)
        return self._block(block)[place]

    def __iter__(self) -> Iterator[Finding]:
        return (self[number] for number in range(len(self)))

    def append(self, finding: Finding) -> None:
        """Add one finding."""
        insort(self._by_seq, finding.seq << _NUMBER_BITS | len(self))
        self._latest.append(finding)
        if len(self._latest) == BLOCK:
            self._packed.append(zlib.compress(packed(self._latest), 1))
            self._latest = []

    def of(self, seq: int) -> list[Finding]:
        """Return the findings about event `seq`, in the order in which they were made."""
        place = bisect_left(self._by_seq, seq << _NUMBER_BITS)
        findings = []
        while place < len(self._by_seq) and self._by_seq[place] >> _NUMBER_BITS == seq:
            findings.append(self[self._by_seq[place] & _NUMBER])
            place += 1
        return findings

    def _block(self, number: int) -> list[Finding]:
        if number == len(self._packed):
            return self._latest
        if number in self._unpacked:
            self._unpacked.move_to_end(number)
            return self._unpacked[number]
        block = _decoder().decode(zlib.decompress(self._packed[number]))
        self._unpacked[number] = block
        if len(self._unpacked) > UNPACKED_BLOCKS:
            self._unpacked.popitem(last=False)
        return block


@cache
def _decoder() -> msgspec.msgpack.Decoder[list[Finding]]:
    return msgspec.msgpack.Decoder(list[Finding])
