/** Starting, stopping and finding a sandbox. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import test from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Sandbox } from "leapday";

import { customer, sandbox } from "./shop.js";

/** With these variables of the environment, and then as before. */
async function withEnv(values: Record<string, string | undefined>, act: () => Promise<void>): Promise<void> {
  const before = { ...process.env };
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  try {
    await act();
  } finally {
    for (const name of Object.keys(values)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

/** Whether nobody answers there, soon. */
async function gone(url: string): Promise<boolean> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await pause(20)) {
    if ((await Sandbox.connect(url).catch(() => undefined)) === undefined) return true;
  }
  return false;
}

test("it stops when it is told", async () => {
  const started = await Sandbox.start({ flags: ["--world", "empty"] });
  assert.deepEqual((await started.paygentic().call("GET", "/v0/plans")).data, [], "flags are passed on");
  const connected = await Sandbox.connect(`${started.url}/`);
  assert.deepEqual(await connected.health(), await started.health());
  await started.stop();
  await assert.rejects(Sandbox.connect(started.url), {
    status: undefined,
    message: /^no answer to GET http:.*ECONNREFUSED/,
  });
  await started.stop();
});

test("it stops with the process, however that ends", async () => {
  const code = 'import { Sandbox } from "leapday"; console.log((await Sandbox.start()).url);';
  const program = (more: string): string[] => ["--input-type=module", "-e", code + more];
  const options = { cwd: fileURLToPath(new URL(".", import.meta.url)) };

  const waits = spawn(process.execPath, program("setInterval(() => {}, 1000)"), options);
  const [killed] = await once(waits.stdout.setEncoding("utf8"), "data");
  await Sandbox.connect(killed.trim());
  waits.kill("SIGKILL");
  assert.ok(await gone(killed.trim()));

  const ends = spawn(process.execPath, program(""), options);
  const [left] = await once(ends.stdout.setEncoding("utf8"), "data");
  assert.ok(await gone(left.trim()), "a sandbox keeps no program alive");
});

test("what is wrong with a start is said", async () => {
  const flag = Sandbox.start({ flags: ["--colour"] });
  await assert.rejects(flag, { message: /^the sandbox ended with 2: leapday: unexpected argument '--colour'/ });
  const nowhere = Sandbox.start({ binary: "/nowhere/leapday" });
  await assert.rejects(nowhere, { message: /"\/nowhere\/leapday" is no program.*LEAPDAY_BIN.*connect\(url\)/ });
  await withEnv({ LEAPDAY_BIN: "/nowhere/else" }, () =>
    assert.rejects(Sandbox.start(), { message: /"\/nowhere\/else" is no program/ }),
  );
  await withEnv({ LEAPDAY_BIN: undefined, PATH: "/nowhere" }, () =>
    assert.rejects(Sandbox.start(), { message: /there is no `leapday` on PATH/ }),
  );
  await assert.rejects(Sandbox.connect("127.0.0.1:4010"), { message: /is not the URL of a sandbox, such as http/ });
});

test("the path is searched", async () => {
  const folder = mkdtempSync(join(tmpdir(), "leapday-path-"));
  symlinkSync(resolve(process.env["LEAPDAY_BIN"] ?? ""), join(folder, "leapday"));
  await withEnv({ LEAPDAY_BIN: undefined, PATH: folder + delimiter + process.env["PATH"] }, async () => {
    const started = await Sandbox.start();
    await started.stop();
  });
  rmSync(folder, { recursive: true });
});

test("the admin token goes with control calls only", async () => {
  const seen: unknown[] = [];
  const server = createServer((request, answer) => {
    seen.push([request.url, request.headers["leapday-admin-token"]]);
    answer.end('{"status":"ok"}');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await (await Sandbox.connect(url, { adminToken: "one" })).paygentic("k").call("GET", "/v0/plans");
  await withEnv({ LEAPDAY_ADMIN_TOKEN: "two" }, async () => {
    await (await Sandbox.connect(url)).paylera("k").clock.get();
  });
  server.close();
  server.closeAllConnections();
  assert.deepEqual(seen, [
    ["/_leapday/health", "one"],
    ["/paygentic/v0/plans", undefined],
    ["/_leapday/health", "two"],
    ["/_leapday/clock?provider=paylera", "two"],
  ]);
});

test("an expectation lists what did happen", async () => {
  const world = sandbox.paygentic();
  const none = world.expectEvent("invoice.paid.v0", { timeout: 100 });
  await assert.rejects(none, { message: 'no event "invoice.paid.v0" within 100 ms; no events' });
  for (let number = 0; number < 25; number++) await customer(world, number);
  await assert.rejects(world.expectEvent("invoice.paid.v0", { timeout: 0 }), (error: Error) => {
    assert.match(error.message, /within 0 ms; events:\n *5 {2}.*customer\.created\.v0 {2}customer cus_/);
    assert.equal(error.message.split("customer.created.v0").length, 21, "the last twenty");
    return true;
  });
  assert.equal((await world.expectEvent("customer.*", { where: (one) => one.number === 24 })).number, 24);
});

test("a wait ends with the event", async () => {
  const world = sandbox.paygentic();
  const [event] = await Promise.all([world.expectEvent("customer.created.v0"), pause(200).then(() => customer(world))]);
  assert.equal(event.number, 0);
});
