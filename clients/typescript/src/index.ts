/** Leapday: a local sandbox for subscription-billing APIs whose clock you can turn. */

export { ExpectationError, LeapdayError } from "./errors.js";
export type {
  Beginning,
  Clock,
  Deliveries,
  Events,
  FaultOptions,
  Faults,
  Instant,
  OfClock,
  Page,
  Target,
  WebhookEndpoints,
  WebhookRules,
} from "./groups.js";
export { type Receiver, type ReceiverOptions, verifySignature, type Webhook } from "./receiver.js";
export { type ConnectOptions, Sandbox, type StartOptions } from "./sandbox.js";
export type * from "./types.js";
export type { ExpectedRequests, JournalFilter, World } from "./world.js";
