//! A world is a value: what a preview says is what happens, a fork leaves its parent alone, and a world that was
//! written down goes on where it was. On random worlds of all three providers.

use serde_json::{Value, json};

use crate::support::{Answer, Api, Biller, MERCHANT, api, fresh_key, merchant_at, text};

const START: &str = "2028-01-31T00:00:00Z";

/// A world of some provider, told by its key alone.
struct Traveller {
    api: Api,
    provider: &'static str,
    key: String,
}

impl Traveller {
    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let between = if path.contains('?') { '&' } else { '?' };
        let path = format!("/_leapday{path}{between}provider={}&world={}", self.provider, self.key);
        self.api.send(method, &path, body)
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).expect(200)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, body);
        assert!(answer.status < 300, "{} {:#}", answer.status, answer.body);
        answer.body
    }

    #[track_caller]
    fn advance(&self, by: &str) -> Value {
        self.post("/clock/advance", &json!({ "by": by }))
    }

    fn digest(&self) -> String {
        text(&self.get("/world"), "digest").to_owned()
    }

    /// All that has happened, with every body.
    fn history(&self) -> Value {
        self.get("/events?limit=1000")["events"].clone()
    }

    /// A world like this one under another key of the same vendor.
    fn fork(&self, suffix: char) -> Self {
        let key = format!("{}{suffix}", self.key);
        self.post("/world/fork", &json!({ "key": key, "replace": true }));
        Self { api: self.api.clone(), provider: self.provider, key }
    }
}

/// Numbers that follow from a seed: a failure can be seen again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<'a>(&mut self, among: &[&'a str]) -> &'a str {
        among[usize::try_from(self.roll(among.len() as u64)).unwrap()]
    }
}

const LEAPS: [&str; 6] = ["PT1H", "P1D", "P11D", "P29D", "P1M", "P3M"];

fn paygentic(dice: &mut Dice) -> Traveller {
    let api = api();
    api.post("/_leapday/clock", &json!({ "now": START })).expect(200);
    let product = api.product();
    for n in 0..2 + dice.roll(3) {
        let (_, usage) = api.usage_price(&product, "calls", "COUNT", json!({ "unitPrice": "0.5" }));
        let cadence = dice.pick(&["P1M", "P1W", "P3M", "P10D"]);
        let term = dice.pick(&["in_advance", "in_arrears"]);
        let fee = api.fee_price(&product, "31.41", cadence, term, json!({}));
        if dice.roll(2) == 0 {
            let feature = json!({
                "key": format!("calls-{n}"), "name": "Calls", "type": "metered", "merchantId": MERCHANT, "productId": product,
            });
            let feature = text(&api.create("/v0/features", &feature), "id").to_owned();
            let template = json!({
                "type": "metered", "usagePeriod": { "interval": "P1M" }, "isSoftLimit": true, "issueAfterReset": 2,
                "resetMaxRollover": 1,
            });
            let attached = json!({ "feature": { "featureId": feature, "entitlementTemplate": template } });
            api.patch(&format!("/v0/prices/{usage}"), &attached).expect(200);
        }
        let plan = api.plan(&product, &[&fee, &usage], json!({}));
        let customer = api.customer(&format!("c{n}@example.com"));
        api.save_card(&customer, dice.pick(&["4242424242424242", "4000000000000002", "4000000000009995"]));
        let body = json!({
            "name": "Ada", "planId": plan, "customerId": customer, "autoCharge": dice.roll(3) > 0,
            "startedAt": api.get("/_leapday/clock")["now"],
        });
        let made = api.post("/v0/subscriptions", &body);
        let made = if made.status == 201 { made.body } else { panic!("{:#}", made.body) };
        if made["payment"].is_object() && dice.roll(4) > 0 {
            api.pay(&made);
        }
        agree(&api, dice, &plan, &usage, text(&made, "id"));
        let now = api.get("/_leapday/clock")["now"].clone();
        for _ in 0..dice.roll(5) {
            api.usage("calls", &customer, 1.0, now.as_str().unwrap());
        }
        api.post("/_leapday/clock/advance", &json!({ "by": dice.pick(&LEAPS) })).expect(200);
    }
    let world = api.get("/_leapday/world");
    Traveller { key: text(&world, "key").to_owned(), provider: "paygentic", api }
}

/// Agrees on something that a plan does not say, or on another plan for all.
fn agree(api: &Api, dice: &mut Dice, plan: &str, usage: &str, subscription: &str) {
    let now = api.get("/_leapday/clock")["now"].clone();
    let of = |path: &str| format!("/v0/subscriptions/{subscription}/{path}");
    match dice.roll(5) {
        0 => {
            let off = json!({ "type": "percentageDiscount", "percentageDiscount": "0.25", "effectiveFrom": now });
            api.create(&of("adjustments"), &off);
        }
        1 => {
            let line = json!({
                "subscriptionId": subscription, "displayName": "Help", "currency": "USD", "quantity": 1, "unitPrice": 7,
                "invoiceAt": "2028-05-05T00:00:00Z",
            });
            api.create("/v2/invoices/lineItems", &line);
        }
        2 => {
            let dearer = api.fee_price(&api.product(), "41.31", "P1M", "in_advance", json!({}));
            let lines = json!([{ "priceId": dearer, "key": "line-1" }, { "priceId": usage, "key": "line-2" }]);
            api.create(&format!("/v0/plans/{plan}/versions"), &json!({ "prices": lines }));
        }
        3 => {
            let intervals = api.get(&of("intervals"))["intervals"].clone();
            let transitions = json!([{ "effectiveDate": "2028-08-08T00:00:00Z", "quantity": "3" }]);
            let op = json!({ "id": intervals[0]["id"], "unitPrice": "20", "quantityTransitions": transitions });
            api.post(&of("intervals"), &json!({ "edit": [op] })).expect(200);
        }
        _ => {}
    }
}

fn paylera(dice: &mut Dice) -> Traveller {
    let biller = Biller::at(START);
    biller.flat("month", "19.90", &json!({}));
    biller.flat("year", "199.00", &json!({ "interval": "year" }));
    biller.flat("trial", "9.99", &json!({ "trial_period_days": 7 }));
    for _ in 0..2 + dice.roll(3) {
        biller.method(dice.pick(&["tok_visa_success", "tok_visa_insufficient_funds", "tok_visa_chargeback"]));
        biller.subscribe(dice.pick(&["month", "year", "trial"]), &json!({}));
        biller.advance(dice.pick(&LEAPS));
    }
    let api = biller.tenant.0;
    let world = api.get("/_leapday/world?provider=paylera");
    Traveller { key: text(&world, "key").to_owned(), provider: "paylera", api }
}

fn paymennt(dice: &mut Dice) -> Traveller {
    let merchant = merchant_at(START);
    for n in 0..2 + dice.roll(3) {
        let body = json!({
            "description": "cookies", "currency": "AED", "amount": 10.5,
            "customer": {
                "id": "", "firstName": "Ada", "lastName": "L", "email": format!("c{n}@example.com"), "phone": "97150",
            },
            "startDate": "2028-01-31", "endDate": "2029-08-24", "sendOnHour": 10,
            "sendEvery": dice.pick(&["WEEK", "TWO_WEEKS", "MONTH", "THREE_MONTHS"]),
        });
        merchant.make("/subscription/", &body);
        merchant.advance(dice.pick(&LEAPS));
    }
    let world = merchant.control("GET", "/world", &Value::Null);
    Traveller { key: text(&world, "key").to_owned(), provider: "paymennt", api: merchant.api }
}

/// Random worlds of each provider.
fn worlds() -> impl Iterator<Item = (u64, Traveller)> {
    let makers: [fn(&mut Dice) -> Traveller; 3] = [paygentic, paylera, paymennt];
    (0..4).flat_map(move |seed| makers.map(|make| (seed, make(&mut Dice(seed)))))
}

#[test]
fn a_preview_is_the_run() {
    for (seed, world) in worlds() {
        let mut dice = Dice(seed + 100);
        for _ in 0..3 {
            let by = dice.pick(&["P1D", "P1M", "P45D", "P7M"]);
            let before = world.digest();
            let mut said = world.post("/clock/advance", &json!({ "by": by, "dry_run": true }));
            assert_eq!(world.digest(), before, "{} {seed}: a preview changes nothing", world.provider);
            assert_eq!(said["dryRun"], true);
            said["dryRun"] = json!(false);
            assert_eq!(said, world.advance(by), "{} {seed} {by}", world.provider);
        }
    }
}

#[test]
fn a_year_is_twelve_months_is_its_days() {
    for (seed, world) in worlds() {
        let (months, days) = (world.fork('b'), world.fork('c'));
        // From wherever its clock stands: the months of a grid, and the days of a whole year.
        let to = text(&world.post("/clock/advance", &json!({ "by": "P12M", "dry_run": true })), "now").to_owned();
        world.post("/clock/advance", &json!({ "to": to }));
        while text(&months.get("/clock"), "now") < to.as_str() {
            let next = text(&months.post("/clock/advance", &json!({ "by": "P1M", "dry_run": true })), "now").to_owned();
            months.post("/clock/advance", &json!({ "to": next.min(to.clone()) }));
        }
        while text(&days.get("/clock"), "now") < to.as_str() {
            days.advance("P1D");
        }
        assert_eq!(world.history(), months.history(), "{} {seed}", world.provider);
        assert_eq!(world.digest(), months.digest(), "{} {seed}", world.provider);
        assert_eq!(world.history(), days.history(), "{} {seed}", world.provider);
        assert_eq!(world.digest(), days.digest(), "{} {seed}", world.provider);
    }
}

#[test]
fn steps_do_one_thing_each_and_together_what_an_advance_does() {
    for (seed, world) in worlds() {
        let stepped = world.fork('b');
        let calendar = world.get("/clock/upcoming?within=P3M&limit=1000");
        let until = text(&calendar, "until").to_owned();
        let run = world.post("/clock/advance", &json!({ "to": until }));
        let upcoming = calendar["upcoming"].as_array().unwrap();
        assert_eq!(json!(upcoming.len()), run["fired"], "{} {seed}", world.provider);
        let mut told = Vec::new();
        for entry in upcoming {
            let step = stepped.post("/clock/step", &Value::Null);
            for field in ["at", "what", "about"] {
                assert_eq!(step["due"][field], entry[field], "{} {seed}", world.provider);
            }
            assert_eq!((&step["fired"], &step["now"], &step["stopped"]), (&json!(1), &entry["at"], &Value::Null));
            let events = step["events"].as_array().unwrap().clone();
            let brief = |event: &Value| {
                let mut event = event.clone();
                event.as_object_mut().unwrap().remove("body");
                event
            };
            assert_eq!(entry["events"], json!(events.iter().map(brief).collect::<Vec<_>>()));
            told.extend(events.iter().map(|event| event["id"].clone()));
        }
        let ids: Vec<Value> = run["events"].as_array().unwrap().iter().map(|event| event["id"].clone()).collect();
        assert_eq!(told, ids, "{} {seed}", world.provider);
        assert_eq!(stepped.history(), world.history());
    }
}

#[test]
fn a_fork_leaves_its_parent_alone_and_goes_its_own_way() {
    for (seed, world) in worlds() {
        let before = world.digest();
        let fork = world.fork('b');
        assert_eq!(fork.digest(), before);
        fork.advance("P5M");
        assert_eq!(world.digest(), before, "{} {seed}", world.provider);
        world.advance("P5M");
        assert_eq!((world.digest(), world.history()), (fork.digest(), fork.history()), "{} {seed}", world.provider);
        let again = world.ask("POST", "/world/fork", &json!({ "key": fork.key })).expect(409);
        assert!(text(&again, "message").contains("\"replace\": true"), "{again}");
    }
}

#[test]
fn a_world_that_was_written_down_goes_on_where_it_was() {
    for (seed, world) in worlds() {
        let written = world.get("/world/export");
        let other = Traveller { key: format!("{}d", world.key), api: world.api.clone(), provider: world.provider };
        other
            .api
            .send(
                "POST",
                &format!("/_leapday/worlds?provider={}", world.provider),
                &json!({ "key": other.key, "world": "empty" }),
            )
            .expect(201);
        let read = other.post("/world/import", &written);
        assert_eq!((text(&read, "digest"), &read["key"]), (text(&written, "digest"), &json!(other.key)));
        assert_eq!(other.get("/world/export")["world"], written["world"], "{} {seed}", world.provider);
        assert_eq!(other.history(), world.history(), "{} {seed}", world.provider);
        other.advance("P14M");
        world.advance("P14M");
        assert_eq!(other.history(), world.history(), "{} {seed}", world.provider);
        assert_eq!(other.digest(), world.digest(), "{} {seed}", world.provider);
    }
}

#[test]
fn a_snapshot_brings_back_what_was() {
    for (seed, world) in worlds().take(3) {
        let (digest, history) = (world.digest(), world.history());
        let kept = world.post("/world/snapshots", &json!({ "name": "before" }));
        assert_eq!((&kept["name"], &kept["now"]), (&json!("before"), &world.get("/clock")["now"]));
        let run = world.advance("P6M");
        assert_eq!(world.get("/world/snapshots")["snapshots"], json!([kept]));
        world.post("/world/snapshots/before/restore", &Value::Null);
        assert_eq!((world.digest(), world.history()), (digest, history), "{} {seed}", world.provider);
        assert_eq!(world.advance("P6M"), run, "what follows is the same again");
        world.ask("DELETE", "/world/snapshots/before", &Value::Null).expect(204);
        for (method, path) in [("POST", "/world/snapshots/before/restore"), ("DELETE", "/world/snapshots/before")] {
            world.ask(method, path, &Value::Null).expect(404);
        }
    }
}

#[test]
fn worlds_are_listed_opened_and_forgotten() {
    let (api, key) = (api(), fresh_key());
    let path = "/_leapday/worlds";
    let made = api.send("POST", path, &json!({ "key": key, "world": "one-active-subscription" })).expect(201);
    assert_eq!((&made["provider"], &made["key"]), (&json!("paygentic"), &json!(key)));
    let again = api.send("POST", path, &json!({ "key": key })).expect(409);
    assert!(text(&again, "message").contains("/world/reset"), "{again}");
    let listed = api.get("/_leapday/worlds?provider=paygentic");
    let row = listed["worlds"].as_array().unwrap().iter().find(|row| row["key"] == made["key"]).expect("it is listed");
    assert_eq!((&row["eventCount"], &row["snapshots"]), (&made["eventCount"], &json!([])));
    let unknown = api.send("POST", path, &json!({ "key": key, "world": "stater" })).expect(404);
    assert_eq!(unknown["violations"][0]["suggestion"], "starter", "{unknown}");
    api.send("DELETE", &format!("{path}/{key}"), &Value::Null).expect(204);
    api.send("DELETE", &format!("{path}/{key}"), &Value::Null).expect(404);
    let refused = api.send("POST", "/_leapday/worlds?provider=paygentic", &json!({ "key": "sk_live_x" })).expect(400);
    assert_eq!(refused["violations"][0]["pointer"], "/key", "{refused}");
    api.send("GET", &format!("/_leapday/clock?world={key}"), &Value::Null).expect(404);
    let itself = json!({ "key": api.key, "replace": true });
    assert_eq!(api.refuses("POST", "/_leapday/world/fork", &itself, 400).body["violations"][0]["pointer"], "/key");
}

#[test]
fn what_is_no_world_is_not_read() {
    let api = api();
    let written = api.get("/_leapday/world/export");
    let before = api.get("/_leapday/world")["digest"].clone();
    let mut wrong = written.clone();
    wrong["provider"] = json!("paylera");
    let mut torn = written.clone();
    torn["world"]["state"]["plans"].as_object_mut().unwrap().remove("ids");
    let mut older = torn.clone();
    older["leapday"] = json!("0.0.1");
    let mut lost = written;
    lost["world"]["clocks"] = json!([]);
    for (kept, pointer, why) in [
        (json!({}), "/world", "required"),
        (json!({ "world": {} }), "/world", "missing field"),
        (wrong, "/provider", "this is a world of"),
        (torn, "/world", "missing field `ids`"),
        (older, "/world", "Leapday 0.0.1 wrote it"),
        (lost, "/world", "clock"),
    ] {
        let refused = api.send("POST", "/_leapday/world/import", &kept).expect(400);
        let violation = &refused["violations"][0];
        assert!(text(violation, "pointer").starts_with(pointer), "{refused}");
        assert!(refused.to_string().contains(why), "{why}: {refused}");
    }
    assert_eq!(api.get("/_leapday/world")["digest"], before);
}

#[test]
fn a_clock_goes_back_only_while_nothing_is_due() {
    let api = api();
    let set = |now: &str| api.post("/_leapday/clock", &json!({ "now": now }));
    set(START).expect(200);
    let earlier = set("2020-01-01T00:00:00Z").expect(200);
    assert_eq!(earlier["now"], "2020-01-01T00:00:00Z");
    set(START).expect(200);
    let customer = api.customer("ada@example.com");
    api.save_card(&customer, "4242424242424242");
    let wanted = json!({
        "name": "S", "planId": "plan_starterMonthly", "customerId": customer, "startedAt": START, "autoCharge": true,
    });
    api.create("/v0/subscriptions", &wanted);
    let refused = api.refuses("POST", "/_leapday/clock", &json!({ "now": "2020-01-01T00:00:00Z" }), 409);
    assert!(text(&refused.body, "message").contains("cannot go back"), "{}", refused.body);
}

#[test]
fn a_step_needs_something_that_is_due() {
    let api = api();
    api.post("/_leapday/world/reset", &json!({ "world": "empty" })).expect(200);
    api.post("/_leapday/clock", &json!({ "now": START })).expect(200);
    let refused = api.post("/_leapday/clock/step", &json!({})).expect(409);
    assert_eq!(refused["message"], "Nothing is due on this clock, which stands at 2028-01-31T00:00:00Z");
    assert_eq!(api.get("/_leapday/clock/upcoming")["upcoming"], json!([]));
    api.send("GET", "/_leapday/clock/upcoming?within=soon", &Value::Null).expect(400);
    api.send("GET", "/_leapday/clock/upcoming?within=P9999Y", &Value::Null).expect(400);
    api.send("GET", "/_leapday/clock/upcoming?clock=tc_none", &Value::Null).expect(404);
}

/// A Paygentic test clock is stepped and previewed as the world's own is.
#[test]
fn a_test_clock_is_previewed_and_stepped() {
    let api = api();
    let customer = api.customer("ada@example.com");
    api.save_card(&customer, "4242424242424242");
    let clock = api.clock(START);
    let made = api.subscribe("plan_starterMonthly", &customer, &clock, START, json!({ "autoCharge": true }));
    assert_eq!(made["status"], "active");
    let body = json!({ "by": "P2M", "clock": clock, "dry_run": true });
    let said = api.post("/_leapday/clock/advance", &body).expect(200);
    let calendar = api.get(&format!("/_leapday/clock/upcoming?within=P2M&clock={clock}"));
    let first = &calendar["upcoming"][0];
    assert_eq!((&first["what"], &first["at"]), (&json!("renewal_reminder"), &json!("2028-02-26T00:00:00Z")));
    let step = api.post("/_leapday/clock/step", &json!({ "clock": clock })).expect(200);
    assert_eq!((&step["due"]["about"]["noun"], &step["now"]), (&json!("subscription"), &first["at"]));
    let path = format!("/v0/testClocks/{clock}");
    assert_eq!(api.get(&path)["currentTime"], "2028-02-26T00:00:00Z");
    let to = text(&said, "now").to_owned();
    let rest = api.post("/_leapday/clock/advance", &json!({ "to": to, "clock": clock })).expect(200);
    let both = [&step["events"], &rest["events"]].map(|events| events.as_array().unwrap().clone()).concat();
    assert_eq!(said["events"], json!(both));
    let invoice = both.iter().find(|event| event["type"] == "invoice.issued.v0").unwrap();
    // 49.90 of the plan.
    assert_eq!((&invoice["about"]["currency"], &invoice["about"]["noun"]), (&json!("USD"), &json!("invoice")));
}
