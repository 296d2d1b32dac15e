/** Webhooks that come, signed by each vendor in its way; and those that are not. */

import assert from "node:assert/strict";
import test from "node:test";

import { type Provider, Sandbox, verifySignature } from "leapday";

import { order, sandbox, signUp, subscribe } from "./shop.js";

test("Paygentic", async () => {
  const world = sandbox.paygentic();
  const receiver = await world.receiver({ events: ["invoice.*", "subscription.*"] });
  const { subscription, session } = await subscribe(world);
  const issued = await receiver.expectWebhook("invoice.issued.v0");
  assert.equal(issued.body.data.id, subscription.payment.invoiceId);
  assert.match(issued.headers["svix-signature"] ?? "", /^v1,/);
  const other = await receiver.expectWebhook("*", { where: (one) => one.type !== issued.type });
  assert.equal(other.type, "subscription.created.v0");
  const none = receiver.expectWebhook("invoice.*", { timeout: 0 });
  await assert.rejects(none, { name: "ExpectationError", message: /^no webhook "invoice\.\*" within 0 ms; webhooks:/ });
  await world.pay(session);
  assert.equal((await receiver.expectWebhook("invoice.paid.v0")).body.data.status, "PAID");
  assert.ok(!receiver.received.some((one) => one.type === "customer.created.v0"));
  await world.close();
  assert.deepEqual(await world.webhookEndpoints.list(), [], "a receiver that closes takes its endpoint with it");
});

test("Paylera tries again on the clock", async () => {
  const world = sandbox.paylera();
  const receiver = await world.receiver({ events: ["invoice.paid"] });
  receiver.status = 500;
  await signUp(world);
  const first = await receiver.expectWebhook("invoice.paid");
  receiver.status = 200;
  await world.clock.advance("PT15S");
  const second = await receiver.expectWebhook("invoice.paid");
  assert.deepEqual([first.answered, second.answered, first.raw], [500, 200, second.raw]);
  const [delivery] = (await world.deliveries.list({ status: "succeeded" })).deliveries;
  assert.deepEqual(
    delivery?.attempts.map((one) => one.at),
    ["2028-01-31T00:00:00Z", "2028-01-31T00:00:15Z"],
  );
});

test("Paymennt", async () => {
  const world = sandbox.paymennt();
  const receiver = await world.receiver();
  const session = await order(world);
  await world.pay(session);
  assert.equal((await receiver.expectWebhook("checkout.paid")).body.id, session);
});

test("Paymennt signs as the sandbox was told", async () => {
  const signature = "X-Sig:sha512:base64";
  const other = await Sandbox.start({ flags: ["--strict", "--webhook-signature", signature] });
  const world = other.paymennt();
  const receiver = await world.receiver({ signature });
  await order(world);
  assert.equal((await receiver.expectWebhook("checkout.pending")).headers["x-sig"]?.length, 88);
  await other.stop();
});

test("what is not signed is turned away", async () => {
  const world = sandbox.paylera();
  const receiver = await world.receiver();
  await signUp(world);
  const right = await receiver.expectWebhook();
  const body = JSON.stringify({ ...right.body, type: "invoice.paid" });
  const signed = right.headers["paylera-signature"] ?? "";
  const forged = await fetch(receiver.url, { method: "POST", body, headers: { "paylera-signature": signed } });
  assert.equal(forged.status, 400);
  const message = /turned away: the signature in paylera-signature is not of this body and secret/;
  await assert.rejects(receiver.expectWebhook("subscription.*"), { message });
});

// The vector with which Svix's own libraries test themselves; Paylera's own; RFC 4231, test case 2.
const vectors: [Provider, string, Record<string, string>, string, number][] = [
  [
    "paygentic",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    {
      "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "svix-timestamp": "1614265330",
      "Svix-Signature": "v1,old= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    '{"test": 2432232314}',
    1614265330,
  ],
  [
    "paylera",
    "whsec_test_secret",
    { "Paylera-Signature": "t=1736179200,v1=old,v1=bd8795ee1fc65174977e1ec17bd330b473c3c691ba9ebf241e472cef6c49866a" },
    '{"id":"evt_1","type":"invoice.paid"}',
    1736179200,
  ],
  [
    "paymennt",
    "Jefe",
    { "X-Paymennt-Signature": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    "what do ya want for nothing?",
    0,
  ],
];
for (const [provider, secret, headers, body, at] of vectors) {
  test(`the vector of ${provider}`, () => {
    verifySignature(provider, secret, headers, body, { now: at + 299 });
    const wrong = { message: /is not of this body and secret/ };
    assert.throws(() => verifySignature(provider, secret, headers, `${body} `, { now: at }), wrong);
    assert.throws(() => verifySignature(provider, secret, {}, body, { now: at }), { message: /has no header/ });
    if (provider !== "paymennt") {
      const late = (): void => verifySignature(provider, secret, headers, body, { now: at + 301 });
      assert.throws(late, { message: /not within 300 s of now/ });
    }
  });
}
