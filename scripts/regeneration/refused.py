"""The exception that ends a regeneration."""


class Refused(Exception):
    """The run cannot continue. The message says what is wrong and what to do."""
