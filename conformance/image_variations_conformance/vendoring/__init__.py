"""`image-variations vendor`: copy the client into a source tree, compare the copy, and bring it up to date.

These modules import the standard library, attrs and `version` alone, so that the command works without the extra
[conformance].
"""
