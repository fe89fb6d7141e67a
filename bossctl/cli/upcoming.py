"""When schedules run next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bossctl.models.schedules import Schedule

if TYPE_CHECKING:
    from bossctl.store import Store
