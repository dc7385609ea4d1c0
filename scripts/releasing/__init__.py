"""Builds the sdist and the wheel, inspects them, and tries them in environments outside the checkout."""
