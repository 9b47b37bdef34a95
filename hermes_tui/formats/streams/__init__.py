"""Streams of events, and the replies that their pieces make up."""
