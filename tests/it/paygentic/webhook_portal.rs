//! The webhook portal: endpoints are added and removed, deliveries seen and sent again.

use serde_json::{Value, json};

use crate::support::{Api, Reaction, Receiver, Shown, api, text};

/// A link to the portal of a world whose clock stands.
fn portal(api: &Api) -> String {
    api.freeze("2028-01-31T00:00:00Z");
    api.create("/v0/webhooks", &Value::Null);
    text(&api.get("/v0/webhooks/portal"), "url").to_owned()
}

fn endpoints(api: &Api) -> Value {
    api.get("/_leapday/webhook-endpoints")["endpoints"].clone()
}

fn states(page: &Shown) -> Vec<String> {
    page.texts("[data-testid=delivery-status]")
}

#[test]
fn an_endpoint_is_added_hears_and_is_removed() {
    let (api, browser) = (api(), api().browser());
    let receiver = Receiver::answering(|n, _| Reaction::Status(if n == 0 { 500 } else { 200 }));
    let url = portal(&api);
    let page = browser.open(&url).expect(200);
    let added = browser.press(&page, "add-endpoint", &[("url", &receiver.url), ("event", "customer.created.v0")]);
    let page = browser.follow(&added).expect(200);
    assert_eq!(page.text("message"), "The endpoint hears of what happens from now on.");
    let listed = endpoints(&api);
    assert_eq!((&listed[0]["url"], &listed[0]["events"]), (&json!(receiver.url), &json!(["customer.created.v0"])));
    assert_eq!(page.text("endpoint-secret"), text(&listed[0], "secret"));

    api.customer("jo@example.com");
    receiver.wait_for(1);
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    let page = browser.open(&url).expect(200);
    assert_eq!(states(&page), ["Pending"]);
    assert!(page.text("deliveries").contains("attempt 1: 500"), "{}", page.text("deliveries"));
    let again = browser.press(&page, "resend-delivery", &[]);
    receiver.wait_for(2);
    assert_eq!(browser.follow(&again).expect(200).text("message"), "Sent once more.");
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    let page = browser.open(&url).expect(200);
    assert_eq!(states(&page), ["Succeeded"]);

    let gone = browser.press(&page, "remove-endpoint", &[]);
    assert_eq!(browser.press(&page, "remove-endpoint", &[]).location(), gone.location(), "twice is once");
    let left = browser.follow(&gone).expect(200);
    assert_eq!((endpoints(&api), left.has("resend-delivery")), (json!([]), false));
    browser.press(&page, "resend-delivery", &[]).expect(404);
}

#[test]
fn what_is_no_url_or_no_event_is_refused_beside_the_field() {
    let (api, browser) = (api(), api().browser());
    let url = portal(&api);
    let page = browser.open(&url).expect(200);
    let refused = browser.press(&page, "add-endpoint", &[("url", "localhost/<b>")]).expect(422);
    assert!(refused.problem("url").unwrap().contains("http://127.0.0.1:3000/webhooks"));
    assert_eq!(refused.attribute("#url", "value").unwrap(), "localhost/<b>", "what was typed stays, as text");
    let odd = [("url", "http://127.0.0.1:1/"), ("event", "invoice.payed.v0")];
    browser.press(&page, "add-endpoint", &odd).expect(422);
    assert_eq!(endpoints(&api), json!([]));
}

#[test]
fn a_key_that_may_not_write_gets_a_link_that_only_shows() {
    let (api, browser) = (api(), api().browser());
    portal(&api);
    let endpoint = api.create("/_leapday/webhook-endpoints", &json!({ "url": "http://127.0.0.1:1/hook" }));
    let reader = api.with_key(&format!("{}.readonly", api.key));
    let url = text(&reader.get("/v0/webhooks/portal"), "url").to_owned();
    let page = browser.open(&url).expect(200);
    assert!(page.text("endpoints").contains("http://127.0.0.1:1/hook"));
    for button in ["add-endpoint", "remove-endpoint", "resend-delivery", "endpoint-secret"] {
        assert!(!page.has(button), "{button}");
    }
    browser.post(&url, &[("url", "http://127.0.0.1:2/")]).expect(403);
    browser.post(&format!("{url}/remove"), &[("endpoint", text(&endpoint, "id"))]).expect(403);
    browser.post(&format!("{url}/resend"), &[("delivery", "del_any")]).expect(403);
    assert_eq!(endpoints(&api)[0]["url"], "http://127.0.0.1:1/hook");
}

#[test]
fn a_link_is_over_after_an_hour_and_a_forged_one_leads_nowhere() {
    let (api, browser) = (api(), api().browser());
    let url = portal(&api);
    api.post("/_leapday/clock/advance", &json!({ "by": "PT59M59S" })).expect(200);
    browser.open(&url).expect(200);
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    browser.open(&url).expect(410);
    browser.post(&url, &[("url", "http://127.0.0.1:1/")]).expect(410);
    browser.open(&format!("{}x", &url[..url.len() - 1])).expect(404);
    assert_eq!(endpoints(&api), json!([]));
}

#[test]
fn pausing_by_the_api_stops_what_goes_out() {
    let api = api();
    let receiver = Receiver::new();
    portal(&api);
    api.create("/_leapday/webhook-endpoints", &json!({ "url": receiver.url }));
    assert_eq!(api.delete("/v0/webhooks").status, 204);
    api.customer("one@example.com");
    api.patch("/v0/webhooks", &json!({ "enabled": true })).expect(200);
    api.customer("two@example.com");
    let received = receiver.wait_for(1);
    assert_eq!(received[0].body["data"]["organization"]["billingEmails"][0], "two@example.com");
    assert_eq!(api.get("/_leapday/deliveries")["total"], 1);
}
