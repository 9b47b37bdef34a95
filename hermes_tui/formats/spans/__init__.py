"""Traces: the tree of spans, and the conversations in them."""
