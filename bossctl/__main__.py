"""`bossctl` and `python -m bossctl`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the process's command line and return its exit code."""
    try:
        from bossctl.cli.main import main as run
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
