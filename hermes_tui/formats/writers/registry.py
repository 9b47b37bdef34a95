"""The writers of foreign formats, by the name that `export --to` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from hermes_tui.formats.writers import atif, html, markdown, openai, sharegpt
from hermes_tui.log.findings import Finding
from hermes_tui.model.events import Event


class Writer(Protocol):
    """Turns a run into the text of a file. Its text can always be encoded as UTF-8."""

    def __call__(self, events: Sequence[Event], findings: Sequence[Finding] = ()) -> str: ...


WRITERS: Final[Mapping[str, Writer]] = {
    "openai": openai.write,
    "sharegpt": sharegpt.write,
    "atif": atif.write,
    "markdown": markdown.write,
    "html": html.write,
}
