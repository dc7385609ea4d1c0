"""What all tests share: how Hypothesis goes about them."""

import os

from hypothesis import settings

# The same examples each time, so that a red test stays red. HYPOTHESIS_PROFILE=long looks further; `few` is for what
# was looked at already in another way.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, max_examples=50)
settings.register_profile("long", settings.get_profile("ci"), max_examples=2000)
settings.register_profile("few", settings.get_profile("ci"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
