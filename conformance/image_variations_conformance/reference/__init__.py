"""The reference server: one that keeps the whole contract.

Its faults each break it in one way; its oddities are each unusual in one way, and keep it.
"""

from .app.service import API_KEY, Service, ServiceOptions
from .app.serving import AddressUnavailableError, Running, ServingError, StartupError, running, serve
from .faults import FAULTS, Fault, faulty
from .quirks import ODDITIES, Oddity, odd
from .variants import UnknownVariantError

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
    "UnknownVariantError",
    "faulty",
    "odd",
    "running",
    "serve",
]
