import type { Event, Request, Verification } from "./types.js";

export const SHOWN = 20;

/** As the control API compares: `invoice.*` means all that begin so. */
export function matches(wanted: string, name: string): boolean {
  return wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

export function last(lines: string[], what: string): string {
  if (lines.length === 0) return `no ${what}`;
  const more = lines.length > SHOWN ? ` (the last ${SHOWN} of ${lines.length})` : "";
  return [`${what}${more}:`, ...lines.slice(-SHOWN)].join("\n  ");
}

export function events(happened: Event[]): string {
  return last(happened.map(event), "events");
}

export function requests(made: Request[]): string {
  return last(made.map(request), "requests");
}

export function unverified(found: Verification): string {
  const near = found.nearMisses.map((one) => `${request(one.request)}: ${one.misses.join("; ")}`);
  return `expected ${found.expected} such requests, and there were ${found.count}\n${last(near, "near misses")}`;
}

function event(one: Event): string {
  const { noun, id, amount, currency } = one.about;
  const money = amount === null ? "" : ` ${amount} ${currency}`;
  return `${String(one.number).padStart(4)}  ${one.at}  ${one.type}  ${noun} ${id}${money}`;
}

function request(one: Request): string {
  const wrong = one.violations.map((it) => `\n        ${it.pointer} ${it.rule}: ${it.message}`).join("");
  return `${String(one.number).padStart(4)}  ${one.at}  ${one.method} ${one.path} ${one.status}${wrong}`;
}
