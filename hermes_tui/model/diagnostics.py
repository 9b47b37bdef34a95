"""Findings about a run: a code, a severity, a place and a hint on what to do about it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from hermes_tui.model.spans import Span


class Severity(StrEnum):
    """How bad a finding is.

    `error`: the intended call was not delivered as meant. `warning`: it was delivered, but
    altered. `note`: it was delivered only by luck, or the finding is worth knowing.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Code(StrEnum):
    """What was found. The first block is about messages and their links, the rest about parsing."""

    CALL_IN_CONTENT = "CALL_IN_CONTENT"
    TOOL_CALLS_EMPTY = "TOOL_CALLS_EMPTY"
    ID_MISSING = "ID_MISSING"
    ID_DUPLICATE = "ID_DUPLICATE"
    CALL_UNANSWERED = "CALL_UNANSWERED"
    RESULT_ORPHAN = "RESULT_ORPHAN"
    NO_ANSWER = "NO_ANSWER"
    """The run ends when a reply of the model was due."""
    NAME_UNKNOWN = "NAME_UNKNOWN"
    NAME_MISSING = "NAME_MISSING"
    ARGS_INVALID = "ARGS_INVALID"
    ARGS_DOUBLE = "ARGS_DOUBLE"
    ARGS_NOT_OBJECT = "ARGS_NOT_OBJECT"
    ARGS_OBJECT = "ARGS_OBJECT"
    TRUNCATED = "TRUNCATED"
    TOOL_ERROR = "TOOL_ERROR"
    REQUEST_ERROR = "REQUEST_ERROR"
    RUN_ERROR = "RUN_ERROR"
    """The run ended in an error that the source attributes to neither a request nor a tool."""
    REPLY_SHAPE = "REPLY_SHAPE"
    STREAM_CUT = "STREAM_CUT"
    ERROR_IN_REPLY = "ERROR_IN_REPLY"
    TOOLS_UNSEEN = "TOOLS_UNSEEN"
    UNKNOWN_ROLE = "UNKNOWN_ROLE"
    SOURCE_DEFECT = "SOURCE_DEFECT"
    JUDGED_WRONG = "JUDGED_WRONG"
    """People judged that the run went wrong here."""

    NO_MARKER = "NO_MARKER"
    WRONG_FORMAT = "WRONG_FORMAT"
    MARKER_VARIANT = "MARKER_VARIANT"
    MARKER_IN_PROSE = "MARKER_IN_PROSE"
    MARKER_IN_REASONING = "MARKER_IN_REASONING"
    MARKER_IN_FENCE = "MARKER_IN_FENCE"
    UNCLOSED = "UNCLOSED"
    ORPHAN_CLOSE = "ORPHAN_CLOSE"
    NESTED_OPEN = "NESTED_OPEN"
    MARKER_IN_VALUE = "MARKER_IN_VALUE"
    EXTRA_TEXT = "EXTRA_TEXT"
    MULTI_PAYLOAD = "MULTI_PAYLOAD"
    EMPTY_BLOCK = "EMPTY_BLOCK"
    STRAY_SPECIAL = "STRAY_SPECIAL"
    SIBLING_VOIDED = "SIBLING_VOIDED"
    NAME_TYPE = "NAME_TYPE"
    NAME_DECORATED = "NAME_DECORATED"
    BAD_QUOTES = "BAD_QUOTES"
    INNER_QUOTE = "INNER_QUOTE"
    RAW_CONTROL = "RAW_CONTROL"
    BAD_ESCAPE = "BAD_ESCAPE"
    SURROGATE = "SURROGATE"
    TRAILING_COMMA = "TRAILING_COMMA"
    COMMENT = "COMMENT"
    PY_LITERAL = "PY_LITERAL"
    NONFINITE = "NONFINITE"
    LEADING_ZERO = "LEADING_ZERO"
    BRACES_EXTRA = "BRACES_EXTRA"
    BRACES_MISSING = "BRACES_MISSING"
    DUP_KEY = "DUP_KEY"
    ARGS_KEY = "ARGS_KEY"
    ARGS_STRING = "ARGS_STRING"
    PARAM_UNCLOSED = "PARAM_UNCLOSED"
    PARAM_PAIRING = "PARAM_PAIRING"
    JSON_INVALID = "JSON_INVALID"
    """The payload is not JSON, and no narrower code applies."""
    EXPR_NOT_LITERAL = "EXPR_NOT_LITERAL"
    VALUE_TRIMMED = "VALUE_TRIMMED"
    COERCED = "COERCED"
    COERCE_FAILED = "COERCE_FAILED"
    TYPE_GUESSED = "TYPE_GUESSED"
    SCHEMA_VIOLATION = "SCHEMA_VIOLATION"
    SILENT_DROP = "SILENT_DROP"
    CALLED_EMPTY = "CALLED_EMPTY"
    RAW_ARGS = "RAW_ARGS"
    PARSER_RAISED = "PARSER_RAISED"
    PARSER_TIMEOUT = "PARSER_TIMEOUT"
    CONTENT_LOST = "CONTENT_LOST"
    STREAM_DIVERGES = "STREAM_DIVERGES"
    ENGINES_DISAGREE = "ENGINES_DISAGREE"
    HIDDEN_BY_SERVER = "HIDDEN_BY_SERVER"


class Diagnostic(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One finding. `span` is in characters of the text it was found in; None if it has no place."""

    code: Code
    severity: Severity
    message: str
    span: Span | None = None
    hint: str = ""
    call_index: int | None = None
    """Position of the call among the calls of its message; None: about the message as a whole."""


def finding_start(diagnostic: Diagnostic) -> int:
    """Return the character at which a finding starts, or 0 if it has no span."""
    return diagnostic.span.start if diagnostic.span else 0
