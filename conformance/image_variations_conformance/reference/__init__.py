"""The reference server: one that keeps the whole contract, and its faults, which each break it in one way."""

from .faults import FAULTS, Fault, UnknownFaultError, faulty
from .service import API_KEY, Service, ServiceOptions
from .serving import AddressUnavailableError, Running, ServingError, StartupError, running, serve

__all__ = [
    "API_KEY",
    "FAULTS",
    "AddressUnavailableError",
    "Fault",
    "Running",
    "Service",
    "ServiceOptions",
    "ServingError",
    "StartupError",
    "UnknownFaultError",
    "faulty",
    "running",
    "serve",
]
