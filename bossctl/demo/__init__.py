"""The embedded playground: PostgreSQL and Node from wheels, and a real pg-boss from npm.

Nothing here runs inside another server or uses a system PostgreSQL or Node: `server` starts PostgreSQL in a private
directory, `node` installs pg-boss into a cache, and both leave nothing running when the process that asked for them
ends, however it ends.
"""

from __future__ import annotations
