# Written by scripts/regenerate of image-variations from an OpenAPI document; _stamp.py says from which. Do not edit it:
# change the document, or scripts/templates, and run scripts/regenerate again.
"""The values of the enum `ImagesResponseBackground`."""

from typing import Literal, TypeAlias

ImagesResponseBackground: TypeAlias = Literal["transparent", "opaque"]
