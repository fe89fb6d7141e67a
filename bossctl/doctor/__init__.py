"""doctor: looks at a pg-boss schema for duplicates, stuck work and settings that cause either.

Readings (bossctl.store.readings) are taken in one read-only snapshot; checks are declarations with a pure judge over
them; `run` brings them together. A new check is one `Check` in a family's module, and perhaps one symptom or reading.
"""

from __future__ import annotations

from bossctl.doctor.catalogue import CHECKS
from bossctl.doctor.check import Check
from bossctl.doctor.runner import DoctorRequest, availability, choose, explain, run

__all__ = ["CHECKS", "Check", "DoctorRequest", "availability", "choose", "explain", "run"]
