//! Bounds of one world: what goes beyond is refused as the vendor refuses and changes nothing, an advance stops and
//! says where, and a world that nobody asks is forgotten.

use std::net::TcpListener;
use std::time::Duration;

use leapday::api::{Beginning, Deliver, Journey, Site, Target};
use leapday::blocking::Sandbox;
use leapday::sandbox::{NOWHERE, Options, mounts};
use leapday::time::{Cadence, wall};
use leapday::world::Endpoint;
use serde_json::{Value, json};

use crate::support::{Api, MERCHANT, Merchant, Receiver, Tenant, api, merchant_at, text, web};

const START: &str = "2028-01-31T00:00:00Z";
const ROWS: usize = 60;
const EVENTS: usize = 100;
/// How often something is looked for that another thread does.
const LOOKS: usize = 1_000_000;

fn sandbox(set: impl FnOnce(&mut Options)) -> Sandbox {
    Sandbox::builder().strict(true).options(set).start().unwrap()
}

fn small() -> Sandbox {
    sandbox(|options| options.max_rows = ROWS)
}

fn count(api: &Api, field: &str) -> usize {
    api.get("/_leapday/world")[field].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap()
}

fn product() -> Value {
    json!({ "name": "Service", "description": "A service", "merchantId": "org_shop" })
}

/// Makes products until there is no room.
fn fill(api: &Api) {
    while count(api, "rowCount") < ROWS {
        api.product();
    }
}

/// Subscribes a customer on the clock of the world, month by month: one who has a card, or has to pay on a page.
fn subscribed(api: &Api, card: bool) -> Value {
    api.freeze(START);
    let product = api.product();
    let fee = api.fee_price(&product, "30", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({}));
    let customer = api.customer("jo@example.com");
    if card {
        api.save_card(&customer, "4242424242424242");
    }
    let wanted = json!({
        "name": "Seat", "planId": plan, "customerId": customer, "startedAt": START, "autoCharge": card,
    });
    api.create("/v0/subscriptions", &wanted)
}

#[test]
fn a_row_too_many_is_refused_and_everything_else_goes_on() {
    let sandbox = small();
    let api = Api::at(sandbox.base_url(), "sk_test_full");
    fill(&api);
    let refused = api.refuses("POST", "/v0/products", &product(), 503);
    assert_eq!(refused.body["error"], "service_unavailable");
    let said = text(&refused.body, "message");
    assert!(said.contains("60 rows (--max-rows)") && said.contains("/_leapday/world/reset"), "{said}");
    assert_eq!(count(&api, "rowCount"), ROWS);
    // What adds nothing is served, and so is everybody else.
    let first = api.rows("/v0/products")[0]["id"].as_str().unwrap().to_owned();
    api.patch(&format!("/v0/products/{first}"), &json!({ "name": "Renamed" })).expect(200);
    api.with_key("sk_test_other").product();
    api.post("/_leapday/world/reset", &json!({})).expect(200);
    api.product();
}

#[test]
fn an_event_too_many_is_refused_and_leaves_no_row() {
    let sandbox = sandbox(|options| options.max_events = EVENTS);
    let api = Api::at(sandbox.base_url(), "sk_test_told");
    for number in count(&api, "eventCount")..EVENTS {
        api.customer(&format!("{number}@example.com"));
    }
    let customer = json!({ "merchantId": MERCHANT, "consumer": { "name": "Jo", "email": "jo@example.com" } });
    let refused = api.refuses("POST", "/v0/customers", &customer, 503);
    assert!(text(&refused.body, "message").contains("100 events (--max-events)"), "{}", refused.body);
    api.product();
}

#[test]
fn each_vendor_says_it_in_its_own_shape() {
    let sandbox = small();
    let tenant = Tenant(Api::at(sandbox.base_url(), "sk_sandbox_full"));
    let full = (0..ROWS).map(|n| tenant.post("/v1/customers", &json!({ "email": format!("{n}@example.com") })));
    let full = full.into_iter().find(|answer| answer.status != 201).expect("an end");
    assert_eq!(full.problem("/v1/customers"), (503, "service.unavailable".to_owned()));
    assert!(text(&full.body, "detail").contains("--max-rows"), "{}", full.body);
    let pair = ("key".to_owned(), "full".to_owned());
    let merchant = Merchant { api: Api::at(sandbox.base_url(), ""), pair };
    merchant.control("POST", "/clock", &json!({ "now": START }));
    let full = (0..ROWS).map(|n| merchant.post("/checkout/web", &web(&format!("request-{n}"))));
    let full = full.into_iter().find(|answer| answer.status != 200).expect("an end");
    assert!(full.error(503).contains("--max-rows"));
    let shown = merchant.control("GET", "/world", &Value::Null);
    assert_eq!(merchant.post("/checkout/web", &web("another")).status, 503);
    assert_eq!(merchant.control("GET", "/world", &Value::Null), shown);
}

#[test]
fn a_page_of_a_full_world_takes_no_money() {
    let sandbox = small();
    let api = Api::at(sandbox.base_url(), "sk_test_page");
    let subscription = subscribed(&api, false);
    let address = text(&subscription["payment"], "checkoutUrl");
    fill(&api);
    let browser = api.browser();
    let page = browser.open(address).expect(200);
    let before = api.get("/_leapday/world");
    let card = [("card-number", "4242 4242 4242 4242"), ("card-expiry", "01 / 29"), ("card-cvc", "123")];
    let refused = browser.press(&page, "pay", &[&card[..], &[("cardholder", "Jo"), ("save", "on")]].concat());
    assert_eq!(refused.status, 503, "{}", refused.html);
    assert!(refused.html.contains("60 rows (--max-rows)"), "{}", refused.html);
    assert_eq!(api.get("/_leapday/world"), before);
}

#[test]
fn an_advance_stops_where_the_world_is_full_and_says_so() {
    let sandbox = sandbox(|options| options.max_events = EVENTS);
    let api = Api::at(sandbox.base_url(), "sk_test_events");
    subscribed(&api, true);
    let far = json!({ "by": "P20Y" });
    let preview = api.post("/_leapday/clock/advance", &json!({ "by": "P20Y", "dry_run": true })).expect(200);
    let mut told = api.post("/_leapday/clock/advance", &far).expect(200);
    told["dryRun"] = json!(true);
    assert_eq!(told, preview);
    let stopped = &told["stopped"];
    assert_eq!(stopped["reason"], "the world holds as many as it may: 100 events (--max-events)");
    assert!((EVENTS..EVENTS + 10).contains(&count(&api, "eventCount")), "{}", count(&api, "eventCount"));
    assert!(text(&told, "now") <= text(stopped, "before"), "{told}");
    // There it stays, however it is asked.
    let again = api.post("/_leapday/clock/advance", &far).expect(200);
    assert_eq!((&again["fired"], &again["now"], &again["stopped"]), (&json!(0), &told["now"], stopped));
    let step = api.post("/_leapday/clock/step", &json!({})).expect(200);
    assert_eq!((&step["fired"], &step["stopped"]), (&json!(0), stopped));
    let refused = api.refuses("POST", "/_leapday/clock", &json!({ "now": "2049-01-01T00:00:00Z" }), 409);
    assert!(text(&refused.body, "message").contains("100 events (--max-events)"), "{}", refused.body);
    // The calendar is a look at what would be, and ends.
    let upcoming = api.get("/_leapday/clock/upcoming?within=P1Y&limit=5")["upcoming"].as_array().unwrap().clone();
    assert!(upcoming.windows(2).all(|two| text(&two[0], "at") <= text(&two[1], "at") && two[0] != two[1]));
    // A clock that flows has work that it may not do: requests are answered all the same.
    api.post("/_leapday/clock", &json!({ "flow": true })).expect(200);
    api.get("/v0/products");
    api.get("/_leapday/events?offset=1000&wait=1ms");
}

/// Rows are counted now and then, and events after each timer.
#[test]
fn an_advance_goes_hardly_beyond_a_bound() {
    for most in [101, 106, 111, 116] {
        let sandbox = sandbox(|options| options.max_events = most);
        let api = Api::at(sandbox.base_url(), "sk_test_exact");
        subscribed(&api, true);
        api.post("/_leapday/clock/advance", &json!({ "by": "P20Y" })).expect(200);
        assert!((most..most + 6).contains(&count(&api, "eventCount")), "{} of {most}", count(&api, "eventCount"));
    }
    let sandbox = small();
    let api = Api::at(sandbox.base_url(), "sk_test_rows");
    subscribed(&api, true);
    let told = api.post("/_leapday/clock/advance", &json!({ "by": "P20Y" })).expect(200);
    assert_eq!(told["stopped"]["reason"], "the world holds as many as it may: 60 rows (--max-rows)");
    assert!((ROWS..2 * ROWS).contains(&count(&api, "rowCount")), "{}", count(&api, "rowCount"));
}

/// Whole worlds come in by the control API, and nothing else is as large.
#[test]
fn every_api_has_a_largest_body() {
    for mount in mounts(&Options::default(), NOWHERE).unwrap() {
        let most = if mount.name() == "_leapday" { 256 << 20 } else { 1_000 };
        assert_eq!(mount.max_body(1_000), most, "{}", mount.name());
    }
}

#[test]
fn a_test_clock_says_what_it_would_be_too_much_for() {
    let sandbox = sandbox(|options| options.max_events = EVENTS);
    let api = Api::at(sandbox.base_url(), "sk_test_clock");
    let product = api.product();
    let fee = api.fee_price(&product, "30", "P1M", "in_advance", json!({}));
    let plan = api.plan(&product, &[&fee], json!({}));
    let (customer, clock) = (api.customer("jo@example.com"), api.clock(START));
    api.save_card(&customer, "4242424242424242");
    api.subscribe(&plan, &customer, &clock, START, json!({ "autoCharge": true }));
    let refused = api.refuses(
        "PATCH",
        &format!("/v0/testClocks/{clock}"),
        &json!({ "currentTime": "2049-01-01T00:00:00Z" }),
        400,
    );
    assert!(text(&refused.body, "message").contains("100 events (--max-events)"), "{}", refused.body);
    api.advance(&clock, "P2M");
}

#[test]
fn an_advance_that_settles_stops_there_too() {
    let sandbox = sandbox(|options| options.max_events = EVENTS);
    let api = Api::at(sandbox.base_url(), "sk_test_settles");
    subscribed(&api, true);
    let receiver = Receiver::new();
    api.post("/_leapday/webhook-endpoints", &json!({ "url": receiver.url })).expect(201);
    let before = count(&api, "eventCount");
    let told = api.post("/_leapday/clock/advance", &json!({ "by": "P20Y" })).expect(200);
    assert_eq!(told["stopped"]["reason"], "the world holds as many as it may: 100 events (--max-events)");
    let sent = count(&api, "eventCount") - before;
    assert_eq!(receiver.wait_for(sent).len(), sent);
}

#[test]
fn an_advance_that_settles_fires_no_more_timers_than_one_that_does_not() {
    let sandbox = sandbox(|options| options.timers_per_advance = 10);
    let (receiver, far) = (Receiver::new(), json!({ "by": "P5Y" }));
    let told = ["sk_test_heard", "sk_test_unheard"].map(|key| {
        let api = Api::at(sandbox.base_url(), key);
        subscribed(&api, true);
        if key == "sk_test_heard" {
            api.post("/_leapday/webhook-endpoints", &json!({ "url": receiver.url })).expect(201);
        }
        api.post("/_leapday/clock/advance", &far).expect(200)
    });
    for field in ["fired", "now", "stopped"] {
        assert_eq!(told[0][field], told[1][field], "{field}");
    }
    assert_eq!(told[0]["fired"], 10);
}

#[test]
fn a_world_has_so_many_endpoints_rules_and_no_more() {
    let sandbox = sandbox(|_| ());
    let api = Api::at(sandbox.base_url(), "sk_test_hooks");
    let endpoint = json!({ "url": "http://127.0.0.1:1/hook" });
    let made: Vec<Value> =
        (0..100).map(|_| api.post("/_leapday/webhook-endpoints", &endpoint).expect(201)["id"].clone()).collect();
    let refused = api.refuses("POST", "/_leapday/webhook-endpoints", &endpoint, 409);
    assert!(text(&refused.body, "message").contains("100 webhook endpoints"), "{}", refused.body);
    api.delete(&format!("/_leapday/webhook-endpoints/{}", made[7].as_str().unwrap())).expect(204);
    api.post("/_leapday/webhook-endpoints", &endpoint).expect(201);
    let rule = json!({ "action": "drop" });
    for _ in 0..1_000 {
        api.post("/_leapday/webhook-rules", &rule).expect(201);
    }
    let refused = api.refuses("POST", "/_leapday/webhook-rules", &rule, 409);
    assert!(text(&refused.body, "message").contains("1000 webhook rules"), "{}", refused.body);
}

#[test]
fn a_world_that_is_too_large_is_not_taken_in() {
    let (large, sandbox) = (sandbox(|_| ()), small());
    let giver = Api::at(large.base_url(), "sk_test_large");
    while count(&giver, "rowCount") <= ROWS {
        giver.product();
    }
    let world = giver.get("/_leapday/world/export");
    let taker = Api::at(sandbox.base_url(), "sk_test_taker");
    let refused = taker.refuses("POST", "/_leapday/world/import", &world, 503);
    assert!(text(&refused.body, "message").contains("60 rows (--max-rows)"), "{}", refused.body);
}

#[test]
fn so_many_things_have_outcomes_and_no_more() {
    let api = api();
    let customer = api.customer("jo@example.com");
    let script = json!({ "of": customer, "outcomes": ["decline"] });
    api.post("/_leapday/outcomes", &script).expect(200);
    let mut world = api.get("/_leapday/world/export");
    let left = world["world"]["scripts"][&customer].clone();
    let scripts: serde_json::Map<String, Value> = (0..10_000).map(|n| (format!("cus_{n}"), left.clone())).collect();
    world["world"]["scripts"] = scripts.into();
    api.post("/_leapday/world/import", &world).expect(200);
    let refused = api.refuses("POST", "/_leapday/outcomes", &script, 409);
    assert!(text(&refused.body, "message").contains("outcomes for 10000 things"), "{}", refused.body);
    world["world"]["scripts"][&customer] = left;
    api.refuses("POST", "/_leapday/world/import", &world, 409);
}

#[test]
fn a_world_has_so_many_snapshots_and_no_more() {
    let api = api();
    api.freeze(START);
    let snapshot = |name: &str| api.post("/_leapday/world/snapshots", &json!({ "name": name }));
    for number in 0..100 {
        snapshot(&number.to_string()).expect(201);
    }
    assert!(text(&snapshot("one-more").expect(409), "message").contains("100 snapshots"));
    snapshot("7").expect(201);
    api.delete("/_leapday/world/snapshots/7").expect(204);
    snapshot("one-more").expect(201);
}

/// Letters are written when they are read, and the oldest are forgotten.
#[test]
fn a_world_remembers_so_many_messages() {
    let merchant = merchant_at("2028-01-31T00:00:00Z");
    let subscription = json!({
        "description": "Cookies", "currency": "AED", "amount": 100, "startDate": "2028-01-31", "sendOnHour": 10,
        "customer": { "firstName": "A", "lastName": "B", "email": "a@example.com" }, "sendEvery": "DAY",
    });
    merchant.make("/subscription", &subscription);
    merchant.advance("P28Y");
    let found = merchant.control("GET", "/messages?limit=1", &Value::Null);
    let total = found["total"].as_u64().unwrap();
    assert!(total > 10_000, "{total}");
    assert_eq!(found["messages"][0]["number"], total - 10_000);
}

/// Gives each table of a written world a row that was taken out; how many tables there are.
fn stretch(kept: &mut Value) -> usize {
    let here = match (kept["ids"].is_null(), kept.get_mut("rows").and_then(Value::as_array_mut)) {
        (false, Some(rows)) => {
            rows.push(Value::Null);
            1
        }
        _ => 0,
    };
    here + kept.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()).map(stretch).sum::<usize>()
}

#[test]
fn every_table_counts() {
    for (mount, tables) in keepers().iter().zip([30, 20, 8]) {
        let keeper = mount.keeper().expect("worlds");
        let key = keeper.key_for("stretched");
        keeper.create(&key, Beginning { calls: &json!({}), at: None }, wall()).unwrap();
        let door = keeper.world(&key).unwrap();
        let before = door.about(wall()).unwrap()["rowCount"].as_u64().unwrap();
        let mut kept = door.export(wall()).unwrap();
        let stretched = stretch(&mut kept["world"]);
        assert!(stretched > tables, "{} has {stretched} tables", mount.name());
        let after = door.import(&kept, wall()).unwrap()["rowCount"].as_u64().unwrap();
        assert_eq!(after - before, stretched as u64, "{}", mount.name());
    }
}

/// The providers with their worlds, without a server.
fn keepers() -> Vec<std::sync::Arc<dyn leapday::api::Mount>> {
    let mut mounts = mounts(&Options::default(), NOWHERE).unwrap();
    mounts.retain(|mount| mount.keeper().is_some());
    mounts
}

#[test]
fn a_world_that_nobody_asks_is_forgotten_and_one_in_use_is_not() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mounts = keepers();
    let keeper = mounts[0].keeper().unwrap();
    let start = wall();
    let after = |minutes: i64| start.plus_millis(minutes * 60_000).unwrap();
    for key in ["sk_test_idle", "sk_test_used"] {
        keeper.create(key, Beginning { calls: &json!({}), at: None }, start).unwrap();
    }
    assert_eq!(keeper.expire(after(59), HOUR), 0);
    let door = keeper.world("sk_test_used");
    assert_eq!(keeper.expire(after(61), HOUR), 1);
    let left: Vec<String> = keeper.worlds(after(61)).into_iter().map(|world| world.key).collect();
    assert_eq!(left, ["sk_test_used"]);
    drop(door);
    // It was in use then, so that its hour begins there.
    assert_eq!((keeper.expire(after(120), HOUR), keeper.expire(after(121), HOUR)), (0, 1));
    assert!(keeper.world("sk_test_used").is_none());
}

#[test]
fn a_world_whose_webhook_is_on_its_way_is_not_forgotten() {
    const HOUR: Duration = Duration::from_secs(3_600);
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let mounts = keepers();
    let keeper = mounts[0].keeper().unwrap();
    let later = wall().plus_millis(2 * 3_600_000).unwrap();
    let start = leapday::fixtures::world("one-active-subscription").unwrap();
    keeper.create("sk_test_sends", Beginning { calls: &start, at: None }, wall()).unwrap();
    let door = keeper.world("sk_test_sends").unwrap();
    let listen = &mut |outbox: &mut leapday::world::Outbox, now| {
        outbox.register(Endpoint::new(&url, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now));
        Ok(())
    };
    door.change_outbox(wall(), listen).unwrap();
    let month = Journey {
        clock: None,
        target: Target::By(Cadence::parse("P1M").unwrap()),
        deliver: Deliver::Burst,
        offset: 0,
        limit: 0,
        site: Site::below(NOWHERE, "_leapday"),
    };
    tokio::runtime::Runtime::new().unwrap().block_on(door.advance(month)).unwrap();
    drop(door);
    assert_eq!(keeper.expire(later, HOUR), 0);
    // Nobody takes the connection any more: the attempt fails, and the next one is no request under way.
    drop(silent);
    let nth = |n: usize| later.plus_millis(i64::try_from(n + 1).unwrap() * 2 * 3_600_000).unwrap();
    let forgotten = (0..LOOKS).any(|n| {
        std::thread::yield_now();
        keeper.expire(nth(n), HOUR) == 1
    });
    assert!(forgotten);
}

#[test]
fn a_sandbox_looks_for_idle_worlds_by_itself() {
    let sandbox = sandbox(|options| options.idle_expiry = Some(Duration::from_millis(1)));
    let api = Api::at(sandbox.base_url(), "sk_test_gone");
    api.product();
    let worlds = || api.get("/_leapday/worlds")["worlds"].as_array().unwrap().len();
    assert!((0..LOOKS).any(|_| worlds() == 0));
    assert_eq!(api.rows("/v0/products").len(), 1, "another world, as new");
}
