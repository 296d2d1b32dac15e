/** A customer of each vendor, by plain HTTP; and the sandbox of a file of tests. */

import { after } from "node:test";

import { type Json, Sandbox, type World } from "leapday";

export const START = "2028-01-31T00:00:00Z";
export const DECLINES = "4000 0000 0000 0002";
const ADA = { name: "Ada", email: "ada@example.com", address: { country: "US", state: "CA", zipCode: "94105" } };

export const sandbox = await Sandbox.start({ flags: ["--strict"] });
after(() => sandbox.stop());

/** One event at Paygentic. */
export async function customer(world: World, number = 0): Promise<void> {
  const consumer = { ...ADA, email: `${number}@example.com` };
  await world.call("POST", "/v0/customers", { merchantId: "org_a", consumer });
}

/** A monthly subscription at Paygentic on a test clock, whose first payment is due. */
export async function subscribe(world: World): Promise<{ clock: string; subscription: Json; session: string }> {
  const clock = (await world.call("POST", "/v0/testClocks", { currentTime: START })).id;
  const terms = { name: "Ada", planId: "plan_starterMonthly", startedAt: START, testClockId: clock, customer: ADA };
  const subscription = await world.call("POST", "/v0/subscriptions", terms);
  return { clock, subscription, session: subscription.payment.paymentSessionId };
}

/** A monthly subscription at Paylera on the clock of the world; tells the customer. */
export async function signUp(world: World): Promise<string> {
  await world.clock.set(START);
  const who = (await keyed(world, "/v1/customers", { email: "ada@example.com" })).id;
  const card = { type: "card", token: "tok_visa_success", set_as_default: true };
  await keyed(world, `/v1/customers/${who}/payment-methods`, card);
  await keyed(world, "/v1/subscriptions", { customer_id: who, plan_code: "starter-monthly-usd", trial_days: 0 });
  return who;
}

/** Paylera wants an idempotency key with every write. */
function keyed(world: World, path: string, body: object): Promise<Json> {
  return world.call("POST", path, body, { "idempotency-key": path });
}

/** A checkout at Paymennt that waits to be paid. */
export async function order(world: World, number = "1"): Promise<string> {
  const terms = { requestId: number, orderId: number, currency: "AED", amount: "100", expiresIn: "60" };
  return (await world.call("POST", "/checkout/qr", { ...terms, description: "At the counter" })).result.id;
}
