"""A sandbox of our own: the binary, started on a free port."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import LeapdayError

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.01
LOG_TAIL = 2_000

# The sandbox in a process group of its own, with a watcher who ends the group once our end of the pipe is closed: by
# stop(), or because this process is gone, in whatever way.
GUARDED = 'exec 3<&0 </dev/null; (cat <&3 >/dev/null 2>&1; kill 0) & exec "$@" 3<&-'


def find_binary(binary: str | os.PathLike[str] | None) -> str:
    """Find the binary: the one that is named, else ``LEAPDAY_BIN``, else ``leapday`` on the path."""
    named = os.fspath(binary) if binary is not None else os.environ.get("LEAPDAY_BIN")
    found = shutil.which(named or "leapday")
    if found is None:
        where = f"{named!r} is no program" if named else "there is no `leapday` on PATH"
        raise LeapdayError(
            f"cannot start a sandbox: {where}. Build it (cargo build --release), then put it on PATH or set"
            " LEAPDAY_BIN; or connect to one that runs: Sandbox.connect(url)"
        )
    return os.path.abspath(found)


class Process:
    """The running binary."""

    def __init__(self, binary: str, flags: Sequence[str], env: Mapping[str, str]) -> None:
        """Start it and wait until it listens."""
        self._child: subprocess.Popen[bytes] | None = None
        folder = tempfile.mkdtemp(prefix="leapday-")
        endpoints, log = Path(folder, "endpoints.json"), Path(folder, "log")
        command = [binary, "--port", "0", "--endpoints-file", str(endpoints), *flags]
        try:
            with log.open("wb") as out:
                self._child = subprocess.Popen(
                    ["/bin/sh", "-c", GUARDED, "leapday", *command],
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=out,
                    env={**os.environ, **env},
                    start_new_session=True,
                )
            atexit.register(self.stop)
            self.endpoints = self._wait(self._child, endpoints, log)
        except BaseException:
            self.stop()
            raise
        finally:
            # Both are for the start only; the sandbox writes on where nobody looks.
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def _wait(child: subprocess.Popen[bytes], endpoints: Path, log: Path) -> dict[str, Any]:
        deadline = time.monotonic() + START_TIMEOUT_S
        # The file is renamed into place once the sandbox listens: that it is there means that it is whole.
        while not endpoints.exists():
            ended = child.poll()
            if ended is not None or time.monotonic() > deadline:
                how = f"ended with {ended}" if ended is not None else f"did not listen within {START_TIMEOUT_S:g} s"
                raise LeapdayError(f"the sandbox {how}: {log.read_text(errors='replace')[-LOG_TAIL:].strip()}")
            time.sleep(POLL_S)
        read: dict[str, Any] = json.loads(endpoints.read_text())
        return read

    def stop(self) -> None:
        """Stop it; a second time does nothing."""
        child, self._child = self._child, None
        if child is not None and child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
            try:
                child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        atexit.unregister(self.stop)
