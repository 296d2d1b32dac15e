//! A world with something in every table, struck with one request after another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use leapday::api::{Mount, OperationInfo};
use leapday::sandbox::{NOWHERE, Options, mounts};
use serde_json::{Value, json};

use crate::support::{Plain, Wire, api, fresh_key, text};

/// What a world can hold, so that a change anywhere is seen. One row of a list tells of its newest.
const LISTS: [&str; 10] = [
    "/paygentic/v0/products?limit=1",
    "/paygentic/v0/billableMetrics?merchantId=org_leapday&limit=1",
    "/paygentic/v0/fees?merchantId=org_leapday&limit=1",
    "/paygentic/v0/prices?limit=1",
    "/paygentic/v0/plans?limit=1",
    "/paygentic/v0/customers?organizationId=org_leapday&limit=1",
    "/paygentic/v0/subscriptions?limit=1",
    "/paygentic/v2/invoices?limit=1",
    "/paygentic/v0/testClocks?limit=1",
    "/paygentic/v0/payments?limit=1",
];
const EVENTS: &str = "/_leapday/events?limit=1&offset=100000";
const CLOCK: &str = "/_leapday/clock";
const WORKERS: usize = 4;

pub struct Row {
    pub mount: &'static str,
    pub info: OperationInfo,
    pub example: Option<Value>,
}

/// Every operation of Paygentic and of the control API, with its example request. Other providers take other keys, and
/// are swept in their own tests.
fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let swept = |mount: &&std::sync::Arc<dyn Mount>| ["paygentic", "_leapday"].contains(&mount.name());
    for mount in mounts(&Options::default(), NOWHERE).unwrap().iter().filter(swept) {
        for info in mount.operations() {
            let example = if mount.name() == "_leapday" { control(info.id) } else { fixture(mount.name(), &info) };
            rows.push(Row { mount: mount.name(), info, example });
        }
    }
    rows
}

fn fixture(provider: &str, info: &OperationInfo) -> Option<Value> {
    let path = format!("{}/fixtures/{provider}/{}.json", env!("CARGO_MANIFEST_DIR"), info.noun);
    let file: Value = serde_json::from_slice(&std::fs::read(path).ok()?).unwrap();
    Some(file[info.id]["request"].clone()).filter(Value::is_object)
}

fn control(operation: &str) -> Option<Value> {
    let card = json!({ "number": "4242424242424242" });
    Some(match operation {
        "setClock" => json!({ "now": "2028-05-01T00:00:00Z" }),
        "advanceClock" => json!({ "by": "P1M" }),
        "completePayment" => json!({ "card": card, "savePaymentMethod": true }),
        "failPayment" => json!({ "code": "card_declined" }),
        "savePaymentMethod" => json!({ "card": card }),
        "createWebhookEndpoint" => json!({ "url": "http://127.0.0.1:1/hook", "events": ["invoice.*"] }),
        "updateWebhookEndpoint" => json!({ "enabled": false }),
        "createWebhookRule" => json!({ "action": "delay", "by": "PT1M", "event": "invoice.*", "times": 2 }),
        "snapshotWorld" => json!({ "name": "kept" }),
        "forkWorld" => json!({ "key": "sk_test_forked", "replace": true }),
        "createWorld" => json!({ "key": "sk_test_0", "world": "empty" }),
        "importWorld" => json!({ "world": {} }),
        "createFault" => {
            json!({ "match": { "operation": "createCustomer" }, "then": "latency:1ms", "times": 1, "ttl": "1s" })
        }
        "verifyRequests" => json!({ "operation": "createCustomer", "count": 1, "body_contains": ["Ada"] }),
        "setOutcomes" => json!({ "of": "cus_nobody", "outcomes": ["decline:insufficient_funds", "succeed"] }),
        "resetWorld" => json!({ "world": "empty" }),
        _ => return None,
    })
}

/// A world with something in every table, and one connection to it.
pub struct Target {
    pub wire: Wire,
    pub key: String,
    pub ids: BTreeMap<&'static str, String>,
    pub digest: Vec<Vec<u8>>,
    pub failures: Vec<String>,
}

impl Target {
    fn new() -> Self {
        let base = api().base;
        let wire = Wire::open(&base);
        let mut target =
            Self { wire, key: fresh_key(), ids: BTreeMap::new(), digest: Vec::new(), failures: Vec::new() };
        target.furnish();
        target
    }

    fn made(&mut self, path: &str, body: &Value) -> Value {
        let answer = self.wire.send("POST", path, Some(&self.key), Some(body.to_string().as_bytes()));
        assert!(answer.status < 300, "{path} {body}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Puts the world at the same start again.
    fn furnish(&mut self) {
        self.made("/_leapday/world/reset", &json!({ "world": "starter" }));
        self.made(CLOCK, &json!({ "now": "2028-01-31T00:00:00Z" }));
        let address = json!({ "line1": "1 Main St", "city": "X", "state": "CA", "country": "US", "zipCode": "94105" });
        let consumer = json!({ "name": "Ada", "email": "ada@example.com", "address": address });
        let customer =
            self.made("/paygentic/v0/customers", &json!({ "merchantId": "org_leapday", "consumer": consumer }));
        let customer = text(&customer, "customerId").to_owned();
        self.made(
            &format!("/_leapday/customers/{customer}/payment-methods"),
            &json!({ "card": { "number": "4242424242424242" } }),
        );
        let clock = text(&self.made("/paygentic/v0/testClocks", &json!({})), "id").to_owned();
        let wanted = json!({
            "name": "Ada", "planId": "plan_starterMonthly", "customerId": customer, "autoCharge": true,
            "startedAt": "2028-01-31T00:00:00Z",
        });
        let subscription = self.made("/paygentic/v0/subscriptions", &wanted);
        self.made("/_leapday/clock/advance", &json!({ "by": "P2M" }));
        let payment =
            json!({ "merchantId": "org_leapday", "customerId": customer, "amount": "5.00", "currency": "USD" });
        let payment = self.made("/paygentic/v0/payments", &payment);
        let invoices = self.wire.send("GET", "/paygentic/v2/invoices?limit=1", Some(&self.key), None).body;
        let session = text(&payment, "paymentUrl").rsplit('/').next().expect("an id");
        self.ids = [
            ("products", "prod_starter".to_owned()),
            ("billableMetrics", "bm_starterTokens".to_owned()),
            ("fees", "fee_starterPlatform".to_owned()),
            ("prices", "price_starterPlatform".to_owned()),
            ("plans", "plan_starterMonthly".to_owned()),
            ("customers", customer),
            ("subscriptions", text(&subscription, "id").to_owned()),
            ("testClocks", clock),
            ("payments", text(&payment, "id").to_owned()),
            ("paymentSessions", session.to_owned()),
            ("invoices", text(&invoices["data"][0], "id").to_owned()),
        ]
        .into();
        self.digest = self.look();
    }

    /// All that can be seen of the world.
    fn look(&mut self) -> Vec<Vec<u8>> {
        let paths: Vec<&str> = LISTS.into_iter().chain([EVENTS, CLOCK]).collect();
        for path in &paths {
            self.wire.write("GET", path, Some(&self.key), None);
        }
        let answers = paths.iter().map(|path| (path, self.wire.read()));
        let seen = |(path, answer): (&&str, Plain)| {
            assert_eq!(answer.status, 200, "{path} {}", answer.body);
            answer.bytes
        };
        answers.map(seen).collect()
    }

    /// The row's path with ids of rows that are there.
    pub fn path(&self, row: &Row) -> String {
        let mount = if row.mount == "_leapday" { "/_leapday" } else { "/paygentic" };
        let mut path = mount.to_owned();
        let mut noun = "";
        for segment in row.info.path.split('/').skip(1) {
            path.push('/');
            match segment {
                "{session}" => path.push_str(&self.ids["paymentSessions"]),
                "{customer}" => path.push_str(&self.ids["customers"]),
                _ if segment.starts_with('{') => path.push_str(self.ids.get(noun).map_or("x_1", String::as_str)),
                _ => path.push_str(segment),
            }
            noun = segment;
        }
        path
    }

    /// Sends one request and checks whatever comes back.
    pub fn strike(&mut self, row: &Row, path: &str, body: Option<&[u8]>) -> u16 {
        let method = row.info.method.as_str();
        let answer = self.wire.send(method, path, Some(&self.key), body);
        let said = || {
            let body = String::from_utf8_lossy(body.unwrap_or_default()).chars().take(300).collect::<String>();
            format!("{method} {} {body}", path.chars().take(200).collect::<String>())
        };
        if let Err(wrong) = check_shape(row, &answer) {
            self.failures.push(format!("{wrong}: {}", said()));
        }
        // A card that is declined, and a retry that fails, leave their trace: the vendor documents both.
        // What is not built is looked at once an operation.
        if method == "GET" || [402, 501].contains(&answer.status) || answer.body["object"] == "retry_payment_result" {
            return answer.status;
        }
        if answer.status < 400 {
            // What only adds or renames a row leaves the world as good as it was for the next request.
            let small = body.is_none_or(|body| body.len() < 10_000);
            if small && row.mount == "paygentic" && row.info.path.matches('/').count() <= 3 && method != "DELETE" {
                self.digest = self.look();
            } else {
                self.live_on(&said());
            }
        } else if self.look() != self.digest {
            self.failures.push(format!("refused with {} and yet changed something: {}", answer.status, said()));
            self.furnish();
        }
        answer.status
    }

    /// What was accepted can be looked at, survives a month, and is forgotten.
    fn live_on(&mut self, said: &str) {
        let advanced = self.wire.send("POST", "/_leapday/clock/advance", Some(&self.key), Some(br#"{"by":"P1M"}"#));
        if advanced.status >= 500 {
            self.failures.push(format!("advancing answers {} after {said}", advanced.body));
        }
        for path in LISTS {
            self.wire.write("GET", path, Some(&self.key), None);
        }
        for path in LISTS {
            let answer = self.wire.read();
            if answer.status != 200 {
                self.failures.push(format!("{path} answers {} after {said}", answer.body));
            }
        }
        self.furnish();
    }
}

/// No crash, and a refusal in the shape of its API.
pub fn check_shape(row: &Row, answer: &Plain) -> Result<(), String> {
    let (status, body) = (answer.status, &answer.body);
    let good = |error: &Value| error["field"].is_string() && error["message"].is_string();
    let shape = match () {
        () if status < 400 || body["object"] == "retry_payment_result" => true,
        () if status >= 500 && status != 501 => false,
        () if body["message"].as_str().is_none_or(str::is_empty) || !body["error"].is_string() => false,
        () if row.mount == "_leapday" => body["violations"].is_array(),
        () if body["error"] != "validation_error" => true,
        () => body["errors"].as_array().is_some_and(|errors| !errors.is_empty() && errors.iter().all(good)),
    };
    if shape { Ok(()) } else { Err(format!("{} {status} {body}", row.info.id)) }
}

/// Sends `strike` to every operation, on several worlds at once.
pub fn each_operation(strike: impl Fn(&mut Target, &Row) + Sync) {
    let rows = rows();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut target = Target::new();
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = target.digest.clone();
            strike(&mut target, row);
            let end = target.look();
            if end != target.digest {
                target.failures.push(format!("{} changed something", row.info.id));
            }
            if end != start {
                target.live_on(row.info.id);
            }
        }
        target.failures
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker that finishes")).collect()
    });
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// The example about rows that are there.
pub fn example(target: &Target, row: &Row) -> Option<Value> {
    let text = row.example.as_ref()?.to_string();
    let text =
        text.replace("cus_example", &target.ids["customers"]).replace("sub_example", &target.ids["subscriptions"]);
    // The customer has the monthly plan: a second subscription to it would be answered with the first.
    let taken = if row.info.id == "createSubscription" { "plan_starterMonthly" } else { "plan_unknown" };
    let text = text.replace(taken, "plan_starterYearly");
    Some(serde_json::from_str(&text).unwrap())
}
