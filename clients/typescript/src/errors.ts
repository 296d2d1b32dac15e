import type { Violation } from "./types.js";

/** A request was refused, or the sandbox cannot be reached or started. */
export class LeapdayError extends Error {
  override name = "LeapdayError";

  constructor(
    /** What is wrong, in a sentence; the error's own message says all of it. */
    readonly reason: string,
    /** Of the answer; `undefined` if there was none. */
    readonly status?: number,
    /** Everything that is wrong with the request, each with a JSON pointer. */
    readonly violations: Violation[] = [],
    /** The kind of refusal, of the control API: `invalid`, `not_found`, `conflict`. */
    readonly error?: string,
    /** What the vendor calls it, where a refusal of the control API is the vendor's. */
    readonly code?: string,
  ) {
    const told = status === undefined ? reason : `${status}: ${reason}`;
    const lines = violations.map((one) => `  ${one.place} ${one.pointer} ${one.rule}: ${one.message}`);
    super([told, ...lines].join("\n"));
  }
}

/** What a test waited for did not happen; the message lists what did. */
export class ExpectationError extends LeapdayError {
  override name = "ExpectationError";
}
