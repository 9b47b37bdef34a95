"""The printed output of a tool during one call: its end while the tool runs, then all of it."""

from __future__ import annotations

from typing import Final

SHOWN_BYTES: Final = 16_384


class Prints(list[str]):
    """A list of the printed texts, added when complete; `on_output` takes bytes meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = 0
        """The number of bytes so far."""
        self._end = bytearray()

    def on_output(self, data: bytes) -> None:
        """Take the next bytes; only the last ones of all are kept."""
        self.heard += len(data)
        self._end += data[-SHOWN_BYTES:]
        # Cutting only now and then keeps small additions cheap.
        if len(self._end) > 2 * SHOWN_BYTES:
            del self._end[:-SHOWN_BYTES]

    @property
    def whole(self) -> str:
        """The whole output of a call that has ended."""
        return "".join(self)

    @property
    def end(self) -> str:
        """The output so far; only the last lines of a long text, only the end of a long line."""
        data = bytes(self._end[-SHOWN_BYTES:])
        if len(data) < self.heard:
            # The first line is cut and could hold half of a secret, which would not be recognised.
            _, _, lines = data.partition(b"\n")
            data = lines or data[len(data) // 2 :]
        return data.decode("utf-8", "backslashreplace")
