"""What the tool of one call prints: whole once the call is over, and until then the end of it."""

from __future__ import annotations

from typing import Final

SHOWN_BYTES: Final = 16_384


class Prints(list[str]):
    """Holds what was printed as texts, once they are known; `hear` is told of it meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = 0
        """Bytes so far."""
        self._end = bytearray()

    def hear(self, data: bytes) -> None:
        """Take the next bytes; of them only the end is kept."""
        self.heard += len(data)
        self._end += data[-SHOWN_BYTES:]
        # Cutting only now and then keeps small additions cheap.
        if len(self._end) > 2 * SHOWN_BYTES:
            del self._end[:-SHOWN_BYTES]

    @property
    def whole(self) -> str:
        """All that was printed, of a call that is over."""
        return "".join(self)

    @property
    def end(self) -> str:
        """What was heard, of a longer text the last lines; of a long line its last part."""
        data = bytes(self._end[-SHOWN_BYTES:])
        if len(data) < self.heard:
            # What is cut could be half of a secret, which would not be known for one.
            _, _, lines = data.partition(b"\n")
            data = lines or data[len(data) // 2 :]
        return data.decode("utf-8", "backslashreplace")
