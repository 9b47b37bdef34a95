"""The tool-call parsers of inference engines, emulated: what each would make of a text, and why."""
