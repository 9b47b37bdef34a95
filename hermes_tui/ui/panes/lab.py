"""The panes of the lab: the text with the fate of each part, and the lists next to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.style import Style

from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.spans import Span
from hermes_tui.ui.lab.fates import Fate, Piece
from hermes_tui.ui.lab.model import LabModel
from hermes_tui.ui.lab.stream import StreamModel
from hermes_tui.ui.render.lab import ResultRow, step_row
from hermes_tui.ui.render.lab_text import STEP_SUFFIX, Caret, LabDocument
from hermes_tui.ui.render.rows import sign_of
from hermes_tui.ui.widgets.row_list import RowList, Rows
from hermes_tui.ui.widgets.text_view import TextView

NO_TEXT = "the message has no text: its calls, if any, arrived parsed"
Resolve = Callable[[str], Style]


def with_step(resolve: Resolve) -> Resolve:
    """Return a resolver that also knows, for each style, the underlined one of the current step."""

    def styles(name: str) -> Style:
        if name.endswith(STEP_SUFFIX):
            return resolve(name.removesuffix(STEP_SUFFIX)) + resolve("lab.here")
        return resolve(name)

    return styles


class LabTextPane(TextView):
    """Shows the text. The span of the step is underlined, carets mark the failure."""

    def __init__(self, resolve: Resolve) -> None:
        super().__init__(resolve=with_step(resolve), id="text", empty=NO_TEXT)
        self._match_ranges: list[tuple[int, int]] = []
        self._shown: object = None

    def set_resolve(self, resolve: Resolve) -> None:
        super().set_resolve(with_step(resolve))

    @property
    def lab_document(self) -> LabDocument | None:
        document = self.document
        return document if isinstance(document, LabDocument) else None

    def show(self, model: LabModel, stream: StreamModel | None = None) -> None:
        """Show the text at the current step, or at the current delta of a stream."""
        width = self.scrollable_content_region.width or 80
        key = (model.text, id(model.result), model.step, model.pointed, width, self.wrap,
               stream and (id(stream.reading), stream.at))  # fmt: skip
        if key == self._shown:
            return
        self._shown = key
        pieces: Sequence[Piece]
        if stream is not None:
            pieces, step, caret = _stream_pieces(stream, len(model.text)), _delta_span(stream), None
        else:
            pieces, step, caret = model.pieces(), model.span(), _caret(model)
        document = LabDocument(
            model.text, pieces, step=step, caret=caret, width=width if self.wrap else 1 << 20
        )
        self.set_document(document, keep_position=True)
        self._show_matches()
        if step is not None:
            self.reveal_span(step)
        if caret is not None and (step is None or step.overlaps(caret.span)):
            self.reveal_span(caret.span)
            self.reveal(document.caret_line)
        elif step is None and stream is None and model.result.calls:
            self.reveal_span(model.result.calls[0].span)

    def reveal_span(self, span: Span) -> None:
        """Scroll until the end of a span and then its start are visible."""
        document = self.lab_document
        if document is not None:
            self.reveal(*document.place(span.end))
            self.reveal(*document.place(span.start))

    def mark_matches(self, found: list[tuple[int, int]], current: int | None) -> None:
        """Mark the matches of a search, and reveal the current one."""
        self._match_ranges = found
        self._show_matches()
        if current is not None:
            self.reveal_span(Span(*found[current]))

    def _show_matches(self) -> None:
        document = self.lab_document
        if document is None:
            return
        places = []
        for start, end in self._match_ranges:
            line, character = document.place(start)
            places.append((line, character, character + end - start))
        self.set_matches(places)


def _caret(model: LabModel) -> Caret | None:
    finding = model.failure()
    if finding is None or finding.span is None:
        return None
    return Caret(finding.span, f"{finding.code}: {finding.message}", sign_of(finding.severity)[1])


def _stream_pieces(stream: StreamModel, length: int) -> list[Piece]:
    at = stream.read_to
    parts = [Piece(0, at, Fate.CONTENT), Piece(at, length, Fate.UNREAD)]
    return [piece for piece in parts if piece.start < piece.end]


def _delta_span(stream: StreamModel) -> Span | None:
    if stream.reading is None or not stream.at:
        return None
    before = stream.reading.deltas[stream.at - 2].end if stream.at > 1 else 0
    return Span(before, stream.read_to)


class StepsPane(RowList):
    """Lists the steps of the parse; the other panes follow its cursor."""

    def __init__(self, model: LabModel, resolve: Resolve) -> None:
        super().__init__(resolve=resolve, id="steps", empty="reading …")
        self._model = model
        self._shown: object = None

    def go(self, index: int, *, quiet: bool = False) -> None:
        super().go(index, quiet=quiet)
        if not quiet:
            # Not when `Moved` arrives: a view drawn before that would move the cursor back.
            self._model.go(self.cursor)

    def show(self) -> None:
        """Show the steps of the model, and put the cursor on its current step."""
        model = self._model
        if model.result is self._shown:
            self.go(model.step, quiet=True)
            return
        self._shown = model.result
        steps = model.steps
        digits = max(3, len(str(len(steps) - 1)))
        rows = Rows(
            steps.__len__,
            lambda index, width: step_row(steps[index], index, width, digits=digits),
        )
        self.set_source(rows, cursor=model.step)


class ResultPane(RowList):
    """Lists the result of the steps so far; each row may lead to a place in the text."""

    def __init__(self, resolve: Resolve) -> None:
        super().__init__(resolve=resolve, id="result")
        self._rows: list[ResultRow] = []

    def show(self, rows: list[ResultRow], *, keep_cursor: bool) -> None:
        """Show these rows, with the cursor where it was or on the first row."""
        if rows == self._rows:
            return
        self._rows = rows
        source = Rows(rows.__len__, lambda index, width: rows[index].segments)
        self.set_source(source, cursor=self.cursor if keep_cursor else 0)

    @property
    def target(self) -> Diagnostic | Span | None:
        """The finding or span that the row under the cursor leads to, or None."""
        return self._rows[self.cursor].target if self.cursor < len(self._rows) else None
