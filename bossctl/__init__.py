"""bossctl: a terminal UI and command line for job queues run by pg-boss."""

from __future__ import annotations

__version__ = "0.1.0"
