//! What goes out, how it is signed, in which order.

use base64::Engine as _;
use hmac::{KeyInit as _, Mac as _};
use serde_json::{Value, json};

use super::frozen;
use crate::support::{Reaction, Receiver, api, text};

#[test]
fn an_event_goes_out_signed_once_to_each_endpoint() {
    let api = api();
    let (first, second) = (Receiver::new(), Receiver::new());
    let endpoint = api.listen(&first, json!({}));
    api.listen(&second, json!({ "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" }));
    api.customer("jo@example.com");
    let received = first.wait_for(1).remove(0);
    let other = second.wait_for(1).remove(0);
    assert_eq!((received.event_type(), received.path.as_str()), ("customer.created.v0", "/hook"));
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.body, api.events()[0]);
    assert_eq!(received.bytes, other.bytes, "the same bytes for all");
    assert_eq!(received.header("svix-id"), other.header("svix-id"));
    for (received, secret) in
        [(&received, text(&endpoint, "secret")), (&other, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    {
        let base64 = base64::engine::general_purpose::STANDARD;
        let key = base64.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        let signed = format!("{}.{}.", received.header("svix-id"), received.header("svix-timestamp"));
        mac.update(signed.as_bytes());
        mac.update(&received.bytes);
        let expected = format!("v1,{}", base64.encode(mac.finalize().into_bytes()));
        assert_eq!(received.header("svix-signature"), expected);
    }
}

#[test]
fn what_is_about_one_row_arrives_in_order() {
    let api = frozen();
    let receiver = Receiver::new();
    api.listen(&receiver, json!({}));
    let customer = api.customer("jo@example.com");
    for _ in 0..10 {
        let made = api.create(
            "/v0/subscriptions",
            &json!({ "name": "S", "planId": "plan_starterMonthly", "customerId": customer,
                     "startedAt": "2028-01-31T00:00:00Z" }),
        );
        if made["payment"]["paymentSessionId"].is_string() {
            api.pay(&made);
        }
        let path = format!("/v0/subscriptions/{}/termination", text(&made, "id"));
        api.post(&path, &json!({ "reason": "over" })).expect(200);
    }
    let total = usize::try_from(api.get("/_leapday/events?limit=1")["total"].as_u64().unwrap()).unwrap();
    let received = receiver.wait_for(total);
    let events = api.events();
    let of = |id: &str, all: &[Value]| -> Vec<String> {
        let about = |event: &&Value| event["data"]["id"] == json!(id);
        all.iter().filter(about).map(|event| text(event, "eventType").to_owned()).collect()
    };
    let bodies: Vec<Value> = received.into_iter().map(|one| one.body).collect();
    for event in &events {
        let id = text(&event["data"], "id");
        assert_eq!(of(id, &bodies), of(id, &events), "{id}");
    }
}

#[test]
fn worlds_do_not_hear_each_other() {
    let (mine, yours) = (api(), api());
    let (receiver, other) = (Receiver::new(), Receiver::new());
    mine.listen(&receiver, json!({}));
    yours.listen(&other, json!({}));
    mine.next_customer();
    receiver.wait_for(1);
    assert_eq!((other.received().len(), yours.deliveries("").len()), (0, 0));
}

#[test]
fn two_thousand_events_from_four_threads_all_arrive_once() {
    let api = frozen();
    let receiver = Receiver::new();
    api.listen(&receiver, json!({}));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let api = &api;
            scope.spawn(move || {
                for n in 0..500 {
                    api.customer(&format!("c{thread}-{n}@example.com"));
                }
            });
        }
    });
    let received = receiver.wait_for(2_000);
    let ids: std::collections::HashSet<&str> = received.iter().map(|one| one.header("svix-id")).collect();
    assert_eq!((received.len(), ids.len()), (2_000, 2_000));
}

#[test]
fn webhooks_of_a_flowing_clock_go_out_by_themselves() {
    let api = api();
    let receiver = Receiver::answering(|n, _| Reaction::Status(if n == 0 { 500 } else { 200 }));
    api.listen(&receiver, json!({ "events": ["payment.expired.v0"] }));
    api.create(
        "/v0/payments",
        &json!({ "merchantId": "org_shop", "amount": "9.99", "currency": "USD", "expiresIn": "PT1S" }),
    );
    // Nobody asks anything: it expires, is sent, and five seconds later tried again.
    assert_eq!(receiver.wait_for(2)[1].event_type(), "payment.expired.v0");
}
