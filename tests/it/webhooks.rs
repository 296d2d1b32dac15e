//! Webhooks: what goes out, how it is signed, when it is tried again, and what a bad receiver cannot do.

use base64::Engine as _;
use hmac::{KeyInit as _, Mac as _};
use leapday::Sandbox;
use leapday::api::Webhook;
use serde_json::{Value, json};

use crate::support::{Api, Reaction, Receiver, api, fresh_key, text, texts};

impl Api {
    /// Registers a receiver; `more` are fields of the endpoint.
    fn listen(&self, receiver: &Receiver, more: Value) -> Value {
        let mut body = json!({ "url": receiver.url });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.create("/_leapday/webhook-endpoints", &body)
    }

    fn deliveries(&self, query: &str) -> Vec<Value> {
        self.get(&format!("/_leapday/deliveries?{query}"))["deliveries"].as_array().cloned().unwrap()
    }

    fn next_customer(&self) {
        let count = self.get("/_leapday/events?limit=1")["total"].clone();
        self.customer(&format!("customer-{count}@example.com"));
    }

    /// Waits until no delivery waits for its first attempt.
    fn until_sent(&self, receiver: &Receiver, count: usize) {
        receiver.wait_for(count);
        // An advance settles what is on its way, and moves nothing that these tests look at.
        self.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    }
}

/// A world whose clock stands, so that retries wait for the test.
fn frozen() -> Api {
    let api = api();
    api.freeze("2028-01-31T00:00:00Z");
    api
}

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
fn endpoints_are_listed_changed_and_removed() {
    let api = api();
    let receiver = Receiver::new();
    let made = api.listen(&receiver, json!({ "events": ["invoice.*", "customer.created.v0"] }));
    let path = format!("/_leapday/webhook-endpoints/{}", text(&made, "id"));
    assert_eq!(api.get(&path), made);
    assert_eq!(api.get("/_leapday/webhook-endpoints")["endpoints"], json!([made]));
    let changed = api.patch(&path, &json!({ "events": ["payment.*"], "enabled": false })).expect(200);
    assert_eq!((&changed["events"], &changed["enabled"]), (&json!(["payment.*"]), &json!(false)));
    assert_eq!(changed["secret"], made["secret"]);
    assert_eq!(api.delete(&path).status, 204);
    assert_eq!(api.send("GET", &path, &Value::Null).status, 404);
}

#[test]
fn an_endpoint_hears_only_what_it_asks_for_while_it_is_enabled() {
    let api = frozen();
    let (invoices, all) = (Receiver::new(), Receiver::new());
    api.listen(&invoices, json!({ "events": ["invoice.*"] }));
    let endpoint = api.listen(&all, json!({}));
    api.next_customer();
    api.until_sent(&all, 1);
    let path = format!("/_leapday/webhook-endpoints/{}", text(&endpoint, "id"));
    api.patch(&path, &json!({ "enabled": false })).expect(200);
    api.next_customer();
    api.patch(&path, &json!({ "enabled": true })).expect(200);
    api.next_customer();
    api.until_sent(&all, 2);
    assert_eq!((all.received().len(), invoices.received().len()), (2, 0));
}

#[test]
fn what_is_no_endpoint_is_refused_with_what_would_be_right() {
    let api = api();
    let cases = [
        (json!({}), "/url required"),
        (json!({ "url": "not a url" }), "/url format"),
        (json!({ "url": "/hook" }), "/url format"),
        (json!({ "url": "ftp://127.0.0.1/hook" }), "/url format"),
        (json!({ "url": "http://127.0.0.1/", "secret": "hunter2" }), "/secret format"),
        (json!({ "url": "http://127.0.0.1/", "events": ["invoice.payed.v0"] }), "did you mean invoice.paid.v0"),
        (json!({ "url": "http://127.0.0.1/", "events": ["order.*"] }), "/events/0 enum"),
    ];
    for (body, expected) in cases {
        let answer = api.post("/_leapday/webhook-endpoints", &body);
        let line = answer.header("leapday-violation").unwrap_or_default().to_owned();
        assert!(answer.status == 400 && line.contains(expected), "{body}: {} {line}", answer.status);
    }
    assert_eq!(api.get("/_leapday/webhook-endpoints")["endpoints"], json!([]));
}

/// Done means 3: a receiver that fails three times, and a clock advanced one day.
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
    let events = advanced["events"].as_array().unwrap();
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
    let receiver = Receiver::answering(move |n, _| {
        if n == 1 {
            let answer = app.post("/_leapday/clock/advance", &json!({ "by": "P1D" }));
            assert_eq!(answer.status, 409, "{:#}", answer.body);
        }
        Reaction::Status(if n == 0 { 500 } else { 200 })
    });
    api.listen(&receiver, json!({}));
    api.next_customer();
    receiver.wait_for(1);
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1H" })).expect(200);
    assert_eq!(api.deliveries("status=succeeded").len(), 1);
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
    assert_eq!(api.send("GET", "/_leapday/deliveries?endpoint=ep_nobody", &Value::Null).status, 404);
    api.delete(&format!("/_leapday/webhook-endpoints/{id}"));
    assert_eq!(api.post(&format!("{path}/redeliver"), &Value::Null).status, 409);
    assert_eq!(api.post("/_leapday/deliveries/dlv_nobody/redeliver", &Value::Null).status, 404);
}

#[test]
fn what_a_removed_endpoint_is_owed_is_cancelled() {
    let api = frozen();
    let receiver = Receiver::answering(|_, _| Reaction::Status(500));
    let endpoint = api.listen(&receiver, json!({}));
    api.next_customer();
    api.until_sent(&receiver, 1);
    api.delete(&format!("/_leapday/webhook-endpoints/{}", text(&endpoint, "id")));
    api.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    assert_eq!((receiver.received().len(), api.deliveries("status=cancelled").len()), (1, 1));
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
    assert_eq!(found["events"][0]["data"]["paymentId"], payment["id"]);
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
    assert_eq!(found["events"][0]["data"]["paymentId"], payment["id"]);
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

#[test]
fn rules_duplicate_drop_delay_and_reorder_so_many_times() {
    let api = frozen();
    let receiver = Receiver::new();
    let endpoint = api.listen(&receiver, json!({}));
    let id = text(&endpoint, "id");
    let rule = |body: Value| api.create("/_leapday/webhook-rules", &body);

    rule(json!({ "action": "duplicate", "endpoint": id }));
    api.next_customer();
    api.next_customer();
    let received = receiver.wait_for(3);
    let ids: std::collections::HashSet<&str> = received.iter().map(|one| one.header("svix-id")).collect();
    assert_eq!(ids.len(), 2, "one of them came twice, under one id");

    let made = rule(json!({ "action": "drop", "event": "customer.*", "times": 2 }));
    api.next_customer();
    assert_eq!(api.get("/_leapday/webhook-rules")["rules"][1]["times"], 1);
    assert_eq!(api.delete(&format!("/_leapday/webhook-rules/{}", text(&made, "id"))).status, 204);
    let dropped = api.deliveries("status=dropped").remove(0);
    assert_eq!((&dropped["rule"], &dropped["attempts"]), (&json!("drop"), &json!([])));
    // Asked for, it goes all the same.
    api.post(&format!("/_leapday/deliveries/{}/redeliver", text(&dropped, "id")), &Value::Null).expect(200);
    receiver.wait_for(4);

    rule(json!({ "action": "reorder" }));
    api.next_customer();
    let held = api.events().pop().unwrap();
    api.next_customer();
    let overtaker = api.events().pop().unwrap();
    let received = receiver.wait_for(6);
    assert_eq!((&received[4].body, &received[5].body), (&overtaker, &held));

    rule(json!({ "action": "delay", "by": "PT10M" }));
    api.next_customer();
    assert_eq!(api.deliveries("").pop().unwrap()["nextAttemptAt"], "2028-01-31T00:10:00Z");
    api.post("/_leapday/clock/advance", &json!({ "by": "PT10M" })).expect(200);
    assert_eq!(receiver.received().len(), 7);
    assert_eq!(api.deliveries("")[6]["attempts"][0]["at"], "2028-01-31T00:10:00Z");
}

#[test]
fn what_is_held_back_and_never_overtaken_goes_after_a_minute() {
    let api = frozen();
    let receiver = Receiver::new();
    api.listen(&receiver, json!({}));
    api.create("/_leapday/webhook-rules", &json!({ "action": "reorder" }));
    api.next_customer();
    api.post("/_leapday/clock/advance", &json!({ "by": "PT59S" })).expect(200);
    assert_eq!(receiver.received().len(), 0);
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn rules_are_checked() {
    let api = api();
    let cases = [
        (json!({ "action": "lose" }), 400, "/action enum"),
        (json!({ "action": "delay" }), 400, "/by required"),
        (json!({ "action": "drop", "by": "PT1S" }), 400, "/by unknown"),
        (json!({ "action": "drop", "event": "nothing.*" }), 400, "/event enum"),
        (json!({ "action": "drop", "endpoint": "ep_nobody" }), 404, "/endpoint reference"),
        (json!({ "action": "drop", "times": 0 }), 400, "/times minimum"),
    ];
    for (body, status, expected) in cases {
        let answer = api.post("/_leapday/webhook-rules", &body);
        let line = answer.header("leapday-violation").unwrap_or_default().to_owned();
        assert!(answer.status == status && line.contains(expected), "{body}: {} {line}", answer.status);
    }
    assert_eq!(api.delete("/_leapday/webhook-rules/rule_nobody").status, 404);
}

#[test]
fn a_redirect_is_no_success_and_is_not_followed() {
    let api = frozen();
    let elsewhere = Receiver::new();
    let to = elsewhere.url.clone();
    let receiver = Receiver::answering(move |_, _| Reaction::Redirect(to.clone()));
    api.listen(&receiver, json!({}));
    api.next_customer();
    api.until_sent(&receiver, 1);
    let delivery = api.deliveries("").remove(0);
    assert_eq!((&delivery["status"], &delivery["attempts"][0]["response"]["status"]), (&json!("pending"), &json!(302)));
    assert_eq!(elsewhere.received().len(), 0);
}

#[test]
fn a_receiver_that_closes_or_is_not_there_is_tried_again() {
    let api = frozen();
    let receiver = Receiver::answering(|n, _| if n == 0 { Reaction::Close } else { Reaction::Status(200) });
    api.listen(&receiver, json!({}));
    api.create("/_leapday/webhook-endpoints", &json!({ "url": "http://127.0.0.1:1/hook" }));
    api.next_customer();
    receiver.wait_for(1);
    api.post("/_leapday/clock/advance", &json!({ "by": "PT5S" })).expect(200);
    let log = api.deliveries("");
    assert_eq!((&log[0]["status"], &log[1]["status"]), (&json!("succeeded"), &json!("pending")));
    assert!(log.iter().all(|delivery| text(&delivery["attempts"][0], "error").len() > 5), "{log:#?}");
}

#[test]
fn a_receiver_that_floods_is_read_no_further() {
    let api = frozen();
    let receiver = Receiver::answering(|_, _| Reaction::Flood(1 << 30));
    api.listen(&receiver, json!({}));
    api.next_customer();
    api.until_sent(&receiver, 1);
    let delivery = api.deliveries("").remove(0);
    assert_eq!(delivery["status"], "succeeded");
    assert_eq!(text(&delivery["attempts"][0]["response"], "body").len(), 4096);
}

/// A receiver that hangs costs its own deliveries, and nobody else anything.
#[test]
fn a_receiver_that_hangs_blocks_nobody() {
    let api = frozen();
    let (hung, well) = (Receiver::answering(|_, _| Reaction::Hang), Receiver::new());
    let endpoint = api.listen(&hung, json!({}));
    api.listen(&well, json!({}));
    for _ in 0..40 {
        api.next_customer();
    }
    assert_eq!(well.wait_for(40).len(), 40);
    // The first advance waits until the receiver has had its time; the next ones go on without it.
    let answer = api.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    assert_eq!(answer["unanswered"], json!([hung.url]));
    api.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    let state = api.get(&format!("/_leapday/webhook-endpoints/{}", text(&endpoint, "id")));
    assert_eq!(state["responsive"], false);
    assert_eq!(api.deliveries("limit=1")[0]["attempts"][0]["error"], "no answer in time");
}

#[test]
fn a_reset_world_has_no_endpoints_and_a_flag_gives_each_world_one() {
    let receiver = Receiver::new();
    let url = receiver.url.clone();
    let sandbox = Sandbox::builder()
        .strict(true)
        .options(|options| options.webhook = Some(Webhook { url, secret: None }))
        .start()
        .expect("a sandbox");
    let (first, second) = (Api::at(sandbox.base_url(), &fresh_key()), Api::at(sandbox.base_url(), &fresh_key()));
    first.next_customer();
    second.next_customer();
    receiver.wait_for(2);
    let secret = |api: &Api| api.get("/_leapday/webhook-endpoints")["endpoints"][0]["secret"].clone();
    assert_eq!(secret(&first), secret(&second), "the one that the banner prints");
    first.post("/_leapday/world/reset", &json!({})).expect(200);
    first.next_customer();
    receiver.wait_for(3);

    let api = api();
    api.listen(&receiver, json!({}));
    api.post("/_leapday/world/reset", &json!({})).expect(200);
    assert_eq!(api.get("/_leapday/webhook-endpoints")["endpoints"], json!([]));
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
