"""`--fail-on`: the codes of findings that decide the exit code."""

from __future__ import annotations

from hermes_tui.model.errors import UsageError, near_hint


def failing_codes(text: str | None) -> frozenset[str]:
    """Return the codes in a text such as `A,b`, or none if it is None.

    Raises UsageError if it names none, or an unknown one.
    """
    if text is None:
        return frozenset()
    # Loaded only if needed: the first paint waits for the imports above.
    from hermes_tui.model.diagnostics import Code

    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    known = [str(code) for code in Code]
    if not names:
        raise UsageError(
            "--fail-on: no code is named", "give some, as in CALL_IN_CONTENT,TRUNCATED"
        )
    for name in names:
        if name not in known:
            hint = near_hint(name, known, f"known: {', '.join(known)}")
            raise UsageError(f"--fail-on: no code is called {name!r}", hint)
    return frozenset(names)
