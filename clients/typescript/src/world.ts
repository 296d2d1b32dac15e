import { ExpectationError } from "./errors.js";
import {
  type Beginning,
  Clock,
  Deliveries,
  Events,
  Faults,
  instant,
  type Page,
  waiting,
  WebhookEndpoints,
  WebhookRules,
} from "./groups.js";
import { Control, Http, segment } from "./http.js";
import * as look from "./look.js";
import { Receiver, type ReceiverOptions } from "./receiver.js";
import type { Sandbox } from "./sandbox.js";
import type {
  Card,
  Event,
  Export,
  Fork,
  Json,
  Message,
  MessageList,
  Payment,
  Provider,
  RequestList,
  Reset,
  Script,
  ScriptList,
  Snapshot,
  SnapshotList,
  Verification,
  WorldState,
} from "./types.js";

const LONGEST_WAIT_MS = 30_000;

/** Which requests of a journal. */
export interface JournalFilter extends Page {
  operation?: string;
  method?: string;
  path?: string;
  status?: number;
  contains?: string;
  violated?: boolean;
  /** How long to wait for one, in milliseconds. */
  timeout?: number;
}

/** Which requests are expected; without a number at least one is. */
export interface ExpectedRequests {
  method?: string;
  path?: string;
  status?: number;
  bodyContains?: string[];
  count?: number;
  atLeast?: number;
  atMost?: number;
  /** How long to wait for them, in milliseconds. */
  timeout?: number;
}

/** The world of one key at one vendor; `Sandbox.paygentic()`, `.paylera()` and `.paymennt()` open it. */
export class World {
  readonly clock: Clock;
  readonly events: Events;
  readonly faults: Faults;
  readonly webhookEndpoints: WebhookEndpoints;
  readonly webhookRules: WebhookRules;
  readonly deliveries: Deliveries;
  private readonly control: Control;
  private readonly http: Http;
  private readonly receivers: Receiver[] = [];

  constructor(
    readonly sandbox: Sandbox,
    readonly provider: Provider,
    /** As the sandbox lists it. */
    readonly key: string,
    /** Where the vendor's client is to be pointed. */
    readonly baseUrl: string,
    /** The credentials, for any HTTP client. */
    readonly headers: Record<string, string>,
    http: Http,
  ) {
    this.http = new Http(baseUrl, headers, http.timeout);
    this.control = new Control(http, provider);
    this.clock = new Clock(this.control);
    this.events = new Events(this.control);
    this.faults = new Faults(this.control);
    this.webhookEndpoints = new WebhookEndpoints(this.control);
    this.webhookRules = new WebhookRules(this.control);
    this.deliveries = new Deliveries(this.control);
  }

  /**
   * Calls the vendor's API with this key, where the vendor's own client is not at hand:
   * `world.call("GET", "/v0/plans?limit=1")`.
   */
  call<T = Json>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
    return this.http.send(method, path, {}, body, headers);
  }

  /**
   * Waits for an event of a type (`invoice.*`), from number `offset` on, and gives the first. The error lists what did
   * happen.
   */
  async expectEvent(
    type: string,
    {
      timeout = 10_000,
      offset = 0,
      where,
    }: { timeout?: number; offset?: number; where?: (event: Event) => boolean } = {},
  ): Promise<Event> {
    const deadline = Date.now() + timeout;
    for (let start = offset; ;) {
      const left = deadline - Date.now();
      const page = await this.events.wait(type, {
        timeout: Math.min(Math.max(left, 0), LONGEST_WAIT_MS),
        offset: start,
      });
      const found = page.events.find((event) => where === undefined || where(event));
      if (found !== undefined) return found;
      start = page.next;
      if (left <= 0) {
        // Numbers from the end: what came last tells most.
        const from = Math.max(offset, page.total - look.SHOWN);
        const happened = (await this.events.list(undefined, { offset: from })).events;
        throw new ExpectationError(`no event "${type}" within ${timeout} ms; ${look.events(happened)}`);
      }
    }
  }

  /** Waits for an e-mail or a text message, to somebody or to anybody, and gives the first. */
  async expectMessage(
    to?: string,
    { timeout = 10_000, offset = 0 }: { timeout?: number; offset?: number } = {},
  ): Promise<Message> {
    const found = (await this.messages(to, { offset, timeout })).messages[0];
    if (found !== undefined) return found;
    const all = (await this.messages(undefined, { offset })).messages;
    const sent = look.last(
      all.map((one) => `${one.at}  ${one.to}  ${one.subject}`),
      "messages",
    );
    throw new ExpectationError(`no message${to === undefined ? "" : ` to ${to}`} within ${timeout} ms; ${sent}`);
  }

  /** E-mails and text messages that would have gone out; with a timeout, waits for one. */
  messages(to?: string, { offset, limit, timeout }: Page & { timeout?: number } = {}): Promise<MessageList> {
    return this.control.ask<MessageList>("GET", "/messages", { to, offset, limit, wait: waiting(timeout) });
  }

  /** Requests of late, with what was wrong with them and what they caused; with a timeout, waits for one. */
  journal({ timeout, ...filter }: JournalFilter = {}): Promise<RequestList> {
    return this.control.ask<RequestList>("GET", "/journal", { ...filter, wait: waiting(timeout) });
  }

  /** Checks which requests were made. The error shows near misses. */
  async verify(operation?: string, expected: ExpectedRequests = {}): Promise<Verification> {
    const { bodyContains, atLeast, atMost, timeout, ...rest } = expected;
    const body = {
      operation,
      ...rest,
      body_contains: bodyContains,
      at_least: atLeast,
      at_most: atMost,
      wait: waiting(timeout),
    };
    const found = await this.control.ask<Verification>("POST", "/journal/verify", {}, body);
    if (!found.verified) throw new ExpectationError(look.unverified(found));
    return found;
  }

  /** Pays a payment session as its page does, with a card that succeeds or with this one. */
  pay(
    session: string,
    { card, savePaymentMethod }: { card?: Card | string; savePaymentMethod?: boolean } = {},
  ): Promise<Payment> {
    const body = { card: asCard(card), savePaymentMethod };
    return this.control.ask<Payment>("POST", `/payments/${segment(session)}/complete`, {}, body);
  }

  /** Lets a payment session fail. */
  failPayment(session: string, { code }: { code?: string } = {}): Promise<Payment> {
    return this.control.ask<Payment>("POST", `/payments/${segment(session)}/fail`, {}, { code });
  }

  /** Keeps a card for a customer; the answer is the vendor's payment method. */
  saveCard(customer: string, { card }: { card?: Card | string } = {}): Promise<Record<string, Json>> {
    const path = `/customers/${segment(customer)}/payment-methods`;
    return this.control.ask<Record<string, Json>>("POST", path, {}, { card: asCard(card) });
  }

  /** Says how the next charges of a customer, payment method or invoice go: `["decline", "succeed"]`. */
  script(of: string, outcomes: string[]): Promise<Script> {
    return this.control.ask<Script>("POST", "/outcomes", {}, { of, outcomes });
  }

  /** What is scripted and has not come yet. */
  async scripts(): Promise<Script[]> {
    return (await this.control.ask<ScriptList>("GET", "/outcomes")).outcomes;
  }

  /** Lets the charges of one go as their cards say. */
  clearScript(of: string): Promise<void> {
    return this.control.ask<void>("DELETE", `/outcomes/${segment(of)}`);
  }

  /** Listens for the webhooks of this world on a free port. */
  async receiver(options: ReceiverOptions = {}): Promise<Receiver> {
    const receiver = await Receiver.listen(this, options);
    this.receivers.push(receiver);
    return receiver;
  }

  /** The world in short, with its digest. */
  state(): Promise<WorldState> {
    return this.control.ask<WorldState>("GET", "/world");
  }

  /** Begins anew with what the sandbox's worlds begin with, or with `empty`; tells which. */
  async reset(world?: string, { now }: Beginning = {}): Promise<string> {
    return (await this.control.ask<Reset>("POST", "/world/reset", {}, { world, now: instant(now) })).world;
  }

  /** Keeps the world as it is, under a name. */
  snapshot(name: string): Promise<Snapshot> {
    return this.control.ask<Snapshot>("POST", "/world/snapshots", {}, { name });
  }

  /** What is kept. */
  async snapshots(): Promise<Snapshot[]> {
    return (await this.control.ask<SnapshotList>("GET", "/world/snapshots")).snapshots;
  }

  /** Goes back to a snapshot. */
  restore(name: string): Promise<Snapshot> {
    return this.control.ask<Snapshot>("POST", `/world/snapshots/${segment(name)}/restore`);
  }

  /** Forgets a snapshot. */
  deleteSnapshot(name: string): Promise<void> {
    return this.control.ask<void>("DELETE", `/world/snapshots/${segment(name)}`);
  }

  /** Gives another key, or a fresh one, a world like this one. */
  async fork(key?: string, { replace }: { replace?: boolean } = {}): Promise<World> {
    const body = { key: key ?? this.sandbox.freshKey(this.provider), replace };
    const made = await this.control.ask<Fork>("POST", "/world/fork", {}, body);
    return this.sandbox.world(this.provider, made.key);
  }

  /** The whole world, written down. */
  exportWorld(): Promise<Export> {
    return this.control.ask<Export>("GET", "/world/export");
  }

  /** Puts a world that was written down in the place of this one. */
  importWorld(written: Export): Promise<WorldState> {
    return this.control.ask<WorldState>("POST", "/world/import", {}, written);
  }

  /** Stops its receivers; the world stays. */
  async close(): Promise<void> {
    await Promise.all(this.receivers.splice(0).map((one) => one.close()));
  }

  /** What has happened here, in some lines, for whoever reads why a test has failed. */
  async look(): Promise<string> {
    const { total } = await this.events.list(undefined, { limit: 1 });
    const happened = (await this.events.list(undefined, { offset: Math.max(0, total - look.SHOWN) })).events;
    const refused = (await this.journal({ violated: true, limit: look.SHOWN })).requests;
    const lines = [`${this.provider} ${this.key} at ${await this.clock.now()}`, look.events(happened)];
    return [...lines, ...(refused.length > 0 ? [`refused ${look.requests(refused)}`] : [])].join("\n");
  }
}

function asCard(card: Card | string | undefined): Card | undefined {
  return typeof card === "string" ? { number: card } : card;
}
