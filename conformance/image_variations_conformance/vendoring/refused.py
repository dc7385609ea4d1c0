"""The error that ends `image-variations vendor` with a message."""


class Refused(Exception):
    """The command cannot do what it was asked to. The message says why, and what to do."""


class NoCheckout(Refused):
    """The client of a profile takes a checkout of the project, and this is an installation."""
