"""The command palette's source: the commands of the screen and the app."""

from __future__ import annotations

from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider

from bossctl.tui.commands import Offer, offers, run


class CommandProvider(Provider):
    """Finds commands by title. One that needs arguments opens the `:` line instead (`App.action_command_line`)."""

    def _enabled(self) -> list[Offer]:
        return [offer for offer in offers(self.screen) if offer.enabled]

    async def discover(self) -> Hits:
        """Every command, before anything is typed."""
        for offer in self._enabled():
            yield DiscoveryHit(offer.command.title, partial(_choose, offer), help=_help(offer))

    async def search(self, query: str) -> Hits:
        """Commands whose title or name matches."""
        matcher = self.matcher(query)
        for offer in self._enabled():
            text = f"{offer.command.title} :{offer.command.name}"
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), partial(_choose, offer), help=_help(offer))


async def _choose(offer: Offer) -> Any:
    if offer.command.needs:
        return await offer.owner.app.run_action(("", "command_line", (f"{offer.command.name} ",)))
    return await run(offer)


def _help(offer: Offer) -> str:
    keys = " ".join(offer.keys)
    return "   ".join(part for part in (keys, offer.command.tooltip) if part)
