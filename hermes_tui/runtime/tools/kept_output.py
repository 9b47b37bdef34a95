"""The head and the tail of an output of any length, in bounded memory."""

from __future__ import annotations


class KeptOutput:
    """Keeps at most `limit` bytes: the first half and the last half of what is added."""

    def __init__(self, limit: int) -> None:
        self._head_limit = limit // 2
        self._tail_limit = limit - self._head_limit
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.total += len(data)
        room = self._head_limit - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if len(data) >= self._tail_limit:
            self._tail[:] = data[len(data) - self._tail_limit :]
            return
        self._tail += data
        # Cutting only now and then keeps small additions cheap.
        if len(self._tail) > 2 * self._tail_limit:
            del self._tail[: len(self._tail) - self._tail_limit]

    def text(self) -> str:
        """Return the kept output; a line between the halves says how many bytes were left out."""
        tail = bytes(self._tail[max(0, len(self._tail) - self._tail_limit) :])
        head = bytes(self._head)
        if self.total == len(head) + len(tail):
            return _decoded(head + tail)
        head, tail = _whole_end(head), _whole_start(tail)
        left_out = self.total - len(head) - len(tail)
        return f"{_decoded(head)}\n[{left_out:,} bytes left out]\n{_decoded(tail)}"


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _whole_start(data: bytes) -> bytes:
    """Drop the rest of a split character at the start (at most three bytes)."""
    for skip in range(min(4, len(data))):
        if data[skip] & 0xC0 != 0x80:
            return data[skip:]
    return data


def _whole_end(data: bytes) -> bytes:
    """Drop the beginning of a split character at the end."""
    for back in range(1, min(4, len(data)) + 1):
        lead = data[-back]
        if lead & 0xC0 == 0x80:
            continue
        length = 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        return data[:-back] if length > back else data
    return data
