//! Trouble on purpose: scripted outcomes of payments, faults on the line, and the journal that tells what happened.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Api, Biller, Receiver, api, merchant_at, text, texts};

/// What the control API refused, by pointer and rule.
#[track_caller]
fn refused(api: &Api, path: &str, body: &Value) -> String {
    let answer = api.post(path, body).expect(400);
    let first = &answer["violations"][0];
    assert!(text(first, "message").len() > 8, "{answer:#}");
    format!("{} {}", text(first, "pointer"), text(first, "rule"))
}

#[test]
fn a_script_decides_what_charges_do_at_paygentic() {
    let api = api();
    api.freeze("2028-01-15T00:00:00Z");
    let product = api.product();
    let price = api.fee_price(&product, "10.00", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let customer = api.customer("ada@example.com");
    let clock = api.clock("2028-01-15T00:00:00Z");
    let subscription = api.subscribe(&plan, &customer, &clock, "2028-01-15T00:00:00Z", json!({ "autoCharge": true }));
    let session = text(&subscription["payment"], "paymentSessionId").to_owned();
    let script = json!({ "of": customer, "outcomes": ["decline", "succeed", "decline:insufficient_funds"] });
    assert_eq!(api.post("/_leapday/outcomes", &script).expect(200), script);
    let pay = || api.post(&format!("/_leapday/payments/{session}/complete"), &json!({})).expect(200);
    assert_eq!(pay()["declineCode"], "card_declined");
    assert_eq!(pay()["paid"], true);
    let left = api.get("/_leapday/outcomes");
    assert_eq!(left["outcomes"], json!([{ "of": customer, "outcomes": ["decline:insufficient_funds"] }]));
    // A preview goes as the script says, and consumes nothing.
    let look = json!({ "by": "P1M", "clock": clock, "dry_run": true });
    let seen = api.post("/_leapday/clock/advance", &look).expect(200);
    let failures = |told: &Value| {
        let events = told["events"].as_array().unwrap();
        events.iter().filter(|event| event["type"] == "invoice.payment_failed.v0").count()
    };
    assert_eq!(failures(&seen), 1, "{seen:#}");
    assert_eq!(api.get("/_leapday/outcomes"), left);
    let told = api.post("/_leapday/clock/advance", &json!({ "by": "P1M", "clock": clock })).expect(200);
    assert_eq!(failures(&told), 1);
    assert_eq!(api.get("/_leapday/outcomes")["outcomes"], json!([]));
    // The card is a good one: the next month is paid.
    let told = api.post("/_leapday/clock/advance", &json!({ "by": "P1M", "clock": clock })).expect(200);
    assert_eq!(failures(&told), 0);
}

#[test]
fn a_script_decides_what_charges_do_at_paylera() {
    let biller = Biller::at("2026-05-01T00:00:00Z");
    biller.flat("base", "49.00", &json!({}));
    biller.method("tok_visa_success");
    let path = biller.subscribe("base", &json!({}));
    let control = &biller.tenant.0;
    let script = json!({ "of": biller.customer, "outcomes": ["decline:expired_card", "decline", "succeed"] });
    control.post("/_leapday/outcomes?provider=paylera", &script).expect(200);
    biller.advance("P1M");
    assert_eq!(biller.status(&path), "past_due");
    biller.advance("P10D");
    assert_eq!(biller.status(&path), "active");
    let payments = biller.tenant.get("/v1/payments?sort=created_at:asc");
    let payments = payments["data"].as_array().unwrap();
    assert_eq!(texts(payments, "status"), ["succeeded", "failed", "failed", "succeeded"]);
    assert_eq!(payments[1]["last_error"]["decline_code"], "expired_card");
    assert_eq!(payments[2]["last_error"]["decline_code"], "card_declined");
    // A decline on a page leaves nothing but the spent outcome.
    let wanted = json!({
        "mode": "payment", "customer_id": biller.customer, "success_url": "https://app.example.com/ok",
        "cancel_url": "https://app.example.com/no", "amount": "5.00", "currency": "USD",
    });
    let session = biller.tenant.create("/v1/checkout/sessions", &wanted);
    let id = text(&session, "id").to_owned();
    let script = json!({ "of": biller.customer, "outcomes": ["decline", "authenticate"] });
    control.post("/_leapday/outcomes?provider=paylera", &script).expect(200);
    let pay = || control.post(&format!("/_leapday/payments/{id}/complete?provider=paylera"), &json!({})).expect(200);
    let declined = pay();
    assert_eq!((&declined["paid"], &declined["declineCode"]), (&json!(false), &json!("card_declined")));
    assert_eq!(biller.tenant.get("/v1/payments")["data"].as_array().unwrap().len(), 4);
    assert_eq!(pay()["paid"], true);
    assert_eq!(control.get("/_leapday/outcomes?provider=paylera")["outcomes"], json!([]));
}

#[test]
fn a_script_decides_what_charges_do_at_paymennt() {
    let merchant = merchant_at("2028-01-15T00:00:00Z");
    let made = merchant.make("/checkout/web", &crate::support::web("REQ-1"));
    let id = text(&made, "id").to_owned();
    let control = |method, path: &str, body: &Value| merchant.control(method, path, body);
    control("POST", "/outcomes", &json!({ "of": id, "outcomes": ["decline:insufficient_funds", "succeed"] }));
    let declined = control("POST", &format!("/payments/{id}/complete"), &json!({}));
    assert_eq!((&declined["paid"], &declined["declineCode"]), (&json!(false), &json!("Insufficient funds")));
    let left = control("GET", "/outcomes", &Value::Null);
    assert_eq!(left["outcomes"], json!([{ "of": id, "outcomes": ["succeed"] }]));
}

#[test]
fn a_script_that_cannot_be_is_refused() {
    let api = api();
    let customer = api.customer("ada@example.com");
    let path = "/_leapday/outcomes";
    let said = api.post(path, &json!({ "of": customer, "outcomes": ["succeed", "decline:bankrupt"] })).expect(400);
    assert_eq!(said["violations"][0]["pointer"], "/outcomes/1");
    assert!(text(&said["violations"][0], "message").contains("insufficient_funds"));
    assert_eq!(refused(&api, path, &json!({ "of": customer, "outcomes": vec!["decline"; 201] })), "/outcomes maxItems");
    assert_eq!(refused(&api, path, &json!({ "of": customer })), "/outcomes required");
    let nobody = api.post(path, &json!({ "of": "cus_nobody", "outcomes": ["decline"] })).expect(404);
    assert!(text(&nobody, "message").contains("customer, payment method or invoice"));
    assert_eq!(api.delete("/_leapday/outcomes/cus_nobody").status, 404);
    assert_eq!(api.get(path)["outcomes"], json!([]));
    api.post(path, &json!({ "of": customer, "outcomes": ["decline"] })).expect(200);
    assert_eq!(api.delete(&format!("/_leapday/outcomes/{customer}")).status, 204);
    assert_eq!(api.get(path)["outcomes"], json!([]));
}

/// How a request over a plain socket ends: what came, and whether the line was reset.
fn talk(api: &Api, path: &str, body: &Value, headers: &str) -> (String, bool) {
    let address = api.base.trim_start_matches("http://");
    let mut line = TcpStream::connect(address).unwrap();
    line.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let body = body.to_string();
    let head = format!(
        "POST /paygentic{path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
        api.key,
        body.len()
    );
    line.write_all(head.as_bytes()).unwrap();
    line.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let ended = line.read_to_end(&mut answer);
    let reset = ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
    (String::from_utf8_lossy(&answer).into_owned(), reset)
}

fn one_off(key: &str) -> Value {
    json!({ "merchantId": "org_acme", "amount": "5.00", "currency": "USD", "idempotencyKey": key })
}

fn payments(api: &Api) -> usize {
    api.rows("/v0/payments").len()
}

#[test]
fn an_answer_is_lost_and_the_retry_finds_what_was_done() {
    let api = api();
    let fault = json!({ "match": { "operation": "createPayment" }, "then": "lose_answer", "times": 1 });
    api.create("/_leapday/faults", &fault);
    assert_eq!(talk(&api, "/v0/payments", &one_off("order-1"), ""), (String::new(), false));
    assert_eq!(payments(&api), 1);
    assert_eq!(api.get("/_leapday/faults")["faults"], json!([]));
    let again = api.post("/v0/payments", &one_off("order-1")).expect(200);
    assert_eq!(payments(&api), 1);
    let journal = api.get("/_leapday/journal?operation=createPayment");
    let requests = journal["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!((&requests[0]["fault"], &requests[0]["status"]), (&json!("lose_answer"), &json!(201)));
    let lost: Value = serde_json::from_str(text(&requests[0], "answer")).unwrap();
    assert_eq!(lost["id"], again["id"]);
}

#[test]
fn one_request_asks_for_its_own_fault() {
    let api = api();
    let (answer, reset) = talk(&api, "/v0/payments", &one_off("a"), "leapday-fault: reset\r\n");
    assert_eq!((answer.as_str(), reset, payments(&api)), ("", true, 0));
    let (answer, reset) = talk(&api, "/v0/payments", &one_off("b"), "leapday-fault: truncate\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let promised = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let promised: usize = promised.parse().unwrap();
    assert!(head.starts_with("HTTP/1.1 201") && !reset, "{head}");
    assert!(!body.is_empty() && body.len() < promised, "{} of {promised}", body.len());
    assert_eq!(payments(&api), 1);
    let key = ("content-type", "application/json");
    let ask = |fault: &str| {
        let body = one_off(fault).to_string();
        api.raw("POST", "/paygentic/v0/payments", &[("leapday-fault", fault), key], body.as_bytes())
    };
    let answer = ask("status:503");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(answer.body["message"].as_str().is_some_and(|message| message.contains("on purpose")), "{:#}", answer.body);
    assert_eq!(ask("status:418").status, 418);
    assert_eq!(payments(&api), 1);
    assert_eq!(ask("latency:10ms").status, 201);
    let wrong = ask("explode");
    assert_eq!(wrong.status, 400);
    assert!(wrong.header("leapday-violation").is_some_and(|line| line.contains("lose_answer")));
    assert_eq!(payments(&api), 2);
}

#[test]
fn a_request_that_hangs_is_neither_done_nor_answered() {
    let api = api();
    api.create("/_leapday/faults", &json!({ "match": { "path": "/v0/payments" }, "then": "hang", "times": 1 }));
    let address = api.base.trim_start_matches("http://").to_owned();
    let mut line = TcpStream::connect(&address).unwrap();
    line.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let head =
        format!("GET /paygentic/v0/payments HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n", api.key);
    line.write_all(head.as_bytes()).unwrap();
    let silent = line.read(&mut [0; 1]).expect_err("nothing comes");
    assert!(matches!(silent.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silent}");
    assert_eq!(payments(&api), 0);
}

#[test]
fn profiles_are_rules_and_end() {
    let api = api();
    let made = api.create("/_leapday/faults", &json!({ "profile": "flaky", "match": { "operation": "list*" } }));
    assert_eq!(made["faults"].as_array().unwrap().len(), 3);
    let first = text(&made["faults"][0], "id").to_owned();
    assert_eq!(api.delete(&format!("/_leapday/faults/{first}")).status, 204);
    assert_eq!(api.delete(&format!("/_leapday/faults/{first}")).status, 404);
    assert_eq!(api.delete("/_leapday/faults").status, 204);
    assert_eq!(api.get("/_leapday/faults")["faults"], json!([]));
    api.create("/_leapday/faults", &json!({ "profile": "rate-limited", "probability": 1, "times": 2 }));
    assert_eq!(api.send("GET", "/v0/payments", &Value::Null).status, 429);
    assert_eq!(api.send("GET", "/v0/payments", &Value::Null).status, 429);
    assert_eq!(payments(&api), 0);
    // Another world knows nothing of it.
    api.create("/_leapday/faults", &json!({ "then": "status:500" }));
    assert_eq!(payments(&api.with_key("sk_test_undisturbed")), 0);
    assert_eq!(api.send("GET", "/v0/payments", &Value::Null).status, 500);
}

#[test]
fn the_same_requests_meet_the_same_faults() {
    let run = || {
        let sandbox = leapday::blocking::Sandbox::builder().start().unwrap();
        let api = Api::at(sandbox.base_url(), "sk_test_luck");
        api.create("/_leapday/faults", &json!({ "then": "status:503", "probability": 0.5 }));
        (0..40).map(|_| api.send("GET", "/v0/payments", &Value::Null).status).collect::<Vec<_>>()
    };
    let first = run();
    assert_eq!(first, run());
    assert!(first.contains(&503) && first.contains(&200));
}

#[test]
fn a_fault_that_cannot_be_is_refused() {
    let api = api();
    let path = "/_leapday/faults";
    assert_eq!(refused(&api, path, &json!({})), "/then required");
    assert_eq!(refused(&api, path, &json!({ "then": "explode" })), "/then enum");
    assert_eq!(refused(&api, path, &json!({ "then": "hang", "profile": "flaky" })), "/profile exclusive");
    assert_eq!(refused(&api, path, &json!({ "profile": "flakey" })), "/profile enum");
    assert_eq!(refused(&api, path, &json!({ "then": "hang", "probability": 2 })), "/probability maximum");
    assert_eq!(refused(&api, path, &json!({ "then": "hang", "ttl": "soon" })), "/ttl format");
    let misspelt = json!({ "then": "hang", "match": { "operation": "createPaymemt" } });
    assert_eq!(refused(&api, path, &misspelt), "/match/operation enum");
    for _ in 0..100 {
        api.create(path, &json!({ "then": "latency:1ms", "match": { "path": "/nowhere" } }));
    }
    assert_eq!(api.post(path, &json!({ "then": "latency:1ms" })).status, 409);
}

#[test]
fn the_journal_tells_what_requests_have_caused() {
    let receiver = Receiver::new();
    let api = api();
    api.freeze("2028-01-15T00:00:00Z");
    api.create("/_leapday/webhook-endpoints", &json!({ "url": receiver.url }));
    let product = api.product();
    let price = api.fee_price(&product, "10.00", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&price], json!({}));
    let customer = api.customer("ada@example.com");
    let wanted = json!({
        "name": "S", "planId": plan, "customerId": customer, "startedAt": "2028-01-15T00:00:00Z",
    });
    api.create("/v0/subscriptions", &wanted);
    api.post("/v0/subscriptions", &json!({ "name": 5 })).expect(400);
    receiver.wait_for(1);
    let list = |query: &str| api.get(&format!("/_leapday/journal?{query}"))["requests"].as_array().unwrap().clone();
    let made = list("operation=createSubscription&status=201");
    assert_eq!(made.len(), 1);
    assert_eq!((&made[0]["method"], &made[0]["path"]), (&json!("POST"), &json!("/v0/subscriptions")));
    assert_eq!(made[0]["at"], "2028-01-15T00:00:00Z");
    assert!(!made[0]["events"].as_array().unwrap().is_empty());
    assert!(!made[0]["deliveries"].as_array().unwrap().is_empty());
    assert_eq!(serde_json::from_str::<Value>(text(&made[0], "body")).unwrap(), wanted);
    let wrong = list("violated=true");
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0]["violations"].as_array().unwrap().len() > 1);
    assert_eq!(list("path=/v0/nowhere").len(), 0);
    api.send("GET", "/v0/nowhere?x=1", &Value::Null).expect(404);
    let lost = list("path=/v0/nowhere&wait=5s");
    assert_eq!((&lost[0]["operation"], &lost[0]["path"]), (&Value::Null, &json!("/v0/nowhere?x=1")));
    // Whoever waits is told when it comes.
    let waiting = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| list("operation=listPlans&wait=10s"));
        let mut sent = false;
        while !waiter.is_finished() {
            if !sent {
                api.rows("/v0/plans");
                sent = true;
            }
            std::thread::yield_now();
        }
        waiter.join().unwrap()
    });
    assert_eq!(waiting.len(), 1);
}

#[test]
fn verify_counts_and_shows_near_misses() {
    let api = api();
    let verify = |body: Value| api.post("/_leapday/journal/verify", &body).expect(200);
    api.customer("ada@example.com");
    api.customer("bob@example.com");
    let seen = verify(json!({ "operation": "createCustomer", "count": 2 }));
    assert_eq!((&seen["verified"], &seen["count"], &seen["expected"]), (&json!(true), &json!(2), &json!("2")));
    let one = json!({ "operation": "createCustomer", "body_contains": ["ada@example.com"], "status": 201 });
    assert_eq!(verify(one)["count"], 1);
    let near = verify(json!({ "operation": "createCustomer", "body_contains": ["eve@example.com"], "status": 201 }));
    assert_eq!((&near["verified"], &near["count"]), (&json!(false), &json!(0)));
    let misses = near["nearMisses"].as_array().unwrap();
    assert_eq!(misses.len(), 2);
    assert_eq!(misses[0]["misses"], json!(["the body does not contain eve@example.com"]));
    assert!(text(&misses[0]["request"], "body").contains("bob@example.com"));
    assert_eq!(verify(json!({ "operation": "createPlan", "at_most": 0 }))["verified"], true);
    assert_eq!(verify(json!({ "operation": "create*", "at_least": 1, "at_most": 1 }))["verified"], false);
    let path = "/_leapday/journal/verify";
    assert_eq!(refused(&api, path, &json!({ "count": 1, "at_least": 1 })), "/count exclusive");
    assert_eq!(refused(&api, path, &json!({ "at_least": 3, "at_most": 1 })), "/at_least maximum");
    assert_eq!(refused(&api, path, &json!({ "operation": "makeCustomer" })), "/operation enum");
    assert_eq!(refused(&api, path, &json!({ "wait": "long" })), "/wait format");
}

#[test]
fn the_journal_is_bounded() {
    let api = api();
    for _ in 0..1_005 {
        api.send("GET", "/v0/payments?limit=1", &Value::Null);
    }
    let first = api.get("/_leapday/journal?limit=1");
    assert_eq!((&first["total"], &first["requests"][0]["number"]), (&json!(1_005), &json!(5)));
}

/// A path may be as long as a head, and one of them alone is much.
#[test]
fn the_journal_is_bounded_by_what_it_holds_too() {
    const SENT: usize = 100;
    let api = api();
    let path = format!("/v0/payments?x={}", "y".repeat(60_000));
    for _ in 0..SENT {
        api.send("GET", &path, &Value::Null).expect(200);
    }
    let found = api.get("/_leapday/journal?limit=1000");
    let kept = found["requests"].as_array().unwrap();
    assert_eq!((&found["total"], &kept[0]["number"]), (&json!(SENT), &json!(SENT - kept.len())));
    let bytes: usize = kept.iter().map(|request| text(request, "path").len()).sum();
    assert!((3 << 20..=4 << 20).contains(&bytes), "{bytes}");
}
