"""The exception that ends an exchange."""

from __future__ import annotations

from ..wire.exchange import Failure, FailureKind, NotTested
from ..wire.reasons import Reason


class ExchangeFailed(Exception):
    """Raised when an exchange ends without a response that can be judged; `outcome` is the outcome of the exchange."""

    def __init__(self, outcome: Failure | NotTested) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome

    @classmethod
    def failed(cls, kind: FailureKind, message: str) -> ExchangeFailed:
        """Return the exception for a failure of this kind."""
        return cls(Failure(kind, message))

    @classmethod
    def not_tested(cls, reason: Reason) -> ExchangeFailed:
        """Return the exception for an exchange that cannot be judged."""
        return cls(NotTested(reason))
