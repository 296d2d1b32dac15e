/** Every method once; and together they reach all that the control API can do, with the types that it documents. */

import assert from "node:assert/strict";
import test from "node:test";

import type { Json, LeapdayError } from "leapday";

import * as shapes from "./shapes.js";
import { customer, DECLINES, order, sandbox, signUp, START, subscribe } from "./shop.js";

// Of these every method does without: a World names itself by its headers.
const BY_HEADERS = ["provider", "world"];

const parts: Record<string, () => Promise<void>> = {
  async clock() {
    const world = sandbox.paygentic();
    assert.equal((await world.clock.get()).mode, "flowing");
    const set = await world.clock.set(START, { deliver: "burst" });
    assert.deepEqual(set, { provider: "paygentic", now: START, mode: "frozen" });
    assert.equal(await world.clock.now(), START);
    const { clock, session } = await subscribe(world);
    await world.pay(session);
    const coming = await world.clock.upcoming("P1M", { clock, limit: 3 });
    assert.equal(coming.upcoming[0]?.what, "renewal_reminder");
    const seen = await world.clock.preview("P2M", { clock, offset: 1, limit: 2 });
    assert.deepEqual([seen.dryRun, seen.events.length], [true, 2]);
    assert.equal((await world.clock.get({ clock })).now, START, "a preview changes nothing");
    assert.equal((await world.clock.step({ clock, dryRun: true })).dryRun, true);
    const step = await world.clock.step({ clock, deliver: "burst", offset: 0, limit: 10 });
    assert.equal(step.due.at, step.now);
    const whole = await world.clock.preview({ to: "2028-03-01T00:00:00Z" }, { clock });
    const there = new Date(Date.UTC(2028, 2, 1));
    const went = await world.clock.advance({ to: there }, { clock, deliver: "settle", offset: 0, limit: 1000 });
    assert.deepEqual(went, { ...whole, dryRun: false }, "the preview is the advance");
    assert.equal(went.now, "2028-03-01T00:00:00Z");
    assert.equal((await world.clock.advance("P1D")).from, START);
    assert.equal((await world.clock.flow()).mode, "flowing");
  },

  async events() {
    const world = sandbox.paygentic();
    assert.deepEqual((await world.events.wait("invoice.*", { timeout: 0 })).events, []);
    await subscribe(world);
    const listed = await world.events.list("customer.*", { offset: 0, limit: 5 });
    assert.deepEqual(
      listed.events.map((one) => one.type),
      ["customer.created.v0"],
    );
    const waited = await world.events.wait("subscription.*", { timeout: 5_000, offset: 1, limit: 1 });
    assert.deepEqual(
      waited.events.map((one) => one.number),
      [1],
    );
    const invoice = await world.expectEvent("invoice.issued.v0");
    assert.deepEqual([invoice.at, invoice.about.amount, invoice.about.currency], [START, "54.14", "USD"]);
    const again = await world.expectEvent("invoice.*", { offset: 1, where: (one) => one.about.amount === "54.14" });
    assert.deepEqual(again, invoice);
    await assert.rejects(world.events.list("invoice.payed.v0"), (error: LeapdayError) => {
      assert.match(error.message, /no event type/);
      assert.deepEqual([error.status, error.violations[0]?.pointer], [400, "/type"]);
      return true;
    });
  },

  async faults() {
    const world = sandbox.paygentic();
    const once = { operation: "listPlans", path: "/v0/*", probability: 1, times: 1, ttl: "1h" };
    const fault = await world.faults.add("status:503", once);
    assert.deepEqual([fault.match.operation, fault.times], ["listPlans", 1]);
    await assert.rejects(world.call("GET", "/v0/plans"), { status: 503 });
    assert.ok((await world.call("GET", "/v0/plans")).data.length > 0);
    const flaky = await world.faults.profile("flaky", { operation: "create*", times: 9 });
    assert.ok(flaky.length > 1);
    await world.faults.delete(flaky[0]?.id ?? "");
    assert.deepEqual(await world.faults.list(), flaky.slice(1));
    await world.faults.clear();
    assert.deepEqual(await world.faults.list(), []);
    await world.faults.add("lose_answer", { operation: "createTestClock" });
    const lost = world.call("POST", "/v0/testClocks", { currentTime: START });
    await assert.rejects(lost, { status: undefined, message: /^no answer to POST / });
    assert.equal((await world.call("GET", "/v0/testClocks")).data.length, 1, "done, though nobody said so");
  },

  async journal() {
    const world = sandbox.paygentic();
    await assert.rejects(world.call("POST", "/v0/products", {}), { status: 400, message: /\/name required/ });
    const receiver = await world.receiver({ events: ["customer.*"] });
    await subscribe(world);
    await receiver.expectWebhook();
    const [wrong] = (await world.journal({ violated: true, limit: 5, offset: 0 })).requests;
    assert.deepEqual(Object.keys(wrong?.violations[0] ?? {}).sort(), [
      "message",
      "place",
      "pointer",
      "rule",
      "suggestion",
    ]);
    const filter = { operation: "create*", method: "POST", path: "/v0/subscriptions", status: 201, contains: "Ada" };
    const [made, ...others] = (await world.journal({ ...filter, timeout: 5_000 })).requests;
    assert.deepEqual([made?.operation, others.length], ["createSubscription", 0]);
    assert.deepEqual(Object.keys(made?.events[0] ?? {}).sort(), ["about", "at", "id", "number", "type"]);
    assert.deepEqual(Object.keys(made?.deliveries[0] ?? {}).sort(), ["attempts", "event", "id", "status", "type"]);
    const expected = { method: "POST", path: "/v0/*", status: 201, bodyContains: ["Ada"], atLeast: 1, atMost: 1 };
    assert.equal((await world.verify("createSubscription", expected)).count, 1);
    assert.equal((await world.verify("createProduct", { status: 201, count: 0, timeout: 0 })).expected, "0");
    const missed = world.verify("createSubscription", { status: 400, count: 2 });
    await assert.rejects(missed, {
      name: "ExpectationError",
      message: /expected 2 such .*\n.*near misses[^]*status is 201/,
    });
  },

  async messages() {
    const world = sandbox.paymennt();
    await world.clock.set(START);
    const customer = { firstName: "Ada", lastName: "L", email: "ada@example.com" };
    const terms = { description: "Cookies", currency: "AED", amount: 100, customer, startDate: "2028-01-31" };
    await world.call("POST", "/subscription", { ...terms, sendOnHour: 10, sendEvery: "MONTH" });
    await world.clock.advance("P1M");
    const message = await world.expectMessage("ada@example.com");
    assert.deepEqual([message.at, message.channel], ["2028-01-31T10:00:00Z", "email"]);
    assert.ok(message.link?.startsWith(sandbox.url));
    assert.equal((await world.messages("ada@example.com", { limit: 1, offset: 0, timeout: 1_000 })).messages.length, 1);
    const none = world.expectMessage("bob@example.com", { timeout: 0 });
    await assert.rejects(none, { message: /no message to bob@example.com within 0 ms; messages/ });
  },

  async payments() {
    const [world, other] = [sandbox.paygentic(), sandbox.paygentic()];
    const { session, subscription } = await subscribe(world);
    const failed = await other.failPayment((await subscribe(other)).session, { code: "expired_card" });
    assert.equal(failed.paid, false);
    const declined = await world.pay(session, { card: DECLINES, savePaymentMethod: true });
    assert.deepEqual([declined.paid, declined.declineCode], [false, "card_declined"]);
    const card = { number: "4242 4242 4242 4242", expMonth: 12, expYear: 2035 };
    assert.equal((await world.pay(session, { card, savePaymentMethod: true })).paid, true);
    const who = subscription.customerId;
    assert.ok((await world.saveCard(who, { card: "5555 5555 5555 4444" }))["id"]);
    const script = await world.script(who, ["decline:insufficient_funds", "succeed"]);
    assert.deepEqual(await world.scripts(), [script]);
    await world.clearScript(who);
    assert.deepEqual(await world.scripts(), []);
  },

  async webhooks() {
    const world = sandbox.paylera();
    const receiver = await world.receiver();
    const made = await world.webhookEndpoints.create(receiver.url, { events: ["portal.*"], secret: "whsec_mine" });
    const change = { url: `${receiver.url}/b`, events: [], secret: "whsec_other", enabled: false };
    const endpoint = await world.webhookEndpoints.update(made.id, change);
    assert.deepEqual(await world.webhookEndpoints.get(endpoint.id), endpoint);
    assert.deepEqual(
      (await world.webhookEndpoints.list()).map((one) => one.url),
      [receiver.url, endpoint.url],
    );
    await world.webhookEndpoints.delete(endpoint.id);
    const mine = receiver.endpoint.id;
    const rule = await world.webhookRules.create("delay", {
      event: "customer.*",
      endpoint: mine,
      by: "PT10M",
      times: 1,
    });
    const twice = await world.webhookRules.create("duplicate", { event: "invoice.*" });
    assert.deepEqual(await world.webhookRules.list(), [rule, twice]);
    await world.webhookRules.delete(twice.id);
    await signUp(world);
    await receiver.expectWebhook("invoice.paid");
    assert.equal((await world.deliveries.list({ status: "pending" })).deliveries[0]?.rule, "delay");
    await world.clock.advance("PT1S"); // which waits until what was sent is answered
    const filter = { event: "invoice.paid", endpoint: mine, status: "succeeded", offset: 0, limit: 1 } as const;
    const [sent] = (await world.deliveries.list(filter)).deliveries;
    const again = await world.deliveries.redeliver(sent?.id ?? "");
    assert.deepEqual(
      again.attempts.map((one) => one.byHand),
      [false, true],
    );
    assert.deepEqual(await world.deliveries.get(again.id), again);
    await receiver.expectWebhook("invoice.paid");
    await receiver.close();
  },

  async worlds() {
    const world = sandbox.paymennt("a/b", "s");
    await world.clock.set(START);
    await order(world);
    const kept = await world.snapshot("kept");
    assert.deepEqual(await world.snapshots(), [kept]);
    const before = await world.state();
    assert.equal(before.key, "a/b:s");
    await order(await world.fork("b", { replace: true }), "2");
    assert.deepEqual(await world.state(), before, "what is done in a fork is done there");
    assert.equal((await (await world.fork()).state()).digest, before.digest, "a fork is the same world");
    const written = await world.exportWorld();
    assert.equal(await world.reset("empty", { now: "2040-01-31T00:00:00Z" }), "empty");
    assert.equal((await world.state()).now, "2040-01-31T00:00:00Z");
    assert.equal((await world.state()).eventCount, 0);
    assert.equal((await world.restore("kept")).name, "kept");
    assert.equal((await world.state()).digest, before.digest);
    await world.deleteSnapshot("kept");
    assert.deepEqual(await world.snapshots(), []);
    await world.reset();
    assert.equal((await world.importWorld(written)).digest, before.digest);
    assert.ok((await sandbox.worlds("paymennt")).some((one) => one.key === "a/b:s"));
    await sandbox.deleteWorld("paymennt", "a/b:s");
    assert.ok(!(await sandbox.worlds()).some((one) => one.key === "a/b:s"));
    const begins = { world: "empty", now: new Date("2020-02-29T00:00:00Z") };
    const made = await sandbox.createWorld("paygentic", sandbox.freshKey("paygentic"), begins);
    assert.match(await made.clock.now(), /^2020-02-29T00:00:00/);
    assert.deepEqual((await made.call("GET", "/v0/plans")).data, []);
  },

  async service() {
    assert.equal((await sandbox.health()).status, "ok");
    assert.deepEqual(Object.keys(await sandbox.operations()).sort(), ["paygentic", "paylera", "paymennt"]);
    assert.ok("/clock" in (await sandbox.openapi())["paths"]);
    assert.ok("/v0/plans" in (await sandbox.openapi("paygentic"))["paths"]);
  },

  async look() {
    const world = sandbox.paygentic();
    await customer(world);
    await assert.rejects(world.call("POST", "/v0/products", {}));
    const told = await world.look();
    assert.match(told, /^paygentic sk_test_\w+ at .*\nevents:\n.*customer\.created\.v0[^]*refused requests:\n.*400\n/);
  },
};

for (const [name, part] of Object.entries(parts)) test(name, part);

test("they reach all of the control API", async (t) => {
  const document = await sandbox.openapi();
  const rows = Object.entries<Json>(document["paths"]).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, row]) => ({
      method: method.toUpperCase(),
      path: path.replace(/\{\w+\}/g, "{}"),
      pattern: new RegExp(`^/_leapday${path.replace(/\{\w+\}/g, "[^/]+")}$`),
      row,
    })),
  );
  const used = new Map<string, Set<string>>();
  const real = globalThis.fetch;
  t.mock.method(globalThis, "fetch", (url: string, init: RequestInit) => {
    const { pathname, searchParams } = new URL(url);
    const row = rows.find((one) => one.method === init.method && one.pattern.test(pathname));
    if (row !== undefined) {
      const said = used.get(row.row.operationId) ?? new Set();
      used.set(row.row.operationId, said);
      for (const name of searchParams.keys()) said.add(name);
      for (const name of Object.keys(JSON.parse(String(init.body ?? "{}")))) said.add(name);
    }
    return real(url, init);
  });
  for (const part of Object.values(parts)) await part();

  const types = shapes.askedTypes();
  const found: string[] = [];
  for (const { method, path, row } of rows) {
    const [name, typed] = [row.operationId, types.get(`${method} ${path}`)];
    const said = used.get(name);
    if (said === undefined || typed === undefined) {
      found.push(`${name}: no method`);
      continue;
    }
    const body = row.requestBody?.content["application/json"].schema;
    const fields = body === undefined ? {} : (shapes.ofSchema(body, document) as Json).fields;
    const query = (row.parameters ?? []).filter((one: Json) => one.in === "query").map((one: Json) => one.name);
    const wanted = [...query, ...Object.keys(fields)].filter((one) => !BY_HEADERS.includes(one) || one in fields);
    found.push(...wanted.filter((one) => !said.has(one)).map((one) => `${name}: no way to say ${one}`));
    const [, done] = Object.entries<Json>(row.responses).find(([status]) => status < "300") ?? [];
    const schema = done.content?.["application/json"].schema;
    const documented = schema === undefined ? "nothing" : shapes.ofSchema(schema, document);
    found.push(...shapes.differences(typed, documented).map((one) => name + one));
  }
  await assert.rejects(sandbox.paygentic().faults.delete("7"), (error: LeapdayError) => {
    const { fields } = shapes.ofSchema({ $ref: "shared.error" }, document) as { fields: object };
    found.push(
      ...Object.keys(fields)
        .filter((name) => !(name in error))
        .map((name) => `error: no ${name}`),
    );
    assert.deepEqual([error.status, error.error, error.code, error.violations], [404, "not_found", undefined, []]);
    return true;
  });
  assert.deepEqual(found, []);
});

test("a difference is seen", () => {
  const properties = { a: { type: ["string", "null"] }, b: { type: "integer" } };
  const documented = shapes.ofSchema({ type: "object", properties, required: ["a"] }, {});
  const a = { any: ["null", "string"] };
  assert.deepEqual(shapes.differences({ fields: { a, b: "number" }, required: ["a"] }, documented), []);
  for (const other of [
    { fields: { a }, required: ["a"] },
    { fields: { a: "string", b: "number" }, required: ["a"] },
    { fields: { a, b: "number" }, required: ["a", "b"] },
    { fields: { a, b: "string" }, required: ["a"] },
  ]) {
    assert.equal(shapes.differences(other as shapes.Shape, documented).length, 1, JSON.stringify(other));
  }
});
