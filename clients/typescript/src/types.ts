/**
 * What the control API answers: the JSON itself, typed. The names are the API's own, and a test holds each of these
 * types against the OpenAPI document of the binary. Instants are RFC 3339 in UTC: they compare and sort as text.
 */

/** Webhooks of an advance: each instant's before the clock moves past it, or all once it has arrived. */
export type Deliver = "settle" | "burst";
/** Rules for faults that belong together. */
export type Profile = "flaky" | "slow" | "offline" | "rate-limited";
/** What a rule does to a webhook. */
export type Action = "duplicate" | "reorder" | "delay" | "drop";
/** How a webhook fared. */
export type DeliveryStatus = "pending" | "succeeded" | "failed" | "dropped" | "cancelled";
/** A vendor. */
export type Provider = "paygentic" | "paylera" | "paymennt";
/** A body in a vendor's shape. */
export type Json = any;

/** One thing that is wrong with a request. */
export interface Violation {
  place: string;
  pointer: string;
  rule: string;
  message: string;
  suggestion: string | null;
}

/** That the sandbox is there. */
export interface Health {
  status: "ok";
  version: string;
}

/** Where a clock stands, and whether it runs on. */
export interface ClockState {
  provider: string;
  now: string;
  mode: "flowing" | "frozen";
}

/** Which row something is about, and how much money. */
export interface Gist {
  noun: string;
  id: string;
  amount: string | null;
  currency: string | null;
}

/** An event without what it tells. */
export interface Brief {
  number: number;
  id: string;
  type: string;
  at: string;
  about: Gist;
}

/** Something that happened; the body is what the vendor's webhook would send. */
export interface Event extends Brief {
  body: Record<string, Json>;
}

/** Events from `offset` on; ask again from `next`. */
export interface EventList {
  events: Event[];
  total: number;
  offset: number;
  limit: number;
  next: number;
}

/** What happened on the way of a clock, or with `dryRun` what would. */
export interface Journey {
  provider: string;
  from: string;
  now: string;
  fired: number;
  eventCount: number;
  events: Event[];
  /** Why it went no further. */
  stopped: { before: string; reason: string } | null;
  unanswered: string[];
  dryRun: boolean;
}

/** Something that falls due. */
export interface Due {
  at: string;
  what: string;
  about: Gist;
}

/** A journey to the next thing that was due. */
export interface Step extends Journey {
  due: Due;
}

/** Something that falls due, and the events that it will bring. */
export interface Expected extends Due {
  events: Brief[];
}

/** The calendar of a clock; `next` is when something is due that is not shown. */
export interface Upcoming {
  provider: string;
  now: string;
  until: string;
  upcoming: Expected[];
  next: string | null;
}

/** A rule by which requests are answered badly, late or not at all. */
export interface Fault {
  id: string;
  match: { operation: string | null; path: string | null };
  then: string;
  probability: number;
  times: number | null;
  until: string | null;
}

/** The rules of a world, or those just made. */
export interface FaultList {
  faults: Fault[];
}

/** A delivery that a request caused. */
export interface Told {
  id: string;
  event: number;
  type: string;
  status: DeliveryStatus;
  attempts: number;
}

/** A request that was made, and what it caused. */
export interface Request {
  number: number;
  receivedAt: string;
  at: string;
  method: string;
  path: string;
  operation: string | null;
  status: number;
  fault: string | null;
  violations: Violation[];
  body: string | null;
  answer: string | null;
  events: Brief[];
  deliveries: Told[];
  eventCount: number | null;
}

/** Requests from `offset` on; ask again from `next`. */
export interface RequestList {
  requests: Request[];
  total: number;
  offset: number;
  limit: number;
  next: number;
}

/** A request that was nearly the one that was looked for. */
export interface NearMiss {
  misses: string[];
  request: Request;
}

/** Whether the requests that were made are those that were expected. */
export interface Verification {
  verified: boolean;
  expected: string;
  count: number;
  requests: Request[];
  nearMisses: NearMiss[];
}

/** An e-mail or a text message that would have gone out. */
export interface Message {
  number: number;
  at: string;
  channel: "email" | "sms";
  to: string;
  subject: string;
  link: string | null;
}

/** Messages from `offset` on; ask again from `next`. */
export interface MessageList {
  messages: Message[];
  total: number;
  offset: number;
  limit: number;
  next: number;
}

/** A card to pay with. */
export interface Card {
  number: string;
  expMonth?: number;
  expYear?: number;
}

/** How a payment session ended. */
export interface Payment {
  session: string;
  status: string;
  paid: boolean;
  declineCode: string | null;
}

/** How the next charges of a customer, payment method or invoice go. */
export interface Script {
  of: string;
  outcomes: string[];
}

/** The scripts of a world. */
export interface ScriptList {
  outcomes: Script[];
}

/** Where webhooks are sent. */
export interface Endpoint {
  id: string;
  url: string;
  events: string[];
  secret: string;
  enabled: boolean;
  responsive: boolean;
  createdAt: string;
}

/** The webhook endpoints of a world. */
export interface EndpointList {
  endpoints: Endpoint[];
}

/** A rule that makes webhooks misbehave, so many times; `by` is how late, of a delay. */
export interface Rule {
  id: string;
  action: Action;
  endpoint: string | null;
  event: string | null;
  by?: string;
  times: number;
}

/** The webhook rules of a world. */
export interface RuleList {
  rules: Rule[];
}

/** One attempt to deliver a webhook: `at` on the clock of the event, `sentAt` on the wall. */
export interface Attempt {
  number: number;
  at: string;
  sentAt: string;
  durationMs: number;
  byHand: boolean;
  headers: Record<string, string>;
  response: { status: number; body: string } | null;
  error: string | null;
}

/** A webhook on its way to one endpoint. */
export interface Delivery {
  id: string;
  endpointId: string;
  url: string | null;
  eventId: string;
  eventType: string;
  status: DeliveryStatus;
  rule: Action | null;
  nextAttemptAt: string | null;
  createdAt: string;
  body: string;
  attempts: Attempt[];
}

/** Deliveries from `offset` on. */
export interface DeliveryList {
  deliveries: Delivery[];
  total: number;
  offset: number;
  limit: number;
}

/** A world in short; equal worlds have equal digests. */
export interface WorldState {
  provider: string;
  key: string;
  now: string;
  mode: "flowing" | "frozen";
  eventCount: number;
  rowCount: number;
  digest: string;
}

/** A world in the list of all. */
export interface WorldInfo {
  provider: string;
  key: string;
  now: string;
  mode: "flowing" | "frozen";
  eventCount: number;
  rowCount: number;
  snapshots: string[];
}

/** The worlds of a sandbox. */
export interface WorldList {
  worlds: WorldInfo[];
}

/** A world as it was, under a name. */
export interface Snapshot {
  provider: string;
  key: string;
  name: string;
  now: string;
  eventCount: number;
}

/** The snapshots of a world. */
export interface SnapshotList {
  snapshots: Snapshot[];
}

/** A world that another key was given. */
export interface Fork {
  provider: string;
  key: string;
  from: string;
}

/** What a world was begun anew with. */
export interface Reset {
  world: string;
}

/** A whole world, written down. */
export interface Export {
  leapday: string;
  provider: string;
  key: string;
  digest: string;
  world: Record<string, Json>;
}
