"""An installation of the two packages outside the checkout."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
COMMAND = "from image_variations_conformance.__main__ import main; main()"


class Installation:
    """The two packages as a wheel installs them, in a folder whose client a test may change. Not in a checkout."""

    def __init__(self, folder: Path) -> None:
        ignored = shutil.ignore_patterns("__pycache__")
        self.client = folder / "image_variations"
        self.folder = folder
        shutil.copytree(ROOT / "generated/image_variations", self.client, ignore=ignored)
        suite = "image_variations_conformance"
        shutil.copytree(ROOT / "conformance" / suite, folder / suite, ignore=ignored)

    def call(
        self, *arguments: str | Path, cwd: Path | None = None, without: str | None = None, encoding: str = "utf-8"
    ) -> subprocess.CompletedProcess[str]:
        """Run `image-variations` in a process of its own, as if the package `without` were not installed."""
        hidden = "" if without is None else f"import sys; sys.modules[{without!r}] = None; "
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONIOENCODING": encoding}
        return subprocess.run(
            [sys.executable, "-P", "-c", hidden + COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding=encoding,
            env=environment,
            cwd=cwd,
            check=False,
        )
