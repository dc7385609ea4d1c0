"""What the contract says of its server and its API key.

These are the values of no contract, for checks of this folder; scripts/regenerate writes those of the document.
"""

DEFAULT_BASE_URL = "http://127.0.0.1:8000"
BASE_URL_VARIABLE = "BASE_URL"
API_KEY_VARIABLE = "API_KEY"
KEY_IS_REQUIRED = True
USER_AGENT = "client-python/0"
