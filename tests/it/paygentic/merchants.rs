//! Merchant reset, of the whole account and of one customer (facts: paygentic-behaviour §2.14, §3.1).

use serde_json::{Value, json};

use crate::support::{Api, EVER, MERCHANT, api, text, texts};

const RESET: &str = "/v0/merchants/org_shop/reset";
const START: &str = "2028-01-15T00:00:00Z";
/// What belongs to customers, by the lists that show it.
const BOOKS: [&str; 6] = [
    "/v0/customers?organizationId=org_shop",
    "/v0/subscriptions",
    "/v2/invoices",
    "/v0/paymentSessions",
    "/v0/payments",
    "/v0/externalReferences?entityType=customer",
];
/// The catalogue, and what it is called elsewhere.
const CATALOGUE: [&str; 7] = [
    "/v0/products",
    "/v0/billableMetrics?merchantId=org_shop",
    "/v0/fees?merchantId=org_shop",
    "/v0/prices",
    "/v0/plans",
    "/v0/items",
    "/v0/externalReferences?entityType=item",
];

/// A shop with something of everything.
struct Shop {
    api: Api,
    metric: String,
    plan: String,
    clock: String,
}

/// One who buys there: on the test clock, on the world's, and once only.
struct Buyer {
    customer: String,
    subscription: Value,
    payment: Value,
}

impl Shop {
    fn open() -> Self {
        let api = api();
        api.freeze(START);
        let product = api.product();
        let fee = api.fee_price(&product, "10", "P1M", "in_advance", json!({}));
        let (metric, usage) = api.usage_price(&product, "call", "SUM", json!({ "unitPrice": "1" }));
        let plan = api.plan(&product, &[&fee, &usage], json!({}));
        let item = api.create("/v0/items", &json!({ "merchantId": MERCHANT, "name": "Seats", "catalogId": product }));
        let shop = Self { clock: api.clock(START), api, metric, plan };
        shop.refer("item", text(&item, "id"), "4000");
        shop
    }

    fn refer(&self, kind: &str, entity: &str, code: &str) {
        let body = json!({
            "merchantId": MERCHANT, "entityType": kind, "entityId": entity, "provider": "salesforce",
            "externalId": code,
        });
        self.api.create("/v0/externalReferences", &body);
    }

    fn sell(&self, name: &str) -> Buyer {
        let api = &self.api;
        let customer = api.customer(&format!("{name}@example.com"));
        api.patch(&format!("/v0/customers/{customer}"), &json!({ "externalId": format!("crm-{name}") })).expect(200);
        let subscription = api.subscribe(&self.plan, &customer, &self.clock, START, json!({ "autoCharge": true }));
        api.pay(&subscription);
        let wanted = json!({
            "name": "Own", "planId": "plan_starterMonthly", "customerId": customer, "startedAt": START,
        });
        api.create("/v0/subscriptions", &wanted);
        self.refer("customer", &customer, &format!("001{name}"));
        let payment = json!({
            "merchantId": MERCHANT, "amount": "5.00", "currency": "USD", "customerId": customer, "idempotencyKey": name,
        });
        let payment = api.create("/v0/payments", &payment);
        for about in [json!({ "subject": customer }), json!({ "externalSubject": format!("crm-{name}") })] {
            let mut event = json!({
                "type": "call", "source": "test", "data": { "n": 2 }, "timestamp": "2028-01-20T00:00:00Z",
                "idempotencyKey": format!("{about}"),
            });
            event.as_object_mut().unwrap().extend(about.as_object().cloned().unwrap());
            api.post("/v0/events", &event).expect(202);
        }
        api.post("/_leapday/outcomes", &json!({ "of": customer, "outcomes": ["succeed"] })).expect(200);
        Buyer { customer, subscription, payment }
    }

    /// Resets what the body says, which happens without a word.
    fn reset(&self, body: &Value) {
        let events = self.api.events();
        let told = self.api.get("/_leapday/events?limit=1000");
        assert_eq!(self.api.post(RESET, body).expect(204), Value::Null);
        assert_eq!(self.api.events(), events);
        assert_eq!(self.api.get("/_leapday/events?limit=1000"), told);
    }

    fn lists(&self, paths: &[&str]) -> Vec<Vec<Value>> {
        paths.iter().map(|path| self.api.rows(path)).collect()
    }

    /// How many events of the metric there are.
    fn used(&self) -> usize {
        let events = self.api.get(&format!("/v0/billableMetrics/{}/events{EVER}", self.metric));
        events["events"].as_array().map_or(0, Vec::len)
    }

    /// What is still to come within a year, on a clock.
    fn upcoming(&self, clock: &str) -> Value {
        self.api.get(&format!("/_leapday/clock/upcoming?within=P1Y{clock}"))["upcoming"].clone()
    }

    fn scripts(&self) -> Vec<Value> {
        self.api.get("/_leapday/outcomes")["outcomes"].as_array().cloned().unwrap()
    }
}

impl Buyer {
    /// Everything by which the buyer was known.
    fn paths(&self) -> [String; 4] {
        let subscription = text(&self.subscription, "id");
        [
            format!("/v0/customers/{}", self.customer),
            format!("/v0/subscriptions/{subscription}"),
            format!("/v0/payments/{}", text(&self.payment, "id")),
            format!("/v0/customers/{}/paymentMethods", self.customer),
        ]
    }

    /// What the buyer is billed until three months have passed on both clocks. Ids and numbers are not told: those
    /// depend on what else there is.
    fn bills_in_three_months(&self, api: &Api, clock: &str) -> Vec<Value> {
        api.advance(clock, "P3M");
        api.post("/_leapday/clock/advance", &json!({ "by": "P3M" })).expect(200);
        let bills = api.rows(&format!("/v2/invoices?customerId={}", self.customer));
        let told = ["subscriptionId", "sequenceNumber", "status", "periodStart", "periodEnd", "issuedAt", "grandTotal"];
        bills.iter().map(|bill| told.iter().map(|field| bill[*field].clone()).collect()).collect()
    }

    /// What the shop knows of the buyer.
    fn known(&self, shop: &Shop) -> Value {
        let lists = [
            format!("/v0/subscriptions?customerId={}", self.customer),
            format!("/v2/invoices?customerId={}", self.customer),
            format!("/v0/paymentSessions?customerId={}", self.customer),
            format!("/v0/payments?customerId={}", self.customer),
            format!("/v0/externalReferences?entityId={}", self.customer),
        ];
        let rows: Vec<Vec<Value>> = lists.iter().map(|path| shop.api.rows(path)).collect();
        json!([rows, self.paths().map(|path| shop.api.get(&path))])
    }
}

#[test]
fn a_merchant_that_keeps_the_catalogue_loses_everything_else() {
    let shop = Shop::open();
    let api = &shop.api;
    let buyer = shop.sell("ada");
    api.save_card(&buyer.customer, "4242424242424242");
    api.advance(&shop.clock, "P2M");
    api.send("PUT", "/v0/merchantIntegrations", &json!({ "merchantId": MERCHANT, "provider": "salesforce" }))
        .expect(200);
    api.create("/v0/webhooks", &Value::Null);
    let catalogue = shop.lists(&CATALOGUE);
    assert!(catalogue.iter().all(|list| !list.is_empty()));
    assert!(shop.lists(&BOOKS).iter().all(|list| !list.is_empty()) && shop.used() == 2);
    let settings = || (api.rows("/v0/merchantIntegrations"), api.get("/v0/webhooks"), api.get("/v0/users/usr_leapday"));
    let set = settings();

    shop.reset(&json!({ "scope": "merchant", "keepCatalog": true }));
    assert_eq!(shop.lists(&CATALOGUE), catalogue);
    assert_eq!(settings(), set);
    for (path, list) in BOOKS.iter().zip(shop.lists(&BOOKS)) {
        assert_eq!(list, Vec::<Value>::new(), "{path}");
    }
    assert_eq!((shop.used(), shop.scripts()), (0, vec![]));
    assert_eq!(api.rows("/v0/testClocks"), Vec::<Value>::new());
    let clock = format!("/v0/testClocks/{}", shop.clock);
    for path in buyer.paths().iter().chain([&clock]) {
        api.refuses("GET", path, &Value::Null, 404);
    }
    api.refuses("PATCH", &clock, &json!({ "advanceBy": "P1M" }), 404);
    assert_eq!(shop.upcoming(""), json!([]));
    let events = api.events();
    api.world_advance_to("2029-01-15T00:00:00Z");
    assert_eq!(api.events(), events);

    // The shop goes on, under ids that nothing had before.
    let clock = api.clock("2029-01-15T00:00:00Z");
    assert_ne!(clock, shop.clock);
    let shop = Shop { clock, ..shop };
    let again = shop.sell("ada");
    assert_ne!(again.customer, buyer.customer);
    assert_ne!((&again.subscription["id"], &again.payment["id"]), (&buyer.subscription["id"], &buyer.payment["id"]));
    assert_eq!(shop.used(), 2);
    shop.reset(&json!({ "scope": "merchant", "keepCatalog": true }));
    shop.reset(&json!({ "scope": "merchant", "keepCatalog": true }));
}

#[test]
fn a_merchant_that_keeps_nothing_is_as_empty_as_the_empty_world() {
    let shop = Shop::open();
    shop.sell("ada");
    let user = json!({ "firstName": "Ada" });
    let user = shop.api.patch("/v0/users/usr_leapday", &user).expect(200);
    shop.reset(&json!({ "scope": "merchant", "keepCatalog": false }));
    for path in CATALOGUE.iter().chain(&BOOKS).chain(&["/v0/testClocks"]) {
        assert_eq!(shop.api.rows(path), Vec::<Value>::new(), "{path}");
    }
    assert_eq!(shop.api.get("/v0/users/usr_leapday"), user);
    shop.api.refuses("GET", "/v0/products/prod_starter", &Value::Null, 404);
    let made = shop.api.product();
    assert_eq!(texts(&shop.api.rows("/v0/products"), "id"), [made]);
    shop.api.world_advance_to("2029-01-15T00:00:00Z");
}

#[test]
fn a_customer_goes_and_nobody_else_notices() {
    let shop = Shop::open();
    let api = &shop.api;
    let (gone, stays) = (shop.sell("ada"), shop.sell("bob"));
    for buyer in [&gone, &stays] {
        api.save_card(&buyer.customer, "4242424242424242");
    }
    api.advance(&shop.clock, "P1M");
    let known = stays.known(&shop);
    let catalogue = shop.lists(&CATALOGUE);
    // How things would go on for the one who stays.
    let fork = api.with_key(&format!("{}_fork", api.key));
    api.create("/_leapday/world/fork", &json!({ "key": fork.key }));
    let expected = stays.bills_in_three_months(&fork, &shop.clock);
    assert!(expected.len() > 5);

    let invoices = api.rows(&format!("/v2/invoices?customerId={}", gone.customer));
    shop.reset(&json!({ "scope": "customer", "customerId": gone.customer }));
    assert_eq!(stays.known(&shop), known);
    assert_eq!(shop.lists(&CATALOGUE), catalogue);
    assert_eq!(texts(&shop.scripts(), "of"), [&stays.customer]);
    assert_eq!(api.get(&format!("/v0/testClocks/{}", shop.clock))["currentTime"], "2028-02-15T00:00:00Z");
    let invoices = texts(&invoices, "id").into_iter().map(|id| format!("/v2/invoices/{id}"));
    for path in invoices.chain(gone.paths()) {
        api.refuses("GET", &path, &Value::Null, 404);
    }
    for (path, list) in BOOKS.iter().zip(shop.lists(&BOOKS)) {
        assert!(!list.is_empty() && !json!(list).to_string().contains(&gone.customer), "{path}");
    }
    assert_eq!(shop.used(), 2);
    let ahead = [shop.upcoming(""), shop.upcoming(&format!("&clock={}", shop.clock))];
    assert!(!json!(ahead).to_string().contains(text(&gone.subscription, "id")), "{ahead:#?}");

    let before = api.events().len();
    assert_eq!(stays.bills_in_three_months(api, &shop.clock), expected);
    assert!(!json!(api.events()[before..]).to_string().contains(&gone.customer));

    // Whoever comes back is new: name, keys and codes are free.
    let consumer = json!({ "name": "Ada", "email": "ada@example.com" });
    let again = json!({ "merchantId": MERCHANT, "consumer": consumer, "externalId": "crm-ada" });
    let again = api.create("/v0/customers", &again);
    let again = api.get(&format!("/v0/customers/{}", text(&again, "customerId")));
    assert_eq!(again["organization"]["name"], "Ada");
    assert_ne!(again["id"], json!(gone.customer));
    shop.refer("customer", text(&again, "id"), "001ada");
    api.refuses("POST", RESET, &json!({ "scope": "customer", "customerId": gone.customer }), 404);
}

#[test]
fn a_deleted_customer_can_be_wiped_too() {
    let shop = Shop::open();
    let customer = shop.api.customer("ada@example.com");
    assert_eq!(shop.api.delete(&format!("/v0/customers/{customer}")).status, 204);
    shop.reset(&json!({ "scope": "customer", "customerId": customer }));
    shop.api.refuses("POST", RESET, &json!({ "scope": "customer", "customerId": customer }), 404);
}

#[test]
fn links_to_what_is_gone_lead_nowhere() {
    let shop = Shop::open();
    let (api, browser) = (&shop.api, shop.api.browser());
    let portal = |buyer: &Buyer| {
        let path = format!("/v0/subscriptions/{}/portal", text(&buyer.subscription, "id"));
        text(&api.post(&path, &json!({})).expect(200), "url").to_owned()
    };
    let (gone, stays) = (shop.sell("ada"), shop.sell("bob"));
    let (unused, own) = (portal(&gone), portal(&stays));
    let session = browser.open(&portal(&gone)).location().to_owned();
    browser.open(&session).expect(200);
    let pay = text(&gone.payment, "paymentUrl").to_owned();
    browser.open(&pay).expect(200);
    shop.reset(&json!({ "scope": "customer", "customerId": gone.customer }));
    assert_eq!(browser.open(&session).expect(410).texts("h1"), ["This account is closed"]);
    let late = browser.open(&unused).location().to_owned();
    assert_eq!(browser.open(&late).expect(410).texts("h1"), ["This account is closed"]);
    browser.open(&pay).expect(404);
    // Links that are made afterwards are no older ones.
    let next = portal(&stays);
    assert!(next != own && next != unused);
    let session = browser.open(&own).location().to_owned();
    browser.open(&session).expect(200);

    shop.reset(&json!({ "scope": "merchant", "keepCatalog": true }));
    browser.open(&session).expect(404);
    browser.open(&next).expect(404);
}

#[test]
fn a_world_that_was_reset_can_be_written_down_and_read() {
    let shop = Shop::open();
    let buyer = shop.sell("ada");
    shop.api.advance(&shop.clock, "P1M");
    shop.reset(&json!({ "scope": "customer", "customerId": buyer.customer }));
    shop.sell("bob");
    shop.reset(&json!({ "scope": "merchant", "keepCatalog": true }));
    let shop = Shop { clock: shop.api.clock(START), ..shop };
    let api = &shop.api;
    let digest = || api.get("/_leapday/world")["digest"].clone();
    let (kept, events) = (digest(), api.events());
    let written = api.get("/_leapday/world/export");
    shop.sell("eve");
    assert_ne!(digest(), kept);
    api.post("/_leapday/world/import", &written).expect(200);
    assert_eq!((digest(), api.events()), (kept, events));
}

#[test]
fn what_is_wrong_is_told_and_changes_nothing() {
    let shop = Shop::open();
    shop.sell("ada");
    for (path, body, status, told) in [
        (RESET, json!({ "scope": "merchant" }), 400, "/keepCatalog required"),
        (RESET, json!({ "scope": "merchant", "keepCatalog": "yes" }), 400, "/keepCatalog type"),
        (RESET, json!({ "scope": "customer" }), 400, "/customerId required"),
        (RESET, json!({ "scope": "plan", "keepCatalog": true }), 400, "/scope enum"),
        (RESET, json!({}), 400, "/scope required"),
        (RESET, json!({ "scope": "customer", "customerId": "cus_nobody" }), 404, "/customerId reference"),
        (
            "/v0/merchants/shop/reset",
            json!({ "scope": "merchant", "keepCatalog": true }),
            404,
            "path merchantId pattern",
        ),
    ] {
        let answer = shop.api.refuses("POST", path, &body, status);
        assert!(answer.told().starts_with(told), "{path} {body}: {}", answer.told());
    }
}
