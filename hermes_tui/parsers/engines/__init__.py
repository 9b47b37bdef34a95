"""The tool-call parsers of inference engines, emulated: how each would read a text, and why."""
