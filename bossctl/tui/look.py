"""How the app looks: themes, one of high contrast, the frame in a context's colour, and the choice that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from textual.theme import BUILTIN_THEMES, Theme

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#3d7bff",
    secondary="#ffd700",
    accent="#ffff00",
    warning="#ffd700",
    error="#ff6b6b",
    success="#5cff5c",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    boost="#262626",
    dark=True,
    text_alpha=1.0,
    variables={
        "text-muted": "#e0e0e0",
        "text-disabled": "#b0b0b0",
        "text-error": "#ff9a9a",
        "text-warning": "#ffd700",
        "text-success": "#7dff7d",
        "text-primary": "#7df3ff",
        "text-secondary": "#ffe566",
        "text-accent": "#ffff66",
        "foreground-muted": "#e0e0e0",
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "footer-key-foreground": "#ffff00",
        "footer-description-foreground": "#ffffff",
        "border": "#ffffff",
        "scrollbar": "#ffffff",
        "scrollbar-background": "#000000",
    },
)
"""White on black: a contrast of 7 to 1 in the frame, of 4.5 to 1 under the cursor."""

THEMES: tuple[str, ...] = (*sorted(BUILTIN_THEMES), HIGH_CONTRAST.name)

_FRAMES: Mapping[str, str] = {
    "red": "#8b0a1a",
    "orange": "#8a4600",
    "yellow": "#5f5200",
    "green": "#0b5d2e",
    "cyan": "#005f69",
    "blue": "#0b3d91",
    "purple": "#5b2a86",
    "pink": "#8c1d5f",
}
"""Dark enough for white text on every theme, at 6 to 1 or better."""


def frame_variables(colour: str | None, theme: Mapping[str, str]) -> dict[str, str]:
    """The style variables of header, footer and dialogs: the theme's own, or a context's colour."""
    frame = _FRAMES.get(colour or "")
    if frame is not None:
        texts = dict.fromkeys(("frame-text", "frame-title", "frame-key", "frame-label"), "#ffffff")
        return {"frame": frame, "frame-footer": frame, "frame-line": frame, **texts}
    return {
        "frame": theme["panel"],
        "frame-text": theme["foreground"],
        "frame-title": theme["text-accent"],
        "frame-footer": theme["footer-background"],
        "frame-key": theme["footer-key-foreground"],
        "frame-label": theme["footer-description-foreground"],
        "frame-line": theme["primary"],
    }


def kept_theme(memory: Path | None) -> str | None:
    """The theme that was chosen last; None for none, or one that is no more."""
    if memory is None:
        return None
    import json

    try:
        found = json.loads(memory.read_text(encoding="utf-8"))["theme"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found in THEMES else None


def keep_theme(memory: Path | None, theme: str) -> None:
    """Keep a choice for the next time, where that can be written; only its owner can read it."""
    if memory is not None:
        import json

        with suppress(OSError):
            memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            waiting = memory.with_suffix(".new")
            waiting.unlink(missing_ok=True)
            waiting.touch(mode=0o600, exist_ok=False)
            waiting.write_text(json.dumps({"theme": theme}), encoding="utf-8")
            waiting.replace(memory)
