"""The inputs that this package was generated from, compared by `scripts/regenerate --check`."""

CONTRACT_VERSION = "1.0.0"
SPEC_SHA256 = "623e2348deaa2f48c8aa4a1bcd3a119d970ddc5e1b55632879f16705ab2dd339"
TEMPLATES_SHA256 = "e2630812cefc95d55bf4902af45733c4dbfd056269847535e7720983c7ac6d1d"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
