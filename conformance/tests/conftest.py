"""The Hypothesis profiles of all tests."""

import os
import signal

from hypothesis import settings

# The profiles are derandomized so that a failing test fails again on the next run. The environment variable
# HYPOTHESIS_PROFILE selects one: `long` tries more examples than `ci`, and `few` is for code that other tests cover.
settings.register_profile("ci", derandomize=True, deadline=None, database=None, max_examples=50)
settings.register_profile("long", settings.get_profile("ci"), max_examples=2000)
settings.register_profile("few", settings.get_profile("ci"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# A shell starts background jobs with SIGINT ignored, and what they start inherits that.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
