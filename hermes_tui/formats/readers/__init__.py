"""The formats: a module each, or a package whose `reader.py` is the format.

None imports another: what several need is in the packages beside this one.
"""
