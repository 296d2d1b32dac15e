import { LeapdayError } from "./errors.js";
import type { Json, Provider } from "./types.js";

export type Query = Record<string, string | number | boolean | undefined>;

/** One base URL, the headers that go with every request, and a patience in milliseconds. */
export class Http {
  readonly url: string;

  constructor(
    url: string,
    readonly headers: Record<string, string>,
    readonly timeout: number,
  ) {
    if (!/^https?:\/\/[^/]/.test(url)) {
      throw new LeapdayError(`"${url}" is not the URL of a sandbox, such as http://127.0.0.1:4010`);
    }
    this.url = url.replace(/\/+$/, "");
  }

  /** The answer is its JSON, `undefined` if it is empty, or its text if it is no JSON. */
  async send(
    method: string,
    path: string,
    query: Query = {},
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Json> {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) asked.set(name, String(value));
    }
    const joint = asked.toString() === "" ? "" : path.includes("?") ? "&" : "?";
    const url = `${this.url}${path}${joint}${asked}`;
    const type: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(url, {
        method,
        headers: { accept: "application/json", ...type, ...this.headers, ...headers },
        signal: AbortSignal.timeout(this.timeout),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await answer.text();
    } catch (error) {
      throw new LeapdayError(`no answer to ${method} ${url}: ${why(error)}`);
    }
    if (!answer.ok) throw refusal(answer.status, text, answer.headers.get("leapday-violation"));
    return read(text);
  }
}

/** The control API, for one world or for none. Every call names the provider: one key may have worlds at several. */
export class Control {
  constructor(
    private readonly http: Http,
    private readonly provider?: Provider,
  ) {}

  ask<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
    return this.http.send(method, path, { provider: this.provider, ...query }, body);
  }
}

/** A piece of a path, written so that it stays one. */
export const segment = encodeURIComponent;

function why(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException) : undefined;
  return cause?.message || cause?.code || error.message;
}

function read(text: string): Json {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function refusal(status: number, text: string, hint: string | null): LeapdayError {
  const body = read(text);
  if (Array.isArray(body?.violations)) {
    return new LeapdayError(String(body.message), status, body.violations, body.error, body.code);
  }
  // A vendor's own shape: what is wrong stands beside it.
  return new LeapdayError([hint, text || "refused"].filter(Boolean).join("\n"), status);
}
