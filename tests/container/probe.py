"""Runs a static binary as a container engine would, and asks whether all works there.

The root holds the binary, /etc/hosts, /etc/resolv.conf (an engine puts them there) and /data, and nothing else: no
shell, no users, no /proc, no certificates. It is read-only but for /data; the binary is PID 1 of a namespace of its
own and runs as 65532 in an environment that holds what the image sets and no HOME. Started by `run`, in a network of
its own.
"""

import argparse
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

IMAGE = {"LEAPDAY_HOST": "0.0.0.0", "LEAPDAY_CA_DIR": "/data/ca"}
PORT = 4010
USER = 65532
NAMED_BY_DNS, BY_DNS = "receiver.by-dns.test", "127.0.0.3"
NAMED_BY_HOSTS, BY_HOSTS = "receiver.by-hosts.test", "127.0.0.4"
NAMED_BY_NOBODY = "receiver.by-nobody.test"
KEY = "sk_test_container"

failures = 0


def expect(what, good, found=""):
    global failures
    print(f"ok    {what}" if good else f"WRONG {what}: {found}", flush=True)
    failures += not good


class Root:
    """The file system of the container, and the binary in it."""

    def __init__(self, work, binary, emulator, stories):
        self.path = work / "root"
        for folder in ("etc", "data", "stories"):
            (self.path / folder).mkdir(parents=True)
        shutil.copy(binary, self.path / "leapday")
        (self.path / "leapday").chmod(0o755)
        self.command = ["/leapday"]
        if emulator:
            shutil.copy(emulator, self.path / "emulator")
            self.command = ["/emulator", *self.command]
        (self.path / "etc/hosts").write_text(f"127.0.0.1 localhost\n{BY_HOSTS} {NAMED_BY_HOSTS}\n")
        (self.path / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        mount("--bind", self.path, self.path)
        mount("-o", "remount,bind,ro", self.path)
        mount("--bind", "-o", "ro", stories, self.path / "stories")
        mount("-t", "tmpfs", "-o", f"uid={USER},gid={USER},mode=0700", "tmpfs", self.path / "data")

    def inside(self, *arguments):
        return [shutil.which("chroot"), f"--userspec={USER}:{USER}", "--groups=", self.path, *self.command, *arguments]

    def run(self, *arguments, **environment):
        """What a health check or `docker exec` would run."""
        return subprocess.run(
            self.inside(*arguments), env=IMAGE | environment, capture_output=True, text=True, timeout=120
        )


class Server:
    """The image's `leapday serve`, as PID 1."""

    def __init__(self, root, **environment):
        self.start = time.monotonic()
        command = [shutil.which("unshare"), "--pid", "--fork", "--kill-child", *root.inside("serve")]
        self.process = subprocess.Popen(
            command, env=IMAGE | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def wait_until_well(self):
        while time.monotonic() - self.start < 30:
            try:
                status, body = ask("GET", "/health")
                self.ready = time.monotonic() - self.start
                return status == 200 and body["status"] == "ok"
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.002)
        self.process.kill()
        sys.exit(f"it does not serve: {self.process.communicate()[0]}")

    def first(self):
        """The process that is PID 1 to itself, by its number out here."""
        outer = self.process.pid
        return int(Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0])

    def memory(self):
        """What of it is resident, in MB."""
        status = Path(f"/proc/{self.first()}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self):
        """Says SIGTERM to PID 1, which has no signals but those that it asked for; the code, and how long it took."""
        asked = time.monotonic()
        os.kill(self.first(), signal.SIGTERM)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, time.monotonic() - asked, output


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def ask(method, path, body=None, host="127.0.0.1", port=PORT):
    connection = http.client.HTTPConnection(host, port, timeout=60)
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    text = response.read()
    connection.close()
    return response.status, json.loads(text) if text else None


def serve_names(asked):
    """A name server that knows one name."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def answer():
        while True:
            query, client = server.recvfrom(512)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode())
                at += 1 + query[at]
            name, question = ".".join(labels), query[12 : at + 5]
            (kind,) = struct.unpack(">H", query[at + 1 : at + 3])
            asked.add(name)
            known, address = name == NAMED_BY_DNS, kind == 1
            record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + socket.inet_aton(BY_DNS)
            found = known and address
            flags = 0x8180 if known else 0x8183
            header = query[:2] + struct.pack(">HHHHH", flags, 1, int(found), 0, 0)
            server.sendto(header + question + (record if found else b""), client)

    threading.Thread(target=answer, daemon=True).start()


def receive(address, received):
    """A receiver of webhooks; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            received.append(self.headers["host"].split(":")[0])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def probe_serving(root):
    """As `docker run --read-only` without a volume would: all but what is asked for works."""
    before = root.run("health")
    expect("before the start the health check fails", before.returncode == 1, before)
    server = Server(root)
    expect("the image's CMD serves", server.wait_until_well())
    expect(f"first answer {server.ready * 1000:.0f} ms after the start", server.ready < 10)
    expect("a first request opens a world", ask("GET", "/paygentic/v0/products")[0] == 200)
    print(f"idle  {server.memory():.1f} MB resident after it", flush=True)
    check = root.run("health")
    expect("then it says ok", (check.returncode, check.stdout[:2]) == (0, "ok"), check)
    expect("other addresses than the loopback's first are answered", ask("GET", "/health", host="127.0.0.2")[0] == 200)
    return server


def probe_webhooks():
    asked, by_dns, by_hosts = set(), [], []
    serve_names(asked)
    urls = [
        f"http://{NAMED_BY_DNS}:{receive(BY_DNS, by_dns)}/hook",
        f"http://{NAMED_BY_HOSTS}:{receive(BY_HOSTS, by_hosts)}/hook",
        f"http://{NAMED_BY_NOBODY}:9/hook",
    ]
    for url in urls:
        status, body = ask("POST", "/_leapday/webhook-endpoints", {"url": url})
        expect(f"an endpoint at {url.split(':')[1][2:]}", status == 201, body)
    customer = {"merchantId": "org_leapday", "consumer": {"name": "Ada", "email": "ada@example.com"}}
    status, body = ask("POST", "/paygentic/v0/customers", customer)
    expect("a customer", status == 201, body)
    # An advance settles: it waits until what is owed has been answered, or has failed.
    ask("POST", "/_leapday/clock/advance", {"by": "PT1S"})
    expect("a name in the DNS leads to its receiver", by_dns == [NAMED_BY_DNS], by_dns)
    expect("a name in /etc/hosts too", by_hosts == [NAMED_BY_HOSTS], by_hosts)
    expect("and nobody asks the name server about that", NAMED_BY_HOSTS not in asked, asked)
    deliveries = ask("GET", "/_leapday/deliveries")[1]["deliveries"]
    lost = [delivery for delivery in deliveries if NAMED_BY_NOBODY in delivery["url"]]
    expect("a name that nobody knows is a failed attempt", lost and "error" in json.dumps(lost), deliveries)


def probe_stop(server):
    idle = socket.create_connection(("127.0.0.1", PORT))
    idle.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
    idle.recv(4096)
    code, took, output = server.stop()
    what = f"SIGTERM ends PID 1 with 0, {took * 1000:.0f} ms later, an idle connection open"
    expect(what, (code, took < 2) == (0, True), output)
    expect("it said where it listens", f"listening on http://0.0.0.0:{PORT}" in output, output)


def probe_state(root):
    environment = {"LEAPDAY_STATE": "/data/worlds.json", "LEAPDAY_TLS_PORT": "4443", "PORT": "8080"}
    for run in ("first", "second"):
        server = Server(root, LEAPDAY_PORT=str(PORT), **environment)
        server.wait_until_well()
        names = [product["name"] for product in ask("GET", "/paygentic/v0/products?limit=100")[1]["data"]]
        if run == "first":
            expect("a new world has no such product", "Kept" not in names, names)
            product = {"name": "Kept", "description": "d", "merchantId": "org_a"}
            status, body = ask("POST", "/paygentic/v0/products", product)
            expect("a product", status == 201, body)
            pem = root.run("ca").stdout
            context = ssl.create_default_context(cadata=pem)
            with socket.create_connection(("127.0.0.1", 4443)) as plain:
                with context.wrap_socket(plain, server_hostname="api.test.paymennt.com") as secure:
                    expect("TLS under a vendor's name, by an authority in /data", secure.version() == "TLSv1.3")
        else:
            expect("a world in /data outlives the container", "Kept" in names, names)
        code, _, output = server.stop()
        expect("it ends with 0", code == 0, output)


def probe_port_of_the_platform(root):
    server = Server(root, PORT="8080")
    check = root.run("health", "--wait", PORT="8080")
    good = check.returncode == 0 and ":8080" in check.stdout
    expect("PORT alone moves the server, and the health check with it", good, check)
    expect("SIGTERM again", server.stop()[0] == 0)


def probe_refusals(root):
    refused = root.run("serve", LEAPDAY_TLS_PORT="0", LEAPDAY_CA_DIR="/nowhere")
    good = refused.returncode not in (0, 101) and "/nowhere" in refused.stderr
    expect("an authority in a read-only place is refused, and the place named", good, refused)
    environment = {name: value for name, value in IMAGE.items() if name != "LEAPDAY_CA_DIR"}
    bare = subprocess.run(root.inside("ca"), env=environment, capture_output=True, text=True, timeout=60)
    good = bare.returncode not in (0, 101) and "leapday" in bare.stderr
    expect("without HOME and without a place too", good, bare)


def probe_stories(root):
    told = root.run("story", "/stories", "--quiet")
    expect(f"stories: {told.stdout.strip().splitlines()[-1:]}", told.returncode == 0, told.stdout + told.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--emulator")
    parser.add_argument("--stories", required=True)
    parser.add_argument("--work", type=Path, required=True)
    arguments = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    root = Root(arguments.work, arguments.binary, arguments.emulator, arguments.stories)
    server = probe_serving(root)
    probe_webhooks()
    probe_stop(server)
    probe_state(root)
    probe_port_of_the_platform(root)
    probe_refusals(root)
    probe_stories(root)
    return 1 if failures else 0


sys.exit(main())
