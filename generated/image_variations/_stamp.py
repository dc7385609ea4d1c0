"""What this package was generated from. `scripts/regenerate --check` compares it with what it finds."""

CONTRACT_VERSION = "1.0.0"
SPEC_SHA256 = "ab3ae0da30f61fe03f1cf91a1d84828927d6f9a2628d18131874406fd2c23fef"
TEMPLATES_SHA256 = "6e1f3c266b7298481a4363a9df6a0e3b0de0de4a79ce1edb96f767c896725144"
GENERATOR = "openapi-python-client 0.29.1"
FORMATTER = "ruff 0.17.6"
