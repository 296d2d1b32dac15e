//! Signing up behind an authorization link (facts: guides "customers and subscriptions", "customer lifecycle").

use serde_json::{Value, json};

use crate::support::{Api, Browser, MERCHANT, Shown, api, text};

const START: &str = "2028-01-31T00:00:00Z";
const CARD: [(&str, &str); 4] =
    [("card-number", "4242 4242 4242 4242"), ("card-expiry", "01 / 30"), ("card-cvc", "123"), ("cardholder", "Jo Doe")];
/// What somebody types.
const ZOE: [(&str, &str); 7] = [
    ("name", "Zoë Doe"),
    ("email", "Zoe@Example.com"),
    ("line1", "1 Main St"),
    ("city", "Toronto"),
    ("state", "ON"),
    ("zip", " k1a 0b1 "),
    ("country", "ca"),
];

fn plan(api: &Api, term: &str) -> String {
    api.freeze(START);
    let product = api.product();
    let fee = api.fee_price(&product, "30", "P1M", term, json!({}));
    api.plan(&product, &[&fee], json!({ "name": "Team" }))
}

/// An authorization link with fields of your own.
fn link(api: &Api, more: Value) -> String {
    let mut body = json!({ "merchantId": MERCHANT });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    text(&api.create("/v0/customers/authorization", &body), "url").to_owned()
}

fn redirects() -> Value {
    json!({ "onSuccess": "https://shop.example/yes", "onFailure": "https://shop.example/no" })
}

fn customers(api: &Api) -> Vec<Value> {
    api.rows(&format!("/v0/customers?organizationId={MERCHANT}"))
}

fn events(api: &Api) -> Vec<String> {
    api.events().iter().map(|event| text(event, "eventType").to_owned()).collect()
}

/// Does something that must change nothing that the API shows.
#[track_caller]
fn unchanged<R>(api: &Api, act: impl FnOnce() -> R) -> R {
    let seen = || (api.events(), customers(api), api.rows("/v0/subscriptions"), api.rows("/v0/paymentSessions"));
    let before = seen();
    let result = act();
    assert_eq!(seen(), before, "something has changed");
    result
}

fn sign_up(browser: &Browser, address: &str) -> Shown {
    let page = browser.open(address).expect(200);
    browser.press(&page, "approve", &ZOE)
}

#[test]
fn a_consumer_signs_up_and_pays() {
    let (api, browser) = (api(), api().browser());
    let plan = plan(&api, "in_advance");
    let address = link(&api, json!({ "planId": plan, "externalId": "user-7", "redirectUrls": redirects() }));
    let page = unchanged(&api, || browser.open(&address)).expect(200);
    assert_eq!((page.text("merchant"), page.text("plan")), ("Leapday Merchant".to_owned(), "Team".to_owned()));
    assert_eq!(page.texts("[data-testid=prices] tr"), ["Fee 30 Every month, in advanceUSD 30.00"]);
    assert!(page.html.contains("What is due at the start is paid on the next page."));

    let signed = browser.press(&page, "approve", &ZOE);
    let customer = &customers(&api)[0];
    assert_eq!((text(customer, "externalId"), text(customer, "merchantId")), ("user-7", MERCHANT));
    let organization = &customer["organization"];
    assert_eq!((text(organization, "name"), &organization["billingEmails"]), ("Zoë Doe", &json!(["Zoe@Example.com"])));
    let address_kept =
        json!({ "line1": "1 Main St", "city": "Toronto", "state": "ON", "zipCode": "K1A 0B1", "country": "CA" });
    assert_eq!(organization["address"], address_kept);
    let subscription = &api.rows("/v0/subscriptions")[0];
    assert_eq!((text(subscription, "name"), text(subscription, "startedAt")), ("Team", START));
    assert_eq!(subscription["customerId"], customer["id"]);
    assert_eq!(events(&api), ["customer.created.v0", "subscription.created.v0", "invoice.issued.v0"]);

    assert_eq!(signed.location(), text(&subscription["payment"], "checkoutUrl"));
    let again = unchanged(&api, || browser.open(&address));
    assert_eq!(again.location(), signed.location(), "whoever has not paid yet still can");
    let twice = unchanged(&api, || browser.post(&address, &ZOE));
    assert_eq!(twice.location(), signed.location());

    let checkout = browser.follow(&signed).expect(200);
    let cancelled = browser.press(&checkout, "cancel", &[]);
    assert_eq!(cancelled.location(), "https://shop.example/no");
    let paid = browser.follow(&browser.press(&checkout, "pay", &CARD));
    assert_eq!(paid.location(), "https://shop.example/yes", "where the link says");
    assert_eq!(api.rows("/v0/subscriptions")[0]["status"], "active");
    for used in [unchanged(&api, || browser.open(&address)), unchanged(&api, || browser.post(&address, &ZOE))] {
        assert_eq!(used.expect(410).texts("h1"), ["This link has been used"]);
    }
    unchanged(&api, || browser.post(&format!("{address}/decline"), &[])).expect(410);
}

#[test]
fn where_nothing_is_due_it_leads_on_at_once() {
    let api = api();
    let plan = plan(&api, "in_arrears");
    let wanted = json!({ "planId": plan, "redirectUrls": redirects() });
    let through = |browser: &Browser, email: &str, wanted: &Value| {
        let page = browser.open(&link(&api, wanted.clone())).expect(200);
        browser.follow(&browser.press(&page, "approve", &[ZOE[0], ("email", email)]))
    };
    let told = |page: &Shown, name| page.attribute("body", name);
    assert_eq!(through(&api.browser(), "a@example.com", &wanted).location(), "https://shop.example/yes");
    let framed = through(&api.browser().framed(), "b@example.com", &wanted).expect(200);
    assert_eq!(framed.text("message"), "You are subscribed to Team.");
    assert_eq!((told(&framed, "data-post"), told(&framed, "data-go")), (None, None));
    assert!(!framed.html.contains("shop.example"), "a frame never leaves");
    let silent = through(&api.browser().silent(), "c@example.com", &wanted).expect(200);
    assert_eq!(told(&silent, "data-go").as_deref(), Some("https://shop.example/yes"));
    assert_eq!(silent.attribute("a.button", "href").as_deref(), Some("https://shop.example/yes"));
    let nowhere = through(&api.browser(), "d@example.com", &json!({ "planId": plan })).expect(200);
    assert_eq!(nowhere.text("message"), "You are subscribed to Team.");
    assert!(api.rows("/v0/subscriptions").iter().all(|row| row["status"] == "active"));
    assert_eq!(api.rows("/v0/subscriptions").len(), 4);
}

#[test]
fn a_link_without_a_plan_makes_a_customer() {
    let (api, browser) = (api(), api().browser());
    api.freeze(START);
    let address = link(&api, json!({}));
    assert_eq!(browser.open(&format!("{address}/done")).location(), address, "nothing is done yet");
    let page = browser.open(&address).expect(200);
    assert!(!page.has("plan") && !page.has("prices"));
    let done = browser.follow(&browser.press(&page, "approve", &ZOE)).expect(200);
    assert_eq!(done.text("message"), "You are a customer of Leapday Merchant now.");
    assert_eq!((customers(&api).len(), events(&api)), (1, vec!["customer.created.v0".to_owned()]));
    assert_eq!(browser.open(&address).expect(410).texts("h1"), ["This link has been used"]);
}

#[test]
fn whoever_is_known_is_not_made_again() {
    let (api, browser) = (api(), api().browser());
    let plan = plan(&api, "in_arrears");
    let customer = api.customer("zoe@example.com");
    for n in 0..2 {
        let signed = sign_up(&browser, &link(&api, json!({ "planId": plan, "externalId": format!("user-{n}") })));
        browser.follow(&signed).expect(200);
    }
    let known = &customers(&api)[..];
    assert_eq!((known.len(), text(&known[0], "id")), (1, customer.as_str()));
    assert_eq!(text(&known[0]["organization"], "name"), "Jo Doe", "as with the API, what is known stays");
    assert_eq!(api.rows("/v0/subscriptions").len(), 1, "and so does the live subscription");
}

#[test]
fn what_the_api_would_refuse_the_page_refuses() {
    let (api, browser) = (api(), api().browser());
    let plan = plan(&api, "in_arrears");
    let first = link(&api, json!({ "planId": plan, "externalId": "user-7" }));
    let second = link(&api, json!({ "planId": plan, "externalId": "user-7" }));
    sign_up(&browser, &first).expect(303);
    let page = browser.open(&second).expect(200);
    let other = [("name", "Al"), ("email", "al@example.com")];
    let refused = unchanged(&api, || browser.press(&page, "approve", &other)).expect(409);
    assert!(refused.text("message").contains("externalId"), "{}", refused.text("message"));
    assert_eq!(refused.attribute("#name", "value").as_deref(), Some("Al"), "the form stays filled in");
    browser.open(&second).expect(200);
}

#[test]
fn what_is_wrong_stands_beside_its_field_and_nothing_changes() {
    let (api, browser) = (api(), api().browser());
    let address = link(&api, json!({ "planId": plan(&api, "in_advance"), "email": "a@example.com", "name": "Al" }));
    let page = browser.open(&address).expect(200);
    let value = |page: &Shown, field: &str| page.attribute(&format!("#{field}"), "value");
    assert_eq!(
        (value(&page, "email").as_deref(), value(&page, "name").as_deref()),
        (Some("a@example.com"), Some("Al"))
    );
    for (field, typed, expected) in [
        ("name", "", "Enter your name"),
        ("email", "", "Enter your e-mail address"),
        ("email", "nobody", "This is not an e-mail address: check it"),
        ("country", "USA", "Enter two letters, such as US or DE"),
        ("country", "12", "Enter two letters, such as US or DE"),
        ("country", "é", "Enter two letters, such as US or DE"),
    ] {
        let mut fields = ZOE.to_vec();
        fields.retain(|(name, _)| *name != field);
        fields.push((field, typed));
        let refused = unchanged(&api, || browser.press(&page, "approve", &fields)).expect(422);
        assert_eq!(refused.problem(field).as_deref(), Some(expected), "{field} {typed:?}");
        assert_eq!(refused.texts(".problem").len(), 1, "{field} {typed:?}");
        assert_eq!(refused.attribute("[autofocus]", "id").as_deref(), Some(field));
        assert_eq!(refused.text("message"), "Check the marked fields.");
        assert_eq!(value(&refused, field).as_deref(), Some(typed), "it is shown as it was typed");
    }
    let empty = unchanged(&api, || browser.post(&address, &[])).expect(422);
    assert_eq!(empty.texts(".problem").len(), 2, "an address may be left out");
    browser.press(&page, "approve", &[]).expect(303);
}

#[test]
fn whoever_does_not_want_to_is_let_go() {
    let api = api();
    let plan = plan(&api, "in_advance");
    let declined = |browser: &Browser, address: &str| {
        let page = browser.open(address).expect(200);
        assert_eq!(page.text("cancel"), "Not now");
        unchanged(&api, || browser.press(&page, "cancel", &[]))
    };
    let address = link(&api, json!({ "planId": plan, "redirectUrls": redirects() }));
    assert_eq!(declined(&api.browser(), &address).location(), "https://shop.example/no");
    let frame = api.browser().framed();
    let page = frame.follow(&declined(&frame, &address)).expect(200);
    assert_eq!((page.texts("a.button"), page.attribute("body", "data-go")), (vec!["Sign up after all".into()], None));
    let silent = api.browser().silent();
    let page = silent.follow(&declined(&silent, &address)).expect(200);
    assert_eq!(page.attribute("body", "data-go").as_deref(), Some("https://shop.example/no"));
    assert_eq!(page.texts("a.button"), ["Sign up after all", "Continue"]);
    let browser = api.browser();
    let page = browser.follow(&declined(&browser, &link(&api, json!({ "planId": plan })))).expect(200);
    assert!(page.text("message").starts_with("You have not signed up"), "{}", page.text("message"));
    sign_up(&browser, &address).expect(303);
}

#[test]
fn a_link_expires_after_a_week() {
    let (api, browser) = (api(), api().browser());
    let address = link(&api, json!({ "planId": plan(&api, "in_advance") }));
    let page = browser.open(&address).expect(200);
    api.world_advance_to("2028-02-07T00:00:00Z");
    for late in [
        unchanged(&api, || browser.open(&address)),
        unchanged(&api, || browser.press(&page, "approve", &ZOE)),
        unchanged(&api, || browser.press(&page, "cancel", &[])),
    ] {
        let late = late.expect(410);
        assert_eq!(late.texts("h1"), ["This link has expired"]);
        assert!(late.text("message").contains("7 February 2028, 00:00 UTC"), "{}", late.text("message"));
    }
}

#[test]
fn a_link_is_of_its_own_world_and_shows_names_as_text() {
    let (mine, other) = (api(), api());
    let evil = "<script>alert(1)</script>\"'><img src=x>";
    let address = link(&mine, json!({ "name": evil }));
    let browser = other.browser();
    browser.open(&format!("{}/paygentic/authorize/0123456789abcdef", mine.base)).expect(404);
    let page = browser.open(&address).expect(200);
    assert_eq!(page.attribute("#name", "value").as_deref(), Some(evil));
    let refused = browser.press(&page, "approve", &[("email", evil), ("country", evil)]).expect(422);
    assert!(refused.texts("img").is_empty() && refused.texts("script") == [""], "{}", refused.html);
    unchanged(&other, || browser.press(&page, "approve", &[("email", "a@example.com")])).expect(303);
    assert_eq!((customers(&mine).len(), customers(&other).len()), (1, 0));
}
