"""Property tests here say how fast something must be where that matters; a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("bossctl", deadline=None)
settings.load_profile("bossctl")
