import { createHmac, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { ExpectationError, LeapdayError } from "./errors.js";
import { last, matches } from "./look.js";
import type { Endpoint, Json, Provider } from "./types.js";
import type { World } from "./world.js";

const PAYMENNT_SIGNATURE = "X-Paymennt-Signature:sha256:hex";
/** How old a signature may be, where the vendor signs the time. */
const TOLERANCE_S = 300;

/** Where a receiver listens, and what for. */
export interface ReceiverOptions {
  /** Event types, such as `invoice.*`; all, if none are named. */
  events?: string[];
  secret?: string;
  /** The address to listen on: 127.0.0.1. */
  bind?: string;
  /** Under which name the sandbox reaches it, if that is another than `bind`. */
  host?: string;
  /** For Paymennt, what `--webhook-signature` says. */
  signature?: string;
}

/** A webhook that came, signed by the vendor. */
export interface Webhook {
  /** The event's; Paymennt names none, so it follows from the status: `checkout.paid`. */
  type: string;
  body: Json;
  /** The body as it was signed. */
  raw: string;
  /** Their names in lower case. */
  headers: Record<string, string>;
  /** What the receiver answered. */
  answered: number;
}

interface Waiting {
  wanted: (one: Webhook) => boolean;
  wake: () => void;
}

/**
 * A webhook endpoint of a world; `World.receiver()` opens it. Each webhook is given out once, so that who expects the
 * same type twice gets two.
 */
export class Receiver {
  /** What it answers: set it to 500, and the vendor tries again. */
  status = 200;
  /** All that came, given out or not. */
  readonly received: Webhook[] = [];
  /** Why others were turned away: a wrong signature, or no JSON. */
  readonly refused: string[] = [];
  /** What signatures are checked with. */
  secret = "";
  /** As the world has it. */
  endpoint!: Endpoint;
  private readonly open: Webhook[] = [];
  private readonly waiting = new Set<Waiting>();

  private constructor(
    readonly world: World,
    /** Where it listens. */
    readonly url: string,
    private readonly server: Server,
    private readonly signature: string | undefined,
  ) {}

  /** Use `World.receiver()`. */
  static async listen(
    world: World,
    { events, secret, bind = "127.0.0.1", host = bind, signature }: ReceiverOptions,
  ): Promise<Receiver> {
    const server = createServer();
    server.listen(0, bind).unref();
    await once(server, "listening");
    const receiver = new Receiver(world, `http://${host}:${(server.address() as AddressInfo).port}`, server, signature);
    server.on("request", (request, answer) => {
      receiver.take(request).then(
        (status) => answer.writeHead(status).end(),
        () => answer.destroy(),
      );
    });
    try {
      receiver.endpoint = await world.webhookEndpoints.create(receiver.url, { events, secret });
    } catch (error) {
      server.close();
      throw error;
    }
    receiver.secret = receiver.endpoint.secret;
    return receiver;
  }

  /**
   * Waits for a webhook of a type (`invoice.*`) that was not given out yet, and gives it. The error lists what came,
   * and what was not signed.
   */
  async expectWebhook(
    type = "*",
    { timeout = 10_000, where }: { timeout?: number; where?: (webhook: Webhook) => boolean } = {},
  ): Promise<Webhook> {
    const wanted = (one: Webhook): boolean => matches(type, one.type) && (where === undefined || where(one));
    if (this.refused.length === 0 && !this.open.some(wanted)) await this.wait(wanted, timeout);
    const found = this.open.findIndex(wanted);
    const [webhook] = found < 0 || this.refused.length > 0 ? [] : this.open.splice(found, 1);
    if (webhook !== undefined) return webhook;
    const came = last(
      this.received.map((one) => `${one.type}  answered ${one.answered}`),
      "webhooks",
    );
    const wrong = this.refused.map((why) => `\nturned away: ${why}`).join("");
    throw new ExpectationError(`no webhook "${type}" within ${timeout} ms; ${came}${wrong}`);
  }

  /** Stops listening, and takes the endpoint out of the world. */
  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    // A world that was reset or forgotten has no such endpoint any more.
    await this.world.webhookEndpoints.delete(this.endpoint.id).catch(() => undefined);
  }

  private wait(wanted: Waiting["wanted"], timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(late);
        this.waiting.delete(one);
        resolve();
      };
      const one: Waiting = { wanted, wake: done };
      const late = setTimeout(done, timeout);
      this.waiting.add(one);
    });
  }

  private async take(request: IncomingMessage): Promise<number> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const raw = Buffer.concat(parts).toString();
    const headers = request.headers as Record<string, string>;
    const { provider } = this.world;
    try {
      verifySignature(provider, this.secret, headers, raw, { signature: this.signature });
      const body = JSON.parse(raw);
      const webhook = { type: typeOf(provider, body), body, raw, headers, answered: this.status };
      this.received.push(webhook);
      this.open.push(webhook);
      for (const one of this.waiting) if (one.wanted(webhook)) one.wake();
      return this.status;
    } catch (error) {
      this.refused.push(error instanceof LeapdayError ? error.reason : String(error));
      for (const one of this.waiting) one.wake();
      return 400;
    }
  }
}

function typeOf(provider: Provider, body: Json): string {
  if (provider === "paymennt") return `checkout.${String(body.status).toLowerCase()}`;
  return String(body[provider === "paygentic" ? "eventType" : "type"]);
}

/**
 * Checks that the vendor has signed a webhook; throws a `LeapdayError` that says why not.
 *
 * `signature`: for Paymennt, what `--webhook-signature` says: `HEADER:ALGORITHM:ENCODING`. `now`: seconds since 1970,
 * if another instant than this one is meant.
 */
export function verifySignature(
  provider: Provider,
  secret: string,
  headers: Record<string, string>,
  body: string,
  { signature = PAYMENNT_SIGNATURE, now = Date.now() / 1000 }: { signature?: string | undefined; now?: number } = {},
): void {
  const sent = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const header = (name: string): string => {
    const value = sent.get(name.toLowerCase());
    if (value === undefined) throw new LeapdayError(`the webhook has no header ${name}`);
    return value;
  };
  if (provider === "paygentic") {
    const [id, at] = [header("svix-id"), header("svix-timestamp")];
    recent(at, now);
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const right = `v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}`;
    among(right, header("svix-signature").split(" "), "svix-signature");
  } else if (provider === "paylera") {
    const parts = header("paylera-signature")
      .split(",")
      .map((part) => part.split("=", 2));
    const at = parts.find(([name]) => name === "t")?.[1] ?? "";
    recent(at, now);
    const right = createHmac("sha256", secret).update(`${at}.${body}`).digest("hex");
    among(
      right,
      parts.filter(([name]) => name === "v1").map(([, value]) => value ?? ""),
      "paylera-signature",
    );
  } else {
    const [name = "", algorithm = "sha256", encoding = "hex"] = signature.split(":");
    const right = createHmac(algorithm, secret)
      .update(body)
      .digest(encoding === "base64" ? "base64" : "hex");
    among(right, [header(name)], name);
  }
}

function recent(at: string, now: number): void {
  if (!/^\d+$/.test(at) || Math.abs(Number(at) - now) > TOLERANCE_S) {
    throw new LeapdayError(`the webhook was signed at "${at}", which is not within ${TOLERANCE_S} s of now`);
  }
}

function among(right: string, signatures: string[], header: string): void {
  // Two of them while a secret is rotated.
  const known = Buffer.from(right);
  const same = (one: string): boolean => one.length === right.length && timingSafeEqual(known, Buffer.from(one));
  if (!signatures.some(same)) throw new LeapdayError(`the signature in ${header} is not of this body and secret`);
}
