//! Leapday as a library: a sandbox in a test's own process, and every method of the client once.

mod running;

use std::time::Duration;

use leapday::Sandbox;
use leapday::client::{Client, DeliveryStatus, Error, Fault, Mode, Requests, World};
use serde_json::{Value, json};

use crate::support::{api, fresh_key, text, web};

const JANUARY: &str = "2028-01-31T00:00:00Z";
const GOOD: &str = "4242 4242 4242 4242";
const BAD: &str = "4000 0000 0000 0002";

/// The sandbox that tests share, from outside.
fn shared() -> Client {
    Client::connect(&api().base).unwrap()
}

/// A new world of Paylera, at the end of January.
async fn paylera() -> World {
    let world = shared().paylera(&fresh_key().replace("sk_test", "sk_sandbox"));
    world.clock().set(JANUARY).await.unwrap();
    world
}

/// The same of Paygentic.
async fn paygentic() -> World {
    let world = shared().paygentic(&fresh_key());
    world.clock().set(JANUARY).await.unwrap();
    world
}

/// A customer at Paylera who pays 52.92 a month.
async fn subscriber(world: &World) -> String {
    let customer = world.post("/v1/customers", json!({ "email": "ada@example.com" })).await.unwrap();
    let customer = text(&customer, "id").to_owned();
    world.save_card(&customer, GOOD).await.unwrap();
    let wanted = json!({ "customer_id": customer, "plan_code": "starter-monthly-usd", "trial_days": 0 });
    world.post("/v1/subscriptions", wanted).await.unwrap();
    customer
}

/// A subscription at Paygentic whose first payment is open; the address of its page.
async fn checkout(world: &World) -> String {
    let address = json!({ "country": "US", "state": "CA", "zipCode": "94105" });
    let subscription = json!({
        "name": "Ada", "planId": "plan_starterMonthly", "startedAt": JANUARY,
        "customer": { "name": "Ada", "email": "ada@example.com", "address": address },
    });
    let made = world.post("/v0/subscriptions", subscription).await.unwrap();
    text(&made["payment"], "checkoutUrl").to_owned()
}

#[tokio::test]
async fn a_clock_is_read_set_previewed_advanced_and_stepped() {
    let world = paylera().await;
    let clock = world.clock();
    subscriber(&world).await;
    let reading = clock.now().await.unwrap();
    assert_eq!((reading.now.to_string().as_str(), reading.mode), (JANUARY, Mode::Frozen));
    let due = clock.upcoming("P1M").await.unwrap();
    assert_eq!((due.len(), due[0].what.as_str(), due[0].about.noun.as_str()), (1, "period_ends", "subscription"));
    assert_eq!((due[0].at.to_string().as_str(), due[0].events.len()), ("2028-02-29T00:00:00Z", 5));
    let preview = clock.preview("P1M").await.unwrap();
    assert_eq!(preview, clock.preview_to("2028-02-29T00:00:00Z").await.unwrap());
    let step = clock.step().await.unwrap();
    assert_eq!((step.due.what.as_str(), step.due.at), ("period_ends", due[0].at));
    assert_eq!((&step.journey.events, step.journey.now), (&preview.events, due[0].at));
    assert_eq!(step.journey.events[0].body["data"]["amount_due"], "52.92");
    let journey = clock.clone().burst().advance("P31D").await.unwrap();
    assert_eq!((journey.from, journey.fired, journey.events.len()), (due[0].at, 1, 5));
    let journey = clock.advance_to(journey.now.plus_millis(1).unwrap()).await.unwrap();
    assert!(journey.events.is_empty() && journey.unanswered.is_empty());
    assert_eq!(clock.flow().await.unwrap().mode, Mode::Flowing);
    assert_eq!(refused(clock.advance("1 month").await), 400);
}

#[tokio::test]
async fn an_advance_that_does_not_arrive_is_an_error() {
    let builder = Sandbox::builder().options(|options| options.timers_per_advance = 3);
    let sandbox = builder.start().await.unwrap();
    let world = sandbox.paylera("sk_sandbox_a");
    world.clock().set(JANUARY).await.unwrap();
    subscriber(&world).await;
    let said = unmet(world.clock().advance("P1Y").await);
    assert!(said.contains("before 2028-05-31T00:00:00Z") && said.contains("--timers-per-advance"), "{said}");
}

#[tokio::test]
async fn a_test_clock_is_a_clock() {
    let world = paygentic().await;
    let made = world.post("/v0/testClocks", json!({ "currentTime": JANUARY })).await.unwrap();
    let clock = world.test_clock(text(&made, "id"));
    assert_eq!(clock.set("2028-03-01T00:00:00Z").await.unwrap().now.to_string(), "2028-03-01T00:00:00Z");
    assert_eq!(clock.advance("P1D").await.unwrap().now.to_string(), "2028-03-02T00:00:00Z");
    assert_eq!(clock.now().await.unwrap().now.to_string(), "2028-03-02T00:00:00Z");
    assert_eq!(world.clock().now().await.unwrap().now.to_string(), JANUARY);
    assert!(clock.upcoming("P1M").await.unwrap().is_empty());
    assert_eq!(refused(clock.step().await), 409);
    let said = clock.flow().await.unwrap_err().to_string();
    assert!(said.contains("is a test clock"), "{said}");
}

#[tokio::test]
async fn outcomes_follow_a_script() {
    let world = paylera().await;
    let customer = subscriber(&world).await;
    let script = world.script(&customer, ["decline", "succeed"]).await.unwrap();
    assert_eq!(world.scripts().await.unwrap(), [script]);
    world.clock().advance("P1M").await.unwrap();
    assert_eq!(world.scripts().await.unwrap()[0].outcomes, ["succeed"]);
    let failed = world.expect_event("invoice.payment_failed").await.unwrap();
    assert_eq!((failed.about.amount.as_deref(), failed.about.currency.as_deref()), (Some("52.92"), Some("USD")));
    world.clock().advance("P3D").await.unwrap();
    world.events().of("invoice.paid").after(&failed).expect().await.unwrap();
    let wrong = world.script(&customer, ["perhaps"]).await.unwrap_err().to_string();
    assert!(wrong.contains("POST /_leapday/outcomes was refused with 400") && wrong.contains("perhaps"), "{wrong}");
}

#[tokio::test]
async fn sessions_are_paid_declined_and_failed() {
    let world = paygentic().await;
    let page = checkout(&world).await;
    let declined = world.pay_with(&page, BAD).await.unwrap();
    assert_eq!((declined.paid, declined.decline_code.as_deref()), (false, Some("card_declined")));
    let paid = world.pay(&page).await.unwrap();
    assert!(paid.paid && page.ends_with(&paid.session));
    assert_eq!(refused(world.pay(&page).await), 409);
    let world = paygentic().await;
    let page = checkout(&world).await;
    let failed = world.fail_payment(&page, "lost_card").await.unwrap();
    assert_eq!((failed.paid, failed.decline_code.as_deref()), (false, Some("lost_card")));
    let paylera = paylera().await;
    let customer = paylera.post("/v1/customers", json!({ "email": "ada@example.com" })).await.unwrap();
    assert_eq!(paylera.save_card(text(&customer, "id"), GOOD).await.unwrap()["card"]["last4"], "4242");
}

#[tokio::test]
async fn events_are_listed_waited_for_and_missed() {
    let world = paylera().await;
    subscriber(&world).await;
    let all = world.events().list().await.unwrap();
    assert!(all.iter().enumerate().all(|(number, event)| event.number == number));
    let paid = world.events().of("invoice.*").from(6).wait().await.unwrap();
    assert_eq!(paid.iter().map(|event| event.event_type.as_str()).collect::<Vec<_>>(), ["invoice.paid"]);
    assert_eq!(world.expect_event("invoice.paid").await.unwrap(), paid[0]);
    let none = world.events().of("invoice.voided").within(Duration::from_millis(1));
    assert!(none.clone().wait().await.unwrap().is_empty());
    let said = unmet(none.expect().await);
    assert!(said.starts_with("no event of type \"invoice.voided\" within 1ms; 9 happened:\n"), "{said}");
    assert!(said.contains("2028-01-31T00:00:00Z  invoice.paid ") && said.ends_with(&all[8].about.id), "{said}");
    assert_eq!(refused(world.expect_event("invoice.payed").await), 400);
    // What is asked for before it happens comes when it happens.
    let later = world.clone();
    let (event, _) = tokio::join!(world.expect_event("payment.failed"), async move {
        let customer = later.get("/v1/customers").await.unwrap()["data"][0]["id"].clone();
        later.script(customer.as_str().unwrap(), ["decline"]).await.unwrap();
        later.clock().advance("P1M").await.unwrap()
    });
    assert_eq!(event.unwrap().at.to_string(), "2028-02-29T00:00:00Z");
}

#[tokio::test]
async fn faults_come_and_go() {
    let world = paylera().await;
    let (faults, list) = (world.faults(), || world.call("GET", "/v1/customers", Value::Null));
    let rule = faults.add(Fault::status(503).operation("listCustomers").times(1)).await.unwrap();
    assert_eq!((rule[0].then.as_str(), rule[0].times, rule[0].probability), ("status:503", Some(1), 1.0));
    assert_eq!(list().await.unwrap().status, 503);
    assert_eq!(list().await.unwrap().status, 200);
    for fault in [Fault::reset(), Fault::truncate(), Fault::lose_answer()] {
        faults.add(fault.path("/v1/customers*").times(1)).await.unwrap();
        assert!(matches!(list().await, Err(Error::NoAnswer { .. })));
        faults.clear().await.unwrap();
    }
    let never = Fault::hang().probability(0.0).lasting(Duration::from_secs(60));
    assert!(faults.add(never).await.unwrap()[0].until.is_some());
    faults.add(Fault::latency(Duration::from_millis(1))).await.unwrap();
    assert_eq!(list().await.unwrap().status, 200);
    assert_eq!(faults.profile("flaky").await.unwrap().len(), 3);
    assert_eq!(faults.list().await.unwrap().len(), 5);
    faults.clear().await.unwrap();
    assert!(faults.list().await.unwrap().is_empty());
    assert_eq!(refused(faults.profile("flakey").await), 400);
}

#[tokio::test]
async fn messages_are_listed_and_expected() {
    let world = shared().paymennt(&fresh_key(), "secret");
    world.clock().set(JANUARY).await.unwrap();
    let wanted = json!({
        "description": "Cookies", "currency": "AED", "amount": 100, "startDate": "2028-01-31", "sendOnHour": 10,
        "sendEvery": "MONTH", "customer": { "firstName": "Ada", "lastName": "L", "email": "ada@example.com" },
    });
    world.post("/subscription", wanted).await.unwrap();
    world.clock().advance("P1M").await.unwrap();
    world.clock().advance("P1M").await.unwrap();
    let messages = world.messages().await.unwrap();
    assert_eq!(messages.iter().map(|message| message.channel.as_str()).collect::<Vec<_>>(), ["email", "email"]);
    let latest = world.expect_message("ada@example.com").await.unwrap();
    assert_eq!((latest.at.to_string().as_str(), &latest), ("2028-02-29T10:00:00Z", &messages[1]));
    assert!(latest.link.is_some_and(|link| link.contains("/paymennt/link/")));
}

#[tokio::test]
async fn the_journal_is_read_and_checked() {
    let world = paylera().await;
    let answer = world.call("POST", "/v1/customers", json!({ "email": 7 })).await.unwrap();
    assert!(answer.header("leapday-violation").unwrap().contains("/email"));
    subscriber(&world).await;
    let journal = world.journal().await.unwrap();
    assert_eq!(journal.iter().map(|entry| entry.status).collect::<Vec<_>>(), [422, 201, 201]);
    assert_eq!((journal[0].violations.len(), journal[2].operation.as_deref()), (1, Some("createSubscription")));
    assert_eq!(journal[2].events.last().unwrap().event_type, "subscription.activated");
    let once = Requests::of("createCustomer").method("POST").path("/v1/customers").status(201);
    let once = once.body_contains("ada@example.com");
    assert_eq!(world.verify(once.clone().times(1)).await.unwrap(), journal[1..2]);
    assert_eq!(world.verify(Requests::any().at_least(2).at_most(3)).await.unwrap().len(), 3);
    let said = unmet(world.verify(once.body_contains("grace@").within(Duration::from_millis(1))).await);
    assert!(said.contains("0 such requests, expected at least 1\n  near: POST /v1/customers answered 201: "), "{said}");
}

#[tokio::test]
async fn a_world_is_a_value() {
    let world = paylera().await;
    let new = world.about().await.unwrap();
    assert_eq!((new.provider.as_str(), new.key.as_str(), new.mode), ("paylera", world.key(), Mode::Frozen));
    let kept = world.snapshot("before").await.unwrap();
    assert_eq!((kept.name.as_str(), kept.now, kept.event_count), ("before", new.now, new.event_count));
    subscriber(&world).await;
    let written = world.export().await.unwrap();
    let with_ada = world.about().await.unwrap();
    assert_ne!(with_ada.digest, new.digest);
    let fork = world.fork(&format!("{}_fork", world.key())).await.unwrap();
    assert_eq!(world.snapshots().await.unwrap(), std::slice::from_ref(&kept));
    assert_eq!(world.restore("before").await.unwrap(), kept);
    assert_eq!(world.about().await.unwrap().digest, new.digest);
    assert_eq!(fork.events().list().await.unwrap().len(), 9);
    assert_eq!(refused(world.fork(fork.key()).await), 409);
    assert_eq!(world.import(written).await.unwrap().digest, with_ada.digest);
    world.reset_to("empty").await.unwrap();
    assert!(world.get("/v1/plans").await.unwrap()["data"].as_array().unwrap().is_empty());
    world.reset().await.unwrap();
    assert!(!world.get("/v1/plans").await.unwrap()["data"].as_array().unwrap().is_empty());
    fork.forget().await.unwrap();
    assert_eq!(fork.events().list().await.unwrap().len(), 0);
    assert!(!format!("{world:?}").contains("Bearer"));
    assert_eq!(world.credentials(), [("authorization".to_owned(), format!("Bearer {}", world.key()))]);
}

#[tokio::test]
async fn a_receiver_hands_out_what_is_signed() {
    let world = paygentic().await;
    let receiver = world.receiver().await.unwrap();
    receiver.answer_with(500);
    world.pay(&checkout(&world).await).await.unwrap();
    let webhook = receiver.expect_webhook("invoice.*").await.unwrap();
    assert_eq!(
        (webhook.event_type.as_str(), &webhook.body["eventType"]),
        ("invoice.issued.v0", &json!("invoice.issued.v0"))
    );
    assert!(receiver.secret().starts_with("whsec_") && webhook.header("svix-signature").is_some());
    assert_eq!(receiver.expect_webhook("invoice.*").await.unwrap().event_type, "invoice.paid.v0");
    receiver.answer_with(200);
    world.clock().advance("PT5S").await.unwrap();
    let again = receiver.expect_webhook("invoice.issued.v0").await.unwrap();
    assert_eq!((again.bytes.clone(), again.header("svix-id")), (webhook.bytes.clone(), webhook.header("svix-id")));
    let delivery = receiver.delivery_of(&again).await.unwrap();
    assert_eq!(delivery.status, DeliveryStatus::Succeeded);
    assert_eq!(
        delivery.attempts.iter().map(|one| one.response.as_ref().unwrap().status).collect::<Vec<_>>(),
        [500, 200]
    );
    assert_eq!(delivery.attempts[1].at.to_string(), "2028-01-31T00:00:05Z");
    assert_eq!(world.redeliver(&delivery.id).await.unwrap().attempts.len(), 3);
    assert!(world.deliveries().await.unwrap().iter().any(|one| one.id == delivery.id && one.attempts[2].by_hand));
    let patience = Duration::from_millis(1);
    let said = unmet(receiver.expect_webhook_within("payment.failed.v0", patience).await);
    assert!(said.starts_with("no further webhook of type \"payment.failed.v0\" within 1ms; "), "{said}");
    assert!(said.contains("\n  invoice.paid.v0  {"), "{said}");
    assert!(receiver.received().unwrap().len() > 3);
    // Somebody else's word is not the vendor's.
    let body = br#"{"eventType":"payment.failed.v0"}"#;
    posted(receiver.url(), &[], body);
    let said = unmet(receiver.expect_webhook("payment.failed.v0").await);
    assert!(said.starts_with("a webhook is not signed as its vendor signs: there is no header svix-"), "{said}");
    let headers = ["svix-id", "svix-timestamp", "svix-signature"].map(|name| (name, again.header(name).unwrap()));
    posted(receiver.url(), &headers, br#"{"eventType":"invoice.voided.v0"}"#);
    let said = unmet(receiver.expect_webhook("invoice.voided.v0").await);
    assert!(said.contains("svix-signature has no v1,"), "{said}");
    assert!(receiver.received().is_err());
}

#[tokio::test]
async fn every_vendor_signs_what_a_receiver_takes() {
    let world = paylera().await;
    let receiver = world.receiver_of(["payment.succeeded"]).await.unwrap();
    subscriber(&world).await;
    let webhook = receiver.expect_webhook("payment.*").await.unwrap();
    assert_eq!(webhook.header("paylera-event-type"), Some("payment.succeeded"));
    let forged = String::from_utf8(webhook.bytes.to_vec()).unwrap().replace("52.92", "0.01");
    let headers = [("paylera-signature", webhook.header("paylera-signature").unwrap())];
    posted(receiver.url(), &headers, forged.as_bytes());
    let said = unmet(receiver.expect_webhook("payment.*").await);
    assert!(said.contains("paylera-signature has no v1="), "{said}");
    let signature = "x-merchant-signature:sha512:base64";
    let builder = Sandbox::builder().options(|options| options.signature = Some(signature.parse().unwrap()));
    let sandbox = builder.start().await.unwrap();
    for (merchant, header) in [
        (shared().paymennt(&fresh_key(), "secret"), "x-paymennt-signature"),
        (sandbox.paymennt("a", "secret"), "x-merchant-signature"),
    ] {
        let receiver = merchant.receiver().await.unwrap();
        let made = merchant.post("/checkout/web", web(&fresh_key())).await.unwrap();
        merchant.pay(text(&made["result"], "id")).await.unwrap();
        let webhook = receiver.expect_webhook("checkout.paid").await.unwrap();
        let forged = String::from_utf8(webhook.bytes.to_vec()).unwrap().replacen("PAID", "REFUNDED", 1);
        posted(receiver.url(), &[(header, webhook.header(header).unwrap())], forged.as_bytes());
        let said = unmet(receiver.expect_webhook("checkout.refunded").await);
        assert!(said.contains(header), "{said}");
    }
    let stranger = Client::connect(sandbox.base_url()).unwrap().paymennt("b", "secret");
    let receiver = stranger.receiver().await.unwrap();
    stranger.post("/checkout/web", web("r")).await.unwrap();
    let said = unmet(receiver.expect_webhook("checkout.pending").await);
    assert!(said.contains("there is no header x-paymennt-signature"), "{said}");
    let told =
        Client::connect(sandbox.base_url()).unwrap().webhook_signature(signature).unwrap().paymennt("c", "secret");
    let receiver = told.receiver().await.unwrap();
    told.post("/checkout/web", web("r")).await.unwrap();
    receiver.expect_webhook("checkout.pending").await.unwrap();
}

/// Somebody posts to a receiver.
fn posted(url: &str, headers: &[(&str, &str)], body: &[u8]) {
    let mut request = ureq::post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send(body).unwrap();
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Error>) -> u16 {
    match answer {
        Err(Error::Refused(refusal)) => refusal.status,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn unmet<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Unmet(said)) => said,
        other => panic!("{other:?}"),
    }
}
