"""The inputs that this package was generated from, compared by `scripts/regenerate --check`."""

CONTRACT_VERSION = "1.1.0"
SPEC_SHA256 = "fd438107d9c845260103e16908e2967cb0f168180f21222ca8f296fde034a070"
TEMPLATES_SHA256 = "c4fac67a0148b7ecf5d648b717340bfbf3ac646a4b15b18ddbc778be009cbe66"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
