# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The values of the enum `ImagesResponseQuality`."""

from typing import Literal, TypeAlias

ImagesResponseQuality: TypeAlias = Literal["low", "medium", "high"]
