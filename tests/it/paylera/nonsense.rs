//! Nonsense at every operation: no key, odd ids, wrong types in every field. Nothing breaks, a refusal is a problem that
//! names what is wrong, and has changed nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use leapday::api::OperationInfo;
use leapday::sandbox::{NOWHERE, Options, mounts};
use serde_json::{Value, json};

use crate::support::{Answer, Biller, text};

const LISTS: [&str; 8] = [
    "/v1/customers?limit=1",
    "/v1/plans?limit=1",
    "/v1/subscriptions?limit=1",
    "/v1/invoices?limit=1",
    "/v1/payments?limit=1",
    "/v1/wallets?limit=1",
    "/v1/admin/webhook-endpoints?limit=1",
    "/v1/checkout/sessions?limit=1",
];
const WORKERS: usize = 4;

fn operations() -> Vec<OperationInfo> {
    let mounts = mounts(&Options::default(), NOWHERE).unwrap();
    mounts.iter().find(|mount| mount.name() == "paylera").unwrap().operations()
}

fn example(info: &OperationInfo) -> Option<Value> {
    let path = format!("{}/fixtures/paylera/{}.json", env!("CARGO_MANIFEST_DIR"), info.noun);
    let file: Value = serde_json::from_slice(&std::fs::read(path).ok()?).unwrap();
    Some(file[info.id]["request"].clone()).filter(Value::is_object)
}

/// A world with something in most tables, and what its paths lead to.
struct Furnished {
    biller: Biller,
    ids: Vec<(&'static str, String)>,
}

impl Furnished {
    fn new() -> Self {
        let biller = Biller::at("2028-01-31T00:00:00Z");
        biller.flat("pro-monthly", "10.00", &json!({}));
        let method = biller.method("tok_visa_success");
        let tenant = &biller.tenant;
        let subscription = biller.subscribe("pro-monthly", &json!({}));
        let line = json!({ "description": "Setup", "unit_amount": "10.00" });
        let draft = json!({ "customer_id": biller.customer, "currency": "USD", "lines": [line] });
        let invoice = tenant.create("/v1/invoices", &draft);
        let tax_id = json!({ "type": "eu_vat", "value": "DE123456789" });
        let tax_id = tenant.create(&format!("/v1/customers/{}/tax-ids", biller.customer), &tax_id);
        let wallet = tenant.create("/v1/wallets", &json!({ "customer_id": biller.customer, "currency": "EUR" }));
        let endpoint = json!({ "url": "http://127.0.0.1:9/", "events": ["wallet.*"] });
        let endpoint = tenant.create("/v1/admin/webhook-endpoints", &endpoint);
        let session = json!({ "mode": "setup", "customer_id": biller.customer, "success_url": "https://a.example" });
        let session = tenant.create("/v1/checkout/sessions", &session);
        tenant.create("/v1/coupons", &json!({ "code": "TEN", "percent_off": "10" }));
        let payment = tenant.get("/v1/payments")["data"][0].clone();
        let id = |row: &Value| text(row, "id").to_owned();
        let ids = vec![
            ("customers", biller.customer.clone()),
            ("tax-ids", id(&tax_id)),
            ("payment-methods", method),
            ("products", "pro".to_owned()),
            ("plans", "pro-monthly".to_owned()),
            ("coupons", "TEN".to_owned()),
            ("subscriptions", subscription.rsplit('/').next().unwrap().to_owned()),
            ("invoices", id(&invoice)),
            ("lines", id(&invoice["lines"][0])),
            ("payments", id(&payment)),
            ("wallets", id(&wallet)),
            ("webhook-endpoints", id(&endpoint)),
            ("sessions", id(&session)),
            ("payment-providers", "stripe".to_owned()),
        ];
        Self { biller, ids }
    }

    fn path(&self, info: &OperationInfo) -> String {
        let mut noun = "";
        let mut path = String::new();
        for segment in info.path.split('/').skip(1) {
            path.push('/');
            let held = self.ids.iter().find(|(name, _)| segment.starts_with('{') && *name == noun);
            path.push_str(held.map_or(segment, |(_, id)| id));
            noun = segment;
        }
        path.replace(['{', '}'], "")
    }

    /// What can be seen of it.
    fn look(&self) -> (Vec<Value>, usize) {
        (LISTS.iter().map(|path| self.biller.tenant.get(path)).collect(), self.biller.history().len())
    }

    fn send(&self, info: &OperationInfo, path: &str, body: &Value) -> Answer {
        match &*info.method {
            "POST" => self.biller.tenant.post(path, body),
            method => self.biller.tenant.ask(method, path, &[], body),
        }
    }
}

/// Does something with every operation, on several worlds at once; what it finds wrong.
fn each_operation(strike: impl Fn(&Furnished, &OperationInfo) -> Vec<String> + Sync) {
    let (rows, next) = (operations(), AtomicUsize::new(0));
    let work = || {
        let mut wrong = Vec::new();
        while let Some(info) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(strike(&Furnished::new(), info));
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

/// What is wrong with an answer, if anything.
fn amiss(answer: &Answer, path: &str) -> Option<String> {
    let body = &answer.body;
    let is_problem = body["problem"].is_string() && body["status"] == answer.status && body["instance"].is_string();
    let errors =
        answer.status != 422 || body["problem"] != "validation.failed" || body["errors"][0]["field"].is_string();
    let fine = answer.status < 400 || (answer.status < 500 && is_problem && errors);
    (!fine).then(|| format!("{} {path} {body}", answer.status))
}

#[test]
fn every_post_needs_a_key_of_its_own() {
    each_operation(|world, info| {
        if info.method != "POST" {
            return Vec::new();
        }
        let (path, before) = (world.path(info), world.look());
        let body = example(info).unwrap_or(json!({}));
        let answer = world.biller.tenant.ask("POST", &path, &[], &body);
        assert_eq!(answer.problem(&path), (400, "idempotency.required".to_owned()));
        let changed = world.look() != before;
        changed.then(|| format!("{path} has changed something")).into_iter().collect()
    });
}

/// Every place in a value, outermost first.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => return,
    };
    for (name, value) in inner {
        let place = format!("{at}/{name}");
        places(value, &place, found);
        found.push(place);
    }
}

#[test]
fn every_field_of_every_example_may_be_wrong() {
    let wrong = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("x".repeat(5_000)),
        json!("-0.000000001"),
        json!("999999999999.99999999"),
        json!("9999-12-30T00:00:00Z"),
        json!([]),
        json!({ "a": [null] }),
    ];
    each_operation(|world, info| {
        let Some(example) = example(info) else { return Vec::new() };
        let path = world.path(info);
        let (mut found, mut findings, mut before) = (Vec::new(), Vec::new(), world.look());
        places(&example, "", &mut found);
        for place in &found {
            for value in &wrong {
                let mut body = example.clone();
                *body.pointer_mut(place).unwrap() = value.clone();
                let answer = world.send(info, &path, &body);
                let said = || body.to_string().chars().take(300).collect::<String>();
                findings.extend(amiss(&answer, &path).map(|wrong| format!("{wrong} after {}", said())));
                let after = world.look();
                if answer.status >= 400 && after != before {
                    findings.push(format!("{path} was refused and has changed something: {}", said()));
                }
                before = after;
            }
        }
        // What was accepted survives a month.
        world.biller.advance("P1M");
        findings
    });
}

#[test]
fn odd_ids_are_not_found() {
    let long = "x".repeat(3_000);
    each_operation(|world, info| {
        if !info.path.contains('{') {
            return Vec::new();
        }
        let body = example(info).unwrap_or(Value::Null);
        let mut findings = Vec::new();
        for id in ["%20", "..", "null", "cus_", "inv_aaaaaaaaaaaaaaaa", "%F0%9F%98%80", "%00", &long] {
            let path = info.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
            let path = path.collect::<Vec<_>>().join("/");
            let answer = world.send(info, &path, &body);
            if !(400..500).contains(&answer.status) || amiss(&answer, &path).is_some() {
                findings.push(format!("{} {path} {}", answer.status, answer.body));
            }
        }
        findings
    });
}
