//! The log of deliveries, and waiting for events.

use serde_json::{Value, json};

use super::frozen;
use crate::support::{Reaction, Receiver, api, text};

#[test]
fn the_log_is_filtered_and_a_delivery_sent_again() {
    let api = frozen();
    let receiver = Receiver::answering(|n, _| Reaction::Status(if n == 0 { 500 } else { 200 }));
    let endpoint = api.listen(&receiver, json!({}));
    api.next_customer();
    receiver.wait_for(1);
    api.next_customer();
    receiver.wait_for(2);
    let pending = loop {
        // The answer is recorded a moment after it was given.
        match api.deliveries("status=pending&event=customer.*").pop() {
            Some(pending) if pending["attempts"].as_array().unwrap().len() == 1 => break pending,
            _ => std::thread::yield_now(),
        }
    };
    assert_eq!(pending["nextAttemptAt"], "2028-01-31T00:00:05Z");
    let path = format!("/_leapday/deliveries/{}", text(&pending, "id"));
    assert_eq!(api.get(&path), pending);
    let again = api.post(&format!("{path}/redeliver"), &Value::Null).expect(200);
    assert_eq!((&again["status"], &again["attempts"][1]["byHand"]), (&json!("succeeded"), &json!(true)));
    assert_eq!(again["nextAttemptAt"], Value::Null);
    // A delivery that has arrived can be sent again too.
    let twice = api.post(&format!("{path}/redeliver"), &Value::Null).expect(200);
    assert_eq!(twice["attempts"].as_array().unwrap().len(), 3);
    assert_eq!(receiver.received().len(), 4);
    let id = text(&endpoint, "id");
    assert_eq!(api.deliveries(&format!("endpoint={id}&status=succeeded")).len(), 2);
    assert_eq!(api.deliveries("event=invoice.paid.v0").len(), 0);
    let wrong = api.send("GET", "/_leapday/deliveries?event=invoice.payed.v0", &Value::Null);
    assert_eq!(wrong.status, 400);
    assert_eq!(api.send("GET", "/_leapday/deliveries?endpoint=we_nobody", &Value::Null).status, 404);
    api.delete(&format!("/_leapday/webhook-endpoints/{id}"));
    assert_eq!(api.post(&format!("{path}/redeliver"), &Value::Null).status, 409);
    assert_eq!(api.post("/_leapday/deliveries/del_nobody/redeliver", &Value::Null).status, 404);
}

#[test]
fn a_long_poll_answers_when_the_event_comes() {
    let api = api();
    let other = api.clone();
    let waiter = std::thread::spawn(move || other.get("/_leapday/events?wait=30s&type=payment.completed.v0"));
    let payment = api.create("/v0/payments", &json!({ "merchantId": "org_shop", "amount": "9.99", "currency": "USD" }));
    let session = text(&payment, "paymentUrl").rsplit('/').next().unwrap().to_owned();
    api.next_customer();
    api.post(&format!("/_leapday/payments/{session}/complete"), &json!({})).expect(200);
    let found = waiter.join().unwrap();
    assert_eq!(found["events"][0]["body"]["data"]["paymentId"], payment["id"]);
    // From there on there is none: the wait ends with an empty list.
    let next = found["next"].as_u64().unwrap();
    let later = api.get(&format!("/_leapday/events?wait=50ms&type=payment.*&offset={next}"));
    assert_eq!((&later["events"], &later["next"]), (&json!([]), &json!(next)));
    for (query, expected) in [
        ("wait=soon", "wait format"),
        ("wait=2h", "wait maximum"),
        ("type=payment.complete.v0", "did you mean payment.completed.v0"),
    ] {
        let answer = api.send("GET", &format!("/_leapday/events?{query}"), &Value::Null);
        assert!(answer.status == 400 && answer.header("leapday-violation").unwrap().contains(expected), "{query}");
    }
}

#[test]
fn a_long_poll_sees_what_a_flowing_clock_brings() {
    let api = api();
    let payment = api.create(
        "/v0/payments",
        &json!({ "merchantId": "org_shop", "amount": "9.99", "currency": "USD", "expiresIn": "PT1S" }),
    );
    let found = api.get("/_leapday/events?wait=30s&type=payment.expired.v0");
    assert_eq!(found["events"][0]["body"]["data"]["paymentId"], payment["id"]);
}
