"""The reference server: one that keeps the whole contract.

Its faults each break it in one way; its oddities are each unusual in one way, and keep it.
"""

from .faults import FAULTS, Fault, UnknownFaultError, faulty
from .oddities import ODDITIES, Oddity, UnknownOddityError, odd
from .service import API_KEY, Service, ServiceOptions
from .serving import AddressUnavailableError, Running, ServingError, StartupError, running, serve

__all__ = [
    "API_KEY",
    "FAULTS",
    "ODDITIES",
    "AddressUnavailableError",
    "Fault",
    "Oddity",
    "Running",
    "Service",
    "ServiceOptions",
    "ServingError",
    "StartupError",
    "UnknownFaultError",
    "UnknownOddityError",
    "faulty",
    "odd",
    "running",
    "serve",
]
