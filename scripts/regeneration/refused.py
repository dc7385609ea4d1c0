"""The one exception by which a step of the regeneration ends the run."""


class Refused(Exception):
    """The run cannot go on; the text says what is wrong and what to do, for a person to read."""
