"""A page that is followed: a folder, a sandbox, a shell that lives on."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

BLOCK_S = 20
POLL_S = 0.02
# What pages say; each page has ports of its own.
SANDBOX, APP = 4010, 3000
ADDRESS = re.compile(rf"""\b((?:127\.0\.0\.1|localhost)(?::|", ))({SANDBOX}|{APP})\b""")
# What of this process a page sees: its own settings only, as those of a newcomer.
KEPT = ("LANG", "TERM", "TMPDIR", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY")


class Wrong(Exception):
    pass


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Session:
    def __init__(self, folder, binary, more_path=()):
        self.folder, self.aside = folder / "page", folder / "aside"
        home, tools = folder / "home", folder / "bin"
        for made in (self.folder, self.aside, home, tools):
            made.mkdir()
        (tools / "leapday").symlink_to(binary)
        self.ports = {SANDBOX: None, APP: free_port()}
        self.number = 0
        path = [str(tools), str(Path(sys.executable).parent), *more_path, os.environ["PATH"]]
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "HOME": str(home),
            "PATH": os.pathsep.join(path),
            "NO_PROXY": "127.0.0.1,localhost",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }
        self.server = None
        self.shell = self._start(["bash"], stdin=subprocess.PIPE)
        self._serve(lambda: self._start([binary], env=self.environment | self._serving()).pid)
        self._say("set -eu")

    def close(self):
        for group in (self.shell.pid, *([self.server] if self.server else [])):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        self.shell.stdin.close()
        self.shell.wait()

    def local(self, text):
        """What a page says, for the ports that it has here."""
        return ADDRESS.sub(lambda found: f"{found[1]}{self.ports[int(found[2])]}", text)

    def as_shown(self, text):
        """What was printed, as a page shows it."""
        for shown, port in self.ports.items():
            text = re.sub(rf"\b(127\.0\.0\.1|localhost):{port}\b", rf"\1:{shown}", text)
        return text

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.local(text).rstrip("\n") + "\n", encoding="utf-8")
        return path

    def sh(self, text):
        """Runs in the shell of the page: what was printed, or how it went wrong."""
        self.number += 1
        block = self.aside / f"{self.number}.sh"
        block.write_text(self.local(text) + "\n", encoding="utf-8")
        out, err, done = (block.with_suffix(suffix) for suffix in (".out", ".err", ".done"))
        self._say(f". '{block}' >'{out}' 2>'{err}' </dev/null; : >'{done}'")
        self._wait(lambda: done.exists() or self.shell.poll() is not None, lambda: self._told(out, err))
        if not done.exists():
            raise Wrong(f"exit code {self.shell.returncode}\n{self._told(out, err)}")
        return self.as_shown(out.read_text(encoding="utf-8", errors="replace"))

    def program(self, command):
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | self._here(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BLOCK_S,
        )
        if done.returncode != 0:
            raise Wrong(f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return self.as_shown(done.stdout)

    def serve(self, text):
        """Starts what the block says in the place of the sandbox that there is, which is stopped first, kindly."""
        os.kill(self.server, signal.SIGTERM)
        gone = Path(f"/proc/{self.server}")
        self._wait(lambda: not running(gone), lambda: "the sandbox does not stop")

        def start():
            block = self.aside / "serve.sh"
            variables = "".join(f"export {name}='{value}'\n" for name, value in self._serving().items())
            block.write_text(variables + self.local(text) + "\n", encoding="utf-8")
            self._say(f"( . '{block}' ) >'{self.aside / 'serve.log'}' 2>&1 </dev/null &")

        self._serve(start)

    def _serve(self, start):
        endpoints = self.aside / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        log = self.aside / "serve.log"
        start()
        self._wait(endpoints.exists, lambda: log.read_text() if log.exists() else "")
        text = endpoints.read_text()
        self.server = int(re.search(r'"pid": (\d+)', text)[1])
        self.ports[SANDBOX] = int(re.search(r'"base_url": "http://[\d.]+:(\d+)"', text)[1])
        for name, value in self._here().items():
            self._say(f"export {name}='{value}'")

    def _serving(self):
        """Once a page has had a port it keeps it: its functions go on to work."""
        port = self.ports[SANDBOX] or 0
        endpoints = self.aside / "endpoints.json"
        return {"LEAPDAY_PORT": str(port), "LEAPDAY_ENDPOINTS_FILE": str(endpoints), "LEAPDAY_STRICT": "1"}

    def _here(self):
        port = self.ports[SANDBOX]
        return {"LEAPDAY_PORT": str(port), "LEAPDAY_URL": f"http://127.0.0.1:{port}"}

    def _start(self, command, **more):
        quiet = subprocess.DEVNULL
        settings = {"cwd": self.folder, "env": self.environment, "start_new_session": True} | more
        return subprocess.Popen(command, **({"stdin": quiet} | settings), stdout=quiet, stderr=quiet, text=True)

    def _say(self, line):
        with contextlib.suppress(BrokenPipeError):
            self.shell.stdin.write(line + "\n")
            self.shell.stdin.flush()

    @staticmethod
    def _told(*files):
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files if file.exists())

    @staticmethod
    def _wait(ready, why):
        end = time.monotonic() + BLOCK_S
        while not ready():
            if time.monotonic() > end:
                raise Wrong(f"not done after {BLOCK_S} s\n{why()}")
            time.sleep(POLL_S)


def running(process):
    """Whether a folder of /proc is that of a process that is more than a memory."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
