"""The Hypothesis profiles of all tests."""

import os

from hypothesis import settings

# The profiles are derandomized so that a failing test fails again on the next run. The environment variable
# HYPOTHESIS_PROFILE selects one: `long` tries more examples than `ci`, and `few` is for code that other tests cover.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, max_examples=50)
settings.register_profile("long", settings.get_profile("ci"), max_examples=2000)
settings.register_profile("few", settings.get_profile("ci"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
