"""The inputs that this package was generated from, compared by `scripts/regenerate --check`."""

CONTRACT_VERSION = "1.0.0"
SPEC_SHA256 = "623e2348deaa2f48c8aa4a1bcd3a119d970ddc5e1b55632879f16705ab2dd339"
TEMPLATES_SHA256 = "afc750f69dfe092e31e450f7b4794fd579c75853657749740953048c5ab94261"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
