import { randomBytes } from "node:crypto";

import { LeapdayError } from "./errors.js";
import { type Beginning, instant } from "./groups.js";
import { Control, Http, segment } from "./http.js";
import { findBinary, Process } from "./process.js";
import type { Health, Json, Provider, WorldInfo, WorldList } from "./types.js";
import { World } from "./world.js";

const TIMEOUT_MS = 120_000;
const ADMIN_TOKEN = "LEAPDAY_ADMIN_TOKEN";
const FRESH: Record<Provider, string> = { paygentic: "sk_test_", paylera: "sk_sandbox_", paymennt: "key_" };
const MOUNTS: Record<Provider, string> = {
  paygentic: "/paygentic",
  paylera: "/paylera",
  paymennt: "/paymennt/mer/v2.0",
};

/** How to speak to a sandbox. */
export interface ConnectOptions {
  /** Else `LEAPDAY_ADMIN_TOKEN`. */
  adminToken?: string;
  /** How long an answer is waited for, in milliseconds. */
  timeout?: number;
}

/** How to start one. */
export interface StartOptions extends ConnectOptions {
  /** Flags of `leapday serve`: `["--strict"]`. */
  flags?: string[];
  /** The program; else `LEAPDAY_BIN`, else `leapday` on the path. */
  binary?: string;
}

/** A running sandbox. */
export class Sandbox {
  private readonly control: Control;
  private readonly token: string | undefined;
  private readonly timeout: number;
  private readonly opened = new Set<WeakRef<World>>();

  private constructor(
    /** Where it listens; `${url}/_leapday/` is its dashboard. */
    readonly url: string,
    { adminToken = process.env[ADMIN_TOKEN], timeout = TIMEOUT_MS }: ConnectOptions,
    private readonly started?: Process,
  ) {
    this.token = adminToken;
    this.timeout = timeout;
    this.control = new Control(this.http({}));
  }

  /** Starts one on a free port. It stops with `stop()`, or when this process ends, in whatever way. */
  static async start({ flags = [], binary, ...options }: StartOptions = {}): Promise<Sandbox> {
    const env: Record<string, string> = options.adminToken === undefined ? {} : { [ADMIN_TOKEN]: options.adminToken };
    const started = await Process.start(findBinary(binary), flags, env);
    const { base_url: url, admin_token: adminToken } = started.endpoints;
    return new Sandbox(url, adminToken ? { ...options, adminToken } : options, started);
  }

  /** Uses one that runs: `Sandbox.connect("http://127.0.0.1:4010")`. */
  static async connect(url: string, options: ConnectOptions = {}): Promise<Sandbox> {
    const sandbox = new Sandbox(url.replace(/\/+$/, ""), options);
    await sandbox.health();
    return sandbox;
  }

  /** Stops the receivers of its worlds, and the sandbox if it was started here. */
  async stop(): Promise<void> {
    await Promise.all([...this.opened].map((world) => world.deref()?.close()));
    await this.started?.stop();
  }

  /** The world of a key at Paygentic, or of a fresh one. */
  paygentic(key = this.freshKey("paygentic")): World {
    return this.world("paygentic", key);
  }

  /** The world of a key at Paylera (`sk_sandbox_…`), or of a fresh one. */
  paylera(key = this.freshKey("paylera")): World {
    return this.world("paylera", key);
  }

  /** The world of a key and its secret at Paymennt, or of fresh ones. */
  paymennt(key = this.freshKey("paymennt"), secret = key): World {
    return this.world("paymennt", `${key}:${secret}`);
  }

  /** The world of a key as the sandbox lists it: Paymennt's are `key:secret`. */
  world(provider: Provider, key: string): World {
    if (!(provider in MOUNTS)) throw new LeapdayError(`"${provider}" is none of ${Object.keys(MOUNTS).join(", ")}`);
    const headers = provider === "paymennt" ? pair(key) : { authorization: `Bearer ${key}` };
    const world = new World(this, provider, key, this.url + MOUNTS[provider], headers, this.http(headers));
    this.opened.add(new WeakRef(world));
    return world;
  }

  /** A key that nobody has. */
  freshKey(provider: Provider): string {
    return FRESH[provider] + randomBytes(8).toString("hex");
  }

  /** Whether it is there. */
  health(): Promise<Health> {
    return this.control.ask<Health>("GET", "/health");
  }

  /** The operations of each vendor. */
  operations(): Promise<Record<string, Json>> {
    return this.control.ask<Record<string, Json>>("GET", "/operations");
  }

  /** The OpenAPI document of a vendor's API, or of the control API. */
  openapi(provider?: Provider): Promise<Record<string, Json>> {
    return provider === undefined
      ? this.control.ask<Record<string, Json>>("GET", "/openapi.json")
      : this.control.ask<Record<string, Json>>("GET", `/${segment(provider)}/openapi.json`);
  }

  /** The worlds of all keys. */
  async worlds(provider?: Provider): Promise<WorldInfo[]> {
    return (await this.control.ask<WorldList>("GET", "/worlds", { provider })).worlds;
  }

  /** Opens a world before its key is used, with what `world` names in it: `empty`, `starter`. */
  async createWorld(
    provider: Provider,
    key: string,
    { world, now }: Beginning & { world?: string } = {},
  ): Promise<World> {
    const begins = { key, world, now: instant(now) };
    const made = await this.control.ask<WorldInfo>("POST", "/worlds", { provider }, begins);
    return this.world(provider, made.key);
  }

  /** Forgets a world. */
  deleteWorld(provider: Provider, key: string): Promise<void> {
    return this.control.ask<void>("DELETE", `/worlds/${segment(key)}`, { provider });
  }

  private http(headers: Record<string, string>): Http {
    const token: Record<string, string> = this.token === undefined ? {} : { "leapday-admin-token": this.token };
    return new Http(`${this.url}/_leapday`, { ...headers, ...token }, this.timeout);
  }
}

function pair(key: string): Record<string, string> {
  const [name = key, ...secret] = key.split(":");
  return { "x-paymennt-api-key": name, "x-paymennt-api-secret": secret.join(":") || name };
}
