//! Attempts and the clock.

use std::sync::mpsc;

use leapday::blocking::Sandbox;
use serde_json::{Value, json};

use super::frozen;
use crate::support::{Api, Reaction, Receiver, api, bodies, text, texts};

/// A receiver that fails three times, and a clock that is advanced by a day.
#[test]
fn retries_happen_at_their_virtual_times() {
    let api = frozen();
    let receiver = Receiver::answering(|n, _| Reaction::Status(if n < 3 { 500 } else { 204 }));
    api.listen(&receiver, json!({}));
    api.next_customer();
    receiver.wait_for(1);
    api.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    let received = receiver.received();
    assert_eq!(received.len(), 4);
    assert!(received.iter().all(|one| one.bytes == received[0].bytes));
    assert!(received.iter().all(|one| one.header("svix-id") == received[0].header("svix-id")));
    let delivery = api.deliveries("").remove(0);
    assert_eq!((text(&delivery, "status"), &delivery["nextAttemptAt"]), ("succeeded", &Value::Null));
    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!(
        texts(attempts, "at"),
        ["2028-01-31T00:00:00Z", "2028-01-31T00:00:05Z", "2028-01-31T00:05:05Z", "2028-01-31T00:35:05Z"]
    );
    let statuses: Vec<u64> = attempts.iter().map(|one| one["response"]["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [500, 500, 500, 204]);
    assert_eq!(attempts[1]["response"]["body"], "answer 1");
    assert_eq!(attempts[3]["headers"]["svix-id"], received[3].header("svix-id"));
    assert_eq!(attempts[3]["headers"]["svix-signature"], received[3].header("svix-signature"));
}

#[test]
fn eight_attempts_over_a_day_and_then_no_more() {
    let api = frozen();
    let receiver = Receiver::answering(|_, _| Reaction::Status(503));
    api.listen(&receiver, json!({}));
    api.next_customer();
    receiver.wait_for(1);
    api.post("/_leapday/clock/advance", &json!({ "by": "P7D" })).expect(200);
    let delivery = api.deliveries("status=failed").remove(0);
    let attempts = delivery["attempts"].as_array().unwrap();
    let at = texts(attempts, "at");
    assert_eq!((at.len(), at[4], at[7]), (8, "2028-01-31T02:35:05Z", "2028-02-01T03:35:05Z"));
    assert_eq!(receiver.received().len(), 8);
}

#[test]
fn events_of_a_test_clock_are_retried_on_that_clock() {
    let api = api();
    let receiver = Receiver::answering(|n, _| Reaction::Status(if n == 0 { 500 } else { 200 }));
    let clock = api.clock("2028-01-31T00:00:00Z");
    let customer = api.customer("jo@example.com");
    api.listen(&receiver, json!({ "events": ["invoice.issued.v0"] }));
    api.subscribe("plan_starterMonthly", &customer, &clock, "2028-01-31T00:00:00Z", json!({}));
    receiver.wait_for(1);
    api.advance(&clock, "PT1M");
    let delivery = api.deliveries("").remove(0);
    assert_eq!(texts(delivery["attempts"].as_array().unwrap(), "at"), ["2028-01-31T00:00:00Z", "2028-01-31T00:00:05Z"]);
}

/// The app can act at the instant of an event, as in life: here it makes a customer out of each renewal.
#[test]
fn an_advance_settles_each_instant_before_it_goes_on() {
    let api = frozen();
    let app = api.clone();
    let receiver = Receiver::answering(move |_, received| {
        if received.event_type() == "invoice.issued.v0" {
            let at = text(&app.get("/_leapday/clock"), "now").to_owned();
            assert_eq!(at, text(&received.body, "timestamp"), "the clock waits for the webhook");
            app.next_customer();
        }
        Reaction::Status(200)
    });
    let customer = api.customer("jo@example.com");
    api.save_card(&customer, "4242424242424242");
    let subscription = api.create(
        "/v0/subscriptions",
        &json!({ "name": "S", "planId": "plan_starterMonthly", "customerId": customer, "autoCharge": true,
                 "startedAt": "2028-01-31T00:00:00Z" }),
    );
    assert_eq!(subscription["status"], "active");
    api.listen(&receiver, json!({}));
    let advanced = api.post("/_leapday/clock/advance", &json!({ "by": "P3M" })).expect(200);
    let events = bodies(&advanced);
    let made: Vec<&Value> = events.iter().filter(|event| event["eventType"] == "customer.created.v0").collect();
    let made: Vec<&str> = made.iter().map(|event| text(event, "timestamp")).collect();
    // Issued a day after each boundary, when the grace window of metered lines is over.
    assert_eq!(made, ["2028-03-01T00:00:00Z", "2028-04-01T00:00:00Z"]);
    let sent: Vec<String> = receiver.received().iter().map(|one| one.event_type().to_owned()).collect();
    assert_eq!(sent.len(), events.len());
    assert_eq!((&advanced["now"], &advanced["unanswered"]), (&json!("2028-04-30T00:00:00Z"), &json!([])));
}

#[test]
fn a_test_clock_settles_too_and_a_burst_does_not() {
    let api = api();
    let app = api.clone();
    let clock = api.clock("2028-01-31T00:00:00Z");
    let of = clock.clone();
    let receiver = Receiver::answering(move |_, received| {
        let now = text(&app.get(&format!("/v0/testClocks/{of}")), "currentTime").to_owned();
        let due = text(&received.body, "timestamp").to_owned();
        Reaction::Status(if now == due { 200 } else { 409 })
    });
    let customer = api.customer("jo@example.com");
    let subscription = api.subscribe("plan_starterMonthly", &customer, &clock, "2028-01-31T00:00:00Z", json!({}));
    api.pay(&subscription);
    api.listen(&receiver, json!({ "events": ["invoice.issued.v0"] }));
    api.advance(&clock, "P2M");
    assert_eq!(receiver.received().len(), 1);
    let burst = json!({ "by": "P2M", "clock": clock });
    let answer = api.post("/_leapday/clock/advance?deliver=burst", &burst).expect(200);
    assert_eq!(answer["now"], "2028-05-31T00:00:00Z");
    receiver.wait_for(3);
    let settled: Vec<bool> = api
        .deliveries("limit=10")
        .iter()
        .map(|delivery| delivery["attempts"][0]["response"]["status"] == json!(200))
        .collect();
    assert_eq!(settled.first(), Some(&true));
    assert!(receiver.received().len() >= 3);
}

#[test]
fn an_advance_from_within_a_webhook_is_refused_and_not_a_deadlock() {
    let api = frozen();
    let app = api.clone();
    let (told, answers) = mpsc::channel();
    let receiver = Receiver::answering(move |n, _| {
        if n == 1 {
            told.send(app.post("/_leapday/clock/advance", &json!({ "by": "P1D" }))).unwrap();
        }
        Reaction::Status(if n == 0 { 500 } else { 200 })
    });
    api.listen(&receiver, json!({}));
    api.next_customer();
    receiver.wait_for(1);
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1H" })).expect(200);
    answers.try_recv().unwrap().expect(409);
    assert_eq!(api.deliveries("status=succeeded").len(), 1);
}

#[test]
fn a_world_that_is_replaced_on_the_way_is_not_advanced() {
    const OTHER: &str = "2030-01-01T00:00:00Z";
    let api = frozen();
    let app = api.clone();
    let receiver = Receiver::answering(move |n, _| {
        if n == 1 {
            app.post("/_leapday/world/reset", &json!({ "now": OTHER })).expect(200);
        }
        Reaction::Status(if n == 0 { 500 } else { 200 })
    });
    api.listen(&receiver, json!({}));
    api.next_customer();
    receiver.wait_for(1);
    let refused = api.post("/_leapday/clock/advance", &json!({ "by": "PT1H" })).expect(409);
    assert!(text(&refused, "message").contains("replaced by another"), "{refused:#}");
    assert_eq!(api.get("/_leapday/clock")["now"], OTHER);
}

#[test]
fn what_was_under_way_for_another_world_is_not_noted_in_this_one() {
    let api = frozen();
    let app = api.clone();
    let receiver = Receiver::answering(move |n, _| {
        if n == 1 {
            app.post("/_leapday/world/snapshots/before/restore", &Value::Null).expect(200);
        }
        Reaction::Status([500, 503, 200][n])
    });
    api.listen(&receiver, json!({}));
    api.next_customer();
    // It settles: the first attempt is noted.
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    api.create("/_leapday/world/snapshots", &json!({ "name": "before" }));
    let again = format!("/_leapday/deliveries/{}/redeliver", text(&api.deliveries("")[0], "id"));
    api.post(&again, &Value::Null).expect(200);
    // What is about one row goes one after another: this attempt comes behind the one that nobody waits for any more.
    let delivery = api.post(&again, &Value::Null).expect(200);
    let attempts = delivery["attempts"].as_array().unwrap();
    let statuses: Vec<&Value> = attempts.iter().map(|attempt| &attempt["response"]["status"]).collect();
    assert_eq!(statuses, [500, 200], "{delivery:#}");
}

/// Whoever listens changes nothing: not what happens, not when, not under which id.
#[test]
fn a_year_is_the_same_whether_somebody_listens_or_not() {
    let receiver = Receiver::answering(|n, _| Reaction::Status(if n % 3 == 0 { 500 } else { 200 }));
    let year = |listens: bool, steps: usize, by: &str| {
        let everywhere = Some("http://leapday".to_owned());
        let sandbox = Sandbox::builder().strict(true).options(|options| options.public_url = everywhere).start();
        let sandbox = sandbox.expect("a sandbox");
        let api = Api::at(sandbox.base_url(), "sk_test_same");
        api.freeze("2028-01-31T00:00:00Z");
        let customer = api.customer("jo@example.com");
        api.save_card(&customer, "4242424242424242");
        let clock = api.clock("2028-01-31T00:00:00Z");
        for plan in ["plan_starterMonthly", "plan_starterYearly"] {
            api.subscribe(plan, &customer, &clock, "2028-01-31T00:00:00Z", json!({ "autoCharge": true }));
        }
        if listens {
            api.listen(&receiver, json!({}));
        }
        (0..steps).for_each(|_| drop(api.advance(&clock, by)));
        api.events()
    };
    let alone = year(false, 1, "P1Y");
    assert!(alone.len() > 30, "{}", alone.len());
    // Two years of events side by side would help nobody.
    assert!(alone == year(true, 1, "P1Y"), "one year");
    assert!(alone == year(true, 12, "P1M"), "twelve months");
    assert!(receiver.received().len() > 60);
}
