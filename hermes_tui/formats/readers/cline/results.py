"""The results of Cline's tools: often a list with one answer for each command or file of a call."""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.model.messages import ErrorMark, changed
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import Normalised
from hermes_tui.parsers.tool_errors import judge
from hermes_tui.parsers.tool_results import error_findings


def with_answers(parts: Normalised) -> Normalised:
    """Return a message with its results converted to text if they are lists of answers."""
    results = []
    for result, diagnostics in parts.results:
        content = result.raw.get("content") if isinstance(result.raw, dict) else None
        text, why = text_of_answers(content)
        if text is None:
            results.append((result, diagnostics))
            continue
        mark = ErrorMark("flag", f"success: false: {title(why)}") if why else None
        shown = changed(result, content=text, error=mark, exit_code=judge(text).exit_code)
        results.append((shown, error_findings(mark)))
    return parts._replace(results=tuple(results))


def text_of_answers(content: Any) -> tuple[str | None, str]:
    """Return the text of a list of answers, and why the first failed answer failed.

    The text is None if `content` is not such a list; the reason is "" if no answer failed.
    """
    answers = fields.as_list(content)
    if not answers or not all(isinstance(one, dict) and "query" in one for one in answers):
        return None, ""
    texts = [_text(one) for one in answers]
    if len(answers) > 1:
        texts = [
            f"{fields.text_of(one['query'])}:\n{text}"
            for one, text in zip(answers, texts, strict=True)
        ]
    failed = (one for one in answers if one.get("success") is False)
    why = next((fields.text_of(one.get("error")) or "failed" for one in failed), "")
    return "\n".join(texts), why


def _text(answer: dict[str, Any]) -> str:
    result = fields.json_text(answer.get("result"))
    error = fields.text_of(answer.get("error"))
    return result if not error or error in result else "\n".join(filter(None, (result, error)))
