/** What a client is for: a year of billing with the dates of a calendar, and worlds that never meet. */

import assert from "node:assert/strict";
import test from "node:test";

import type { Json } from "leapday";

import { order, sandbox, signUp, subscribe } from "./shop.js";

const MONTHS = [
  ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31", "2028-06-30", "2028-07-31"],
  ["2028-08-31", "2028-09-30", "2028-10-31", "2028-11-30", "2028-12-31", "2029-01-31"],
].flat();
const midnight = (day: string): string => `${day}T00:00:00Z`;

test("a year at Paygentic", async () => {
  const world = sandbox.paygentic();
  const { clock, session } = await subscribe(world);
  await world.pay(session);
  await world.clock.advance({ to: "2029-02-01T00:00:00Z" }, { clock });
  const invoices = (await world.call("GET", "/v2/invoices?limit=20")).data;
  const ends = [...MONTHS.slice(1), "2029-02-28", "2029-03-31"].map(midnight);
  assert.deepEqual(
    invoices.map((one: Json) => one.periodEnd),
    ends,
  );
  assert.deepEqual(new Set(invoices.map((one: Json) => one.grandTotal)), new Set(["54.14"]), "49.90 and 8.5 % tax");
  const issued = (await world.events.list("invoice.issued.v0")).events.map((one) => one.at);
  assert.deepEqual(issued.slice(0, 4), ["2028-01-31", "2028-03-01", "2028-04-01", "2028-05-01"].map(midnight));
});

test("a year at Paylera", async () => {
  const world = sandbox.paylera();
  await signUp(world);
  const seen = await world.clock.preview("P1Y");
  assert.deepEqual((await world.clock.advance("P1Y")).events, seen.events);
  const paid = (await world.events.list("invoice.paid")).events;
  assert.deepEqual(
    paid.map((one) => one.at),
    MONTHS.map(midnight),
  );
});

test("dunning by script", async () => {
  const world = sandbox.paylera();
  await world.script(await signUp(world), ["decline", "succeed"]);
  await world.clock.advance("P1M");
  const failed = await world.expectEvent("payment.failed");
  assert.deepEqual([failed.at, failed.about.amount], ["2028-02-29T00:00:00Z", "52.92"]);
  await world.clock.advance("P3D");
  const paid = await world.expectEvent("payment.succeeded", { offset: failed.number });
  assert.equal(paid.at, "2028-03-03T00:00:00Z");
});

test("64 worlds in parallel", async () => {
  const months = Array.from({ length: 64 }, (_, n) => (n % 12) + 1);
  const found = await Promise.all(
    months.map(async (number) => {
      const world = sandbox.paygentic();
      const { clock, session } = await subscribe(world);
      await world.pay(session);
      const { now } = await world.clock.advance(`P${number}M`, { clock });
      const invoices = (await world.call("GET", "/v2/invoices?limit=100")).data.length;
      return { key: world.key, now, invoices };
    }),
  );
  assert.deepEqual(
    found.map((one) => one.invoices),
    months.map((number) => number + 2),
    "one each month, each its own",
  );
  assert.deepEqual(
    found.map((one) => one.now),
    months.map((number) => midnight(MONTHS[number] ?? "")),
  );
  assert.equal(new Set(found.map((one) => one.key)).size, 64);
});

test("worlds of one key at two vendors", async () => {
  const [paylera, paymennt] = [sandbox.paylera("sk_sandbox_two"), sandbox.paymennt("sk_sandbox_two")];
  await order(paymennt);
  assert.equal((await paylera.events.list()).total, 0);
  assert.equal((await paymennt.events.list()).total, 1);
});
