"""A network that fails on request: a TCP proxy between bossctl and a server.

with proxied(server) as proxy:
    proxy.dsn("db")
    proxy.freeze()            # nothing more arrives on either side, and nobody is told
    proxy.thaw()
    proxy.cut()               # every connection is reset
    proxy.delay = 0.05        # seconds that each piece is under way
    proxy.refuse = True       # new connections are reset
    proxy.when(b"COMMIT", "lose", once=b"INSERT")   # what becomes of the first COMMIT after an INSERT:
                              # "lose" it, and the connection; "pass" it, then lose the connection, unanswered;
                              # "mute": pass it and all that follows, but no answer any more
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from bossctl.demo.server import Server

PIECE = 1 << 16
RESET = struct.pack("ii", 1, 0)


Deed = Literal["lose", "pass", "mute"]


@dataclass(frozen=True)
class Trap:
    """What springs on `words` that come after `once` on the same connection."""

    words: bytes
    deed: Deed
    once: bytes


@dataclass
class Way:
    """One connection through the proxy."""

    client: socket.socket
    server: socket.socket
    mute: bool = False
    armed: bool = False


class Proxy:
    """One listening port that leads to a server's TCP port."""

    def __init__(self, server: Server) -> None:
        self.delay = 0.0
        self.refuse = False
        self._server = server
        self._moving = threading.Event()
        self._moving.set()
        self._open: set[socket.socket] = set()
        self._trap: Trap | None = None
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def dsn(self, database: str = "postgres", **options: object) -> str:
        """A URL for a database of the server, by way of the proxy."""
        login = f"{self._server.user}:{quote(self._server.password, safe='')}"
        more = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://{login}@127.0.0.1:{self.port}/{quote(database, safe='')}?{more}"

    def freeze(self) -> None:
        """Nothing arrives any more."""
        self._moving.clear()

    def thaw(self) -> None:
        """What was held up arrives."""
        self._moving.set()

    def cut(self) -> None:
        """Reset every connection."""
        for one in list(self._open):
            self._reset(one)

    def when(self, words: bytes, deed: Deed, *, once: bytes = b"") -> None:
        """Lay a trap: see the module's text. It springs once."""
        self._trap = Trap(words, deed, once)

    def close(self) -> None:
        """Stop."""
        self._door.close()
        self.thaw()
        self.cut()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                try:
                    server = None if self.refuse else socket.create_connection(("127.0.0.1", self._server.tcp_port))
                except OSError:  # it was killed, and may come back
                    server = None
                if server is None:
                    self._reset(client)
                    continue
                self._open |= {client, server}
                way = Way(client, server)
                threading.Thread(target=self._ask, args=(way,), daemon=True).start()
                threading.Thread(target=self._answer, args=(way,), daemon=True).start()

    def _ask(self, way: Way) -> None:
        with suppress(OSError):
            while piece := way.client.recv(PIECE):
                self._on_its_way()
                deed = self._sprung(way, piece)
                if deed == "lose":
                    break
                way.mute = way.mute or deed is not None
                way.server.sendall(piece)
                if deed == "pass":
                    time.sleep(0.2)  # the server does it, and nobody hears
                    break
        self._end(way)

    def _answer(self, way: Way) -> None:
        with suppress(OSError):
            while piece := way.server.recv(PIECE):
                self._on_its_way()
                if not way.mute:
                    way.client.sendall(piece)
        self._end(way)

    def _on_its_way(self) -> None:
        time.sleep(self.delay)
        self._moving.wait()

    def _sprung(self, way: Way, piece: bytes) -> Deed | None:
        """What the trap does to this piece."""
        trap = self._trap
        if trap is None:
            return None
        place = piece.find(trap.once)
        if place < 0 and not way.armed:
            return None
        way.armed = True
        if trap.words not in piece[max(0, place) :]:
            return None
        self._trap = None
        return trap.deed

    def _end(self, way: Way) -> None:
        for one in (way.client, way.server):
            self._reset(one)

    def _reset(self, one: socket.socket) -> None:
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.shutdown(socket.SHUT_RDWR)
        self._open.discard(one)
        one.close()


@contextmanager
def proxied(server: Server) -> Iterator[Proxy]:
    """A proxy for the length of a block; the server must listen on TCP."""
    proxy = Proxy(server)
    try:
        yield proxy
    finally:
        proxy.close()
