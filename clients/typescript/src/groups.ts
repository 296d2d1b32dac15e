import { type Control, segment } from "./http.js";
import type {
  Action,
  ClockState,
  Deliver,
  Delivery,
  DeliveryList,
  DeliveryStatus,
  Endpoint,
  EndpointList,
  EventList,
  Fault,
  FaultList,
  Journey,
  Profile,
  Rule,
  RuleList,
  Step,
  Upcoming,
} from "./types.js";

/** RFC 3339 as the control API writes it, or a `Date`. */
export type Instant = string | Date;

/** How far: a duration such as `P1M`, or an instant. */
export type Target = string | { to: Instant };

/** Which part of a list. */
export interface Page {
  offset?: number;
  limit?: number;
}

/** Which clock: that of the world, or a test clock of it. */
export interface OfClock {
  clock?: string;
}

/** How a world begins. */
export interface Beginning {
  /** Where its clock is frozen before anything is made; it flows with the wall without. */
  now?: Instant;
}

export function instant(at: Instant): string;
export function instant(at: Instant | undefined): string | undefined;
export function instant(at: Instant | undefined): string | undefined {
  return at instanceof Date ? at.toISOString() : at;
}

function target(to: Target): { by: string } | { to: string } {
  return typeof to === "string" ? { by: to } : { to: instant(to.to) };
}

export function waiting(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : `${Math.max(0, Math.round(milliseconds))}ms`;
}

/** The clocks of a world: its own, or with `clock` a test clock of it. */
export class Clock {
  constructor(private readonly control: Control) {}

  /** Reads the clock. */
  get({ clock }: OfClock = {}): Promise<ClockState> {
    return this.control.ask<ClockState>("GET", "/clock", { clock });
  }

  /** Where the clock stands. */
  async now(of: OfClock = {}): Promise<string> {
    return (await this.get(of)).now;
  }

  /** Freezes the clock of the world at an instant. */
  set(now: Instant, { deliver }: { deliver?: Deliver } = {}): Promise<ClockState> {
    return this.control.ask<ClockState>("POST", "/clock", { deliver }, { now: instant(now) });
  }

  /** Lets the clock of the world run on from where it stands. */
  flow(): Promise<ClockState> {
    return this.control.ask<ClockState>("POST", "/clock", {}, { flow: true });
  }

  /**
   * Goes by a duration (`"P1M"`) or to an instant (`{ to: … }`); whatever is due on the way happens, in order. The
   * answer shows the first 1,000 events of the journey: `offset` and `limit` choose others.
   */
  advance(
    to: Target,
    { clock, deliver, offset, limit }: OfClock & Page & { deliver?: Deliver } = {},
  ): Promise<Journey> {
    return this.control.ask<Journey>("POST", "/clock/advance", { deliver, offset, limit }, { ...target(to), clock });
  }

  /** What an advance would bring, with the same ids, instants and amounts; nothing is changed. */
  preview(to: Target, { clock, offset, limit }: OfClock & Page = {}): Promise<Journey> {
    const body = { ...target(to), clock, dry_run: true };
    return this.control.ask<Journey>("POST", "/clock/advance", { offset, limit }, body);
  }

  /** Does the next thing that is due. */
  step({
    clock,
    deliver,
    offset,
    limit,
    dryRun,
  }: OfClock & Page & { deliver?: Deliver; dryRun?: boolean } = {}): Promise<Step> {
    return this.control.ask<Step>("POST", "/clock/step", { deliver, offset, limit }, { clock, dry_run: dryRun });
  }

  /** The calendar of what falls due within a month, or within `P3M`. */
  upcoming(within?: string, { clock, limit }: OfClock & { limit?: number } = {}): Promise<Upcoming> {
    return this.control.ask<Upcoming>("GET", "/clock/upcoming", { within, clock, limit });
  }
}

/** What has happened in a world, in order. */
export class Events {
  constructor(private readonly control: Control) {}

  /** Events of a type, or of all that begin like `invoice.*`; `offset` is the number of the first. */
  list(type?: string, { offset, limit }: Page = {}): Promise<EventList> {
    return this.control.ask<EventList>("GET", "/events", { type, offset, limit });
  }

  /** Waits until there is such an event, at most 60 s; the list is empty if there was none in time. */
  wait(type?: string, { timeout = 10_000, offset, limit }: Page & { timeout?: number } = {}): Promise<EventList> {
    return this.control.ask<EventList>("GET", "/events", { type, offset, limit, wait: waiting(timeout) });
  }
}

/** Which requests a fault is about, how often and for how long (`"5m"`). */
export interface FaultOptions {
  operation?: string;
  path?: string;
  probability?: number;
  times?: number;
  ttl?: string;
}

/** Requests that are answered badly, late or not at all, on purpose. */
export class Faults {
  constructor(private readonly control: Control) {}

  /** The rules that stand. */
  async list(): Promise<Fault[]> {
    return (await this.control.ask<FaultList>("GET", "/faults")).faults;
  }

  /** Adds a rule: `status:503`, `latency:2s`, `hang`, `reset`, `truncate` or `lose_answer`. */
  async add(then: string, options: FaultOptions = {}): Promise<Fault> {
    return (await this.create({ then }, options))[0] as Fault;
  }

  /** Adds the rules of a profile. */
  profile(profile: Profile, options: FaultOptions = {}): Promise<Fault[]> {
    return this.create({ profile }, options);
  }

  /** Takes one rule away. */
  delete(id: string): Promise<void> {
    return this.control.ask<void>("DELETE", `/faults/${segment(id)}`);
  }

  /** Takes all rules away. */
  clear(): Promise<void> {
    return this.control.ask<void>("DELETE", "/faults");
  }

  private async create(what: object, { operation, path, ...rest }: FaultOptions): Promise<Fault[]> {
    const body = { ...what, match: { operation, path }, ...rest };
    return (await this.control.ask<FaultList>("POST", "/faults", {}, body)).faults;
  }
}

/** Where the webhooks of a world are sent. */
export class WebhookEndpoints {
  constructor(private readonly control: Control) {}

  /** The endpoints. */
  async list(): Promise<Endpoint[]> {
    return (await this.control.ask<EndpointList>("GET", "/webhook-endpoints")).endpoints;
  }

  /** Registers an endpoint, of all events or of some types; without a secret it gets one. */
  create(url: string, { events, secret }: { events?: string[]; secret?: string } = {}): Promise<Endpoint> {
    return this.control.ask<Endpoint>("POST", "/webhook-endpoints", {}, { url, events, secret });
  }

  /** Reads one. */
  get(id: string): Promise<Endpoint> {
    return this.control.ask<Endpoint>("GET", `/webhook-endpoints/${segment(id)}`);
  }

  /** Changes what is named. */
  update(
    id: string,
    change: { url?: string; events?: string[]; secret?: string; enabled?: boolean },
  ): Promise<Endpoint> {
    return this.control.ask<Endpoint>("PATCH", `/webhook-endpoints/${segment(id)}`, {}, change);
  }

  /** Sends it nothing more. */
  delete(id: string): Promise<void> {
    return this.control.ask<void>("DELETE", `/webhook-endpoints/${segment(id)}`);
  }
}

/** Webhooks that misbehave on purpose, so many times. */
export class WebhookRules {
  constructor(private readonly control: Control) {}

  /** The rules that stand. */
  async list(): Promise<Rule[]> {
    return (await this.control.ask<RuleList>("GET", "/webhook-rules")).rules;
  }

  /** A rule for the next webhook, or for `times` of them; `by` (`"PT10M"`) is how late a delay is. */
  create(
    action: Action,
    options: { event?: string; endpoint?: string; by?: string; times?: number } = {},
  ): Promise<Rule> {
    return this.control.ask<Rule>("POST", "/webhook-rules", {}, { action, ...options });
  }

  /** Takes one away. */
  delete(id: string): Promise<void> {
    return this.control.ask<void>("DELETE", `/webhook-rules/${segment(id)}`);
  }
}

/** The log of webhooks. */
export class Deliveries {
  constructor(private readonly control: Control) {}

  /** Deliveries of one event type, to one endpoint, of one status. */
  list(options: Page & { event?: string; endpoint?: string; status?: DeliveryStatus } = {}): Promise<DeliveryList> {
    return this.control.ask<DeliveryList>("GET", "/deliveries", { ...options });
  }

  /** Reads one. */
  get(id: string): Promise<Delivery> {
    return this.control.ask<Delivery>("GET", `/deliveries/${segment(id)}`);
  }

  /** Sends it once more, now, and waits until that is answered. */
  redeliver(id: string): Promise<Delivery> {
    return this.control.ask<Delivery>("POST", `/deliveries/${segment(id)}/redeliver`);
  }
}
