"""`python -m image_variations_conformance` is the command `image-variations`."""

from .cli import main

main()
