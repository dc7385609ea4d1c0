"""A client library for accessing Image variations"""

from ._stamp import CONTRACT_VERSION as __version__
from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
    "__version__",
)
