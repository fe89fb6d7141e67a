"""Which screen shows a place. Screens are imported where they are opened: it halves the time to the first one."""

from __future__ import annotations

from bossctl.tui.desk import Desk
from bossctl.tui.places import (
    FindingsPlace,
    JobPlace,
    JobsPlace,
    LogPlace,
    Place,
    QueuePlace,
    QueuesPlace,
    SchedulesPlace,
    SystemPlace,
    WorkersPlace,
)
from bossctl.tui.screens.base import BossScreen
from bossctl.tui.screens.queues import QueuesScreen


def screen_for(desk: Desk, place: Place) -> BossScreen:
    """A new screen for a place. Raises UsageError for a place that cannot be, such as jobs by a bad expression."""
    match place:
        case QueuesPlace():
            return QueuesScreen(desk, place)
        case QueuePlace():
            from bossctl.tui.screens.queue import QueueScreen

            desk.last_queue = place.name
            return QueueScreen(desk, place)
        case JobsPlace():
            from bossctl.tui.screens.jobs import JobsScreen

            return JobsScreen(desk, place)
        case JobPlace():
            from bossctl.tui.screens.job import JobScreen

            desk.last_job = place
            return JobScreen(desk, place)
        case FindingsPlace():
            from bossctl.tui.screens.findings import FindingsScreen

            return FindingsScreen(desk, place)
        case SchedulesPlace():
            from bossctl.tui.screens.schedules import SchedulesScreen

            return SchedulesScreen(desk, place)
        case LogPlace():
            from bossctl.tui.screens.log import LogScreen

            return LogScreen(desk, place)
        case WorkersPlace():
            from bossctl.tui.screens.workers import WorkersScreen

            return WorkersScreen(desk, place)
        case SystemPlace():
            from bossctl.tui.screens.system import SystemScreen

            return SystemScreen(desk, place)
