"""The command-line tools from npm that tests need, as `benchmark.node` installs them."""

import pytest
from benchmark import node
from benchmark.environments import Unavailable


def node_tool(package: str, command: str) -> list[str]:
    """The words that run the tool `command` of the npm `package`, which is installed first where it is not yet.

    Skips the test where there is no node. An installation that fails is an error, not a skip.
    """
    try:
        return node.node_tool(package, command)
    except node.InstallationFailed:
        raise
    except Unavailable as reason:
        pytest.skip(str(reason))
