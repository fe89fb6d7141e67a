"""What the command line's tests share is shared here too."""

from __future__ import annotations

from tests.cli.conftest import bossctl, clean_environment

__all__ = ["bossctl", "clean_environment"]
