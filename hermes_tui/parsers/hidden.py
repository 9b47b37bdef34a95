"""Finds what a server withheld, by comparing the raw completion with the message made from it.

    completion = (content | reasoning | call | markup | hidden)*

Markup is what every server removes: reasoning tags, end-of-turn tokens, the section markers of
calls that did arrive, and white space around all these. Hidden text is text that reached neither
the content, nor the reasoning, nor a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import Message, Origin, ToolSpec
from hermes_tui.model.spans import Span, gaps
from hermes_tui.model.wording import counted, first_line
from hermes_tui.parsers.hidden_calls import call_spans
from hermes_tui.parsers.normalise import TextCalls, normalise_message
from hermes_tui.parsers.reasoning_tags import ALL_NAMES
from hermes_tui.parsers.recognise import flag_for, formats_in

MAX_FINDINGS = 20
MAX_PIECES = 32
"""The most pieces that a text may be cut into by what a server takes out of it."""
SHORTEST_PIECE = 8
"""The length from which a piece that is found further on is not a coincidence."""

_MARKUP = re.compile(
    rf"(?:\s|</?(?:{ALL_NAMES})>"
    r"|\[/?THINK\]|</?s>|<eos>|<bos>|</?(?:start|end)_of_turn>"
    r"|<\|(?:start|channel|constrain)\|>[\w.]{0,40}"
    r"|<\|(?!tool|python|action|plugin)[\w▁]{1,40}\|>|<｜(?!tool|DSML)[^<>｜\n]{1,60}｜>)++"
)
_CALL_MARKUP = re.compile(
    r"(?:\s|</?[^\s<>{}]{1,60}>|\[/?[A-Z_]{2,20}\]|functools|<\|plugin\|>|```(?:json)?|[\[\],;])++"
)
_END_TOKEN = re.compile(r"(?:<\|im_end\|>|<\|eot_id\|>|<\|endoftext\|>|</s>)\Z")


class PartKind(StrEnum):
    """What became of a piece of the raw completion."""

    CONTENT = "content"
    REASONING = "reasoning"
    CALL = "call"
    MARKUP = "markup"
    HIDDEN = "hidden"


class Part(NamedTuple):
    """A piece of the raw completion. `call` is the index of the call that it became."""

    span: Span
    kind: PartKind
    call: int | None = None


class ComparedCompletion(NamedTuple):
    """A raw completion compared with its message: `parts` cover `text` in order."""

    text: str
    parts: tuple[Part, ...]
    diagnostics: tuple[Diagnostic, ...]


def compare_completion(
    text: str, message: Any, tools: Sequence[ToolSpec] = ()
) -> ComparedCompletion:
    """Return what became of every character of the completion in `message`; never raises.

    `message` is the server's reply: a mapping or an SDK object.
    """
    found = normalise_message(message, text_calls=TextCalls.IGNORE, role="assistant")
    claims = _Claims(text)
    missing: list[Diagnostic] = []
    for thought in _thoughts(found.message):
        claims.place(thought, PartKind.REASONING)
    calls = [call for call, _ in found.calls if call.origin is not Origin.TEXT]
    spans = call_spans(text, calls, tools) if calls else {}
    claims.claim(Part(span, PartKind.CALL, index) for index, span in spans.items())
    left_out = claims.place(found.message.text, PartKind.CONTENT)
    if left_out:
        do = "does" if left_out == 1 else "do"
        missing.append(_not_in_tokens(f"{counted(left_out, 'character')} of the content {do}"))
    for index, call in enumerate(calls):
        if index not in spans:
            missing.append(_not_in_tokens(f"the call of {call.name or 'no name'} does", index))
    parts = tuple(_covering(text, claims.parts, has_calls=bool(spans)))
    return ComparedCompletion(text, parts, (*_findings(text, parts), *missing))


def _thoughts(message: Message) -> Iterator[str]:
    for piece in message.reasoning:
        if piece.span is None and piece.kind != "encrypted":
            yield piece.text


class _Claims:
    """The completion and the parts of it that are claimed so far, in order."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.parts: list[Part] = []

    def claim(self, parts: Iterable[Part]) -> None:
        """Claim what is unclaimed of these parts; of two that overlap the first wins."""
        free, at, position = self.gaps(), 0, 0
        for part in sorted(parts, key=attrgetter("span")):
            position = max(position, part.span.start)
            while at < len(free) and position < part.span.end:
                start, end = max(free[at].start, position), min(free[at].end, part.span.end)
                if start < end:
                    self.parts.append(part._replace(span=Span(start, end)))
                if free[at].end > part.span.end:
                    break
                at += 1
            position = max(position, part.span.end)
        self.parts.sort(key=attrgetter("span"))

    def gaps(self) -> tuple[Span, ...]:
        return gaps([part.span for part in self.parts], len(self.text))

    def place(self, target: str, kind: PartKind) -> int:
        """Claim the places of `target`, whole or in pieces; return how many characters are left."""
        target = target.strip()
        if not target:
            return 0
        free = self.gaps()
        for gap in free:
            if (at := self.text.find(target, gap.start, gap.end)) >= 0:
                self.claim([Part(Span(at, at + len(target)), kind)])
                return 0
        pieces = _Pieces(self.text, target)
        for gap in free:
            pieces.take(gap, is_last=gap == free[-1])
        self.claim(Part(span, kind) for span in pieces.found)
        return pieces.left_out()


class _Pieces:
    """Finds a text in another one in pieces, in order, each as long as possible."""

    def __init__(self, text: str, target: str) -> None:
        self.found: list[Span] = []
        self._text, self._target = text, target
        self._position = 0
        self._tries = 0
        self._missing = 0

    def take(self, gap: Span, *, is_last: bool) -> None:
        """Search one gap for the rest of the text."""
        start = gap.start
        while self._position < len(self._target) and start < gap.end and self._tries < MAX_PIECES:
            self._tries += 1
            at, length = self._longest(start, gap.end)
            rest = len(self._target) - self._position
            if not length or (length < min(SHORTEST_PIECE, rest) and at != start):
                # If there are more gaps, the next piece may be in one of them.
                if not is_last:
                    return
                self._skip_word()
                continue
            self.found.append(Span(at, at + length))
            self._position += length
            start = at + length
            self._skip_space()

    def left_out(self) -> int:
        """Return how many characters, not counting white space, were not found."""
        return self._missing + len("".join(self._target[self._position :].split()))

    def _longest(self, start: int, end: int) -> tuple[int, int]:
        """Return place and length of the longest prefix of the rest that is in the range.

        The place is -1 and the length 0 if there is none.
        """
        known, at = 0, -1
        limit = min(len(self._target) - self._position, end - start)
        while known < limit:
            middle = (known + limit + 1) // 2
            head = self._target[self._position : self._position + middle]
            place = self._text.find(head, start, end)
            if place < 0:
                limit = middle - 1
            else:
                known, at = middle, place
        return at, known

    def _skip_word(self) -> None:
        word = self._target.find(" ", self._position + 1)
        end = word if word >= 0 else len(self._target)
        self._missing += len("".join(self._target[self._position : end].split()))
        self._position = end
        self._skip_space()

    def _skip_space(self) -> None:
        rest = self._target[self._position :]
        self._position += len(rest) - len(rest.lstrip())


def _covering(text: str, claimed: list[Part], *, has_calls: bool) -> Iterator[Part]:
    """Yield parts that cover the text: what is unclaimed is markup or hidden."""
    position = 0
    before: Part | None = None
    for part in [*claimed, Part(Span(len(text), len(text)), PartKind.MARKUP)]:
        gap = Span(position, part.span.start)
        beside_call = has_calls and PartKind.CALL in (part.kind, before and before.kind)
        if gap.start < gap.end:
            yield from _unclaimed(text, gap, beside_call=beside_call)
        if part.span.start < part.span.end:
            yield part
        position, before = part.span.end, part


def _unclaimed(text: str, gap: Span, *, beside_call: bool) -> Iterator[Part]:
    piece = text[gap.start : gap.end]
    if _MARKUP.fullmatch(piece) or (beside_call and _CALL_MARKUP.fullmatch(piece)):
        yield Part(gap, PartKind.MARKUP)
        return
    left = len(piece) - len(piece.lstrip())
    right = len(piece.rstrip())
    # An end token after hidden text is not part of it.
    closing = _END_TOKEN.search(piece, max(0, right - 20), right)
    if closing is not None:
        right = len(piece[: right - len(closing[0])].rstrip())
    for start, end, kind in (
        (0, left, PartKind.MARKUP),
        (left, right, PartKind.HIDDEN),
        (right, len(piece), PartKind.MARKUP),
    ):
        if start < end:
            yield Part(Span(gap.start + start, gap.start + end), kind)


def _findings(text: str, parts: Sequence[Part]) -> Iterator[Diagnostic]:
    hidden = [part.span for part in parts if part.kind is PartKind.HIDDEN]
    for span in hidden[:MAX_FINDINGS]:
        piece = text[span.start : span.end]
        formats = formats_in(piece)
        what = "a call" if formats else counted(len(span), "character")
        shown = first_line(piece[formats[0].span.start if formats else 0 :], 80)
        message = f"hidden by the server: {what} that the model wrote: {shown}"
        hint = "text that is in no field of the message; the token pane shows where it was"
        if formats:
            flag = flag_for(formats[0].format)
            hint = "its tool parser lost the call" + (f"; try {flag}" if flag else "")
        severity = Severity.ERROR if formats else Severity.WARNING
        yield Diagnostic(Code.HIDDEN_BY_SERVER, severity, message, span, hint)


def _not_in_tokens(what: str, call: int | None = None) -> Diagnostic:
    return Diagnostic(
        Code.REPLY_SHAPE,
        Severity.NOTE,
        f"{what} not occur in the tokens that came with logprobs",
        hint="the server changed it, or gives logprobs for only a part of the reply",
        call_index=call,
    )
