"""The error that ends `image-variations vendor` with a message."""


class Refused(Exception):
    """The command cannot do what it was asked to. The message says why, and what to do."""
