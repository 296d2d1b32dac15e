import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { LeapdayError } from "./errors.js";

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 10;
const LOG_TAIL = 2_000;

// The sandbox in a process group of its own, with a watcher who ends the group once our end of the pipe is closed: by
// stop(), or because this process is gone, in whatever way.
const GUARDED = 'exec 3<&0 </dev/null; (cat <&3 >/dev/null 2>&1; kill 0) & exec "$@" 3<&-';

/** The binary that is named, else `LEAPDAY_BIN`, else `leapday` on the path. */
export function findBinary(binary?: string): string {
  const named = binary ?? process.env["LEAPDAY_BIN"];
  const name = named || "leapday";
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = (name.includes("/") ? [name] : folders.map((one) => join(one, name))).find(isProgram);
  if (found === undefined) {
    const where = named ? `"${named}" is no program` : "there is no `leapday` on PATH";
    throw new LeapdayError(
      `cannot start a sandbox: ${where}. Build it (cargo build --release), then put it on PATH or set LEAPDAY_BIN; ` +
        "or connect to one that runs: Sandbox.connect(url)",
    );
  }
  return resolve(found);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What the binary says of itself once it listens. */
interface Endpoints {
  base_url: string;
  /** One that other machines can reach makes up a token of its own. */
  admin_token?: string | null;
}

/** The running binary. It does not keep this process alive. */
export class Process {
  private constructor(
    private readonly child: ChildProcess,
    readonly endpoints: Endpoints,
  ) {}

  static async start(binary: string, flags: readonly string[], env: Record<string, string>): Promise<Process> {
    const folder = mkdtempSync(join(tmpdir(), "leapday-"));
    const [endpoints, log] = [join(folder, "endpoints.json"), join(folder, "log")];
    const out = openSync(log, "w");
    try {
      const command = [binary, "--port", "0", "--endpoints-file", endpoints, ...flags];
      const child = spawn("/bin/sh", ["-c", GUARDED, "leapday", ...command], {
        stdio: ["pipe", out, out],
        env: { ...process.env, ...env },
        detached: true,
      });
      child.unref();
      (child.stdin as Socket).unref();
      return new Process(child, await listening(child, endpoints, log));
    } finally {
      closeSync(out);
      // Both files are for the start only; the sandbox writes on where nobody looks.
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** A second time does nothing. */
  async stop(): Promise<void> {
    await end(this.child);
  }
}

async function listening(child: ChildProcess, endpoints: string, log: string): Promise<Endpoints> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let broken: Error | undefined;
  child.once("error", (error) => (broken = error));
  // The file is renamed into place once the sandbox listens: that it is there means that it is whole.
  while (!existsSync(endpoints)) {
    const ended = broken?.message ?? child.exitCode ?? child.signalCode;
    if (ended !== null || Date.now() > deadline) {
      await end(child);
      const how = ended === null ? `did not listen within ${START_TIMEOUT_MS / 1000} s` : `ended with ${ended}`;
      throw new LeapdayError(`the sandbox ${how}: ${readFileSync(log, "utf8").slice(-LOG_TAIL).trim()}`);
    }
    await pause(POLL_MS);
  }
  return JSON.parse(readFileSync(endpoints, "utf8"));
}

async function end(child: ChildProcess): Promise<void> {
  child.stdin?.destroy();
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await once(child, "exit");
  clearTimeout(late);
}
