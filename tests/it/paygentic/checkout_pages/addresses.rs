//! Whose page an address opens, and what it loads.

use leapday::blocking::Sandbox;
use serde_json::json;

use super::{order, page_of, pay, session, unchanged, waiting};
use crate::support::{Api, api, fresh_key};

#[test]
fn html_in_names_is_text() {
    let (api, browser) = (api(), api().browser());
    let evil = "<script>alert(1)</script>\"'><img src=x>";
    let subscription = waiting(&api, json!({ "name": evil }));
    let lines = json!([{ "description": evil, "amount": "5" }]);
    let payment = order(
        &api,
        json!({ "reference": evil, "lineItems": lines, "successRedirectUrl": "https://a.example/?a='b&c" }),
    );
    for address in [page_of(&subscription), &payment] {
        let page = browser.open(address).expect(200);
        assert!(page.texts("h1")[0].ends_with(evil), "{:?}", page.texts("h1"));
        assert!(page.texts("img").is_empty() && page.texts("script") == [""], "{}", page.html);
        let refused = browser.press(&page, "pay", &[("cardholder", evil), ("card-number", evil)]).expect(422);
        assert_eq!(refused.attribute("#cardholder", "value").as_deref(), Some(evil));
        assert!(refused.texts("img").is_empty() && refused.texts("script") == [""], "{}", refused.html);
    }
    let silent = api.browser().silent();
    let done = silent.follow(&pay(&silent, &silent.open(&payment), "4242424242424242")).expect(200);
    assert_eq!(done.attribute("body", "data-go").as_deref(), Some("https://a.example/?a='b&c"));
}

#[test]
fn an_address_opens_its_own_world_only() {
    let (mine, other) = (api(), api());
    let (ours, theirs) =
        (order(&mine, json!({ "reference": "MINE" })), order(&other, json!({ "reference": "THEIRS" })));
    assert_ne!(ours, theirs);
    let browser = mine.browser();
    let page = browser.open(&ours).expect(200);
    assert_eq!(page.texts("h1"), ["Payment MINE"]);
    unchanged(&other, || pay(&browser, &page, "4242424242424242")).expect(303);
    assert_eq!(
        (session(&mine)["status"].as_str(), session(&other)["status"].as_str()),
        (Some("completed"), Some("pending"))
    );

    let elsewhere = Sandbox::builder().random_seed(7).start().unwrap();
    let stranger = Api::at(elsewhere.base_url(), &mine.key);
    order(&stranger, json!({}));
    let foreign = ours.replace(&mine.base, &stranger.base);
    for address in [foreign.as_str(), &format!("{}/paygentic/portal/invoice/inv_0123456789abcdef", stranger.base)] {
        let page = stranger.browser().open(address).expect(404);
        assert!(page.text("message").starts_with("No world of this sandbox"), "{}", page.text("message"));
    }
}

#[test]
fn what_is_no_visit_is_refused_with_a_page() {
    let api = api();
    let address = order(&api, json!({}));
    let path = address.strip_prefix(&api.base).unwrap();
    let nobody = api.with_key("");
    let wrong_method = nobody.raw("DELETE", path, &[], b"");
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, Some("GET, POST")));
    let json = nobody.raw("POST", path, &[("content-type", "application/json")], b"{}");
    for (answer, status) in [(wrong_method, 405), (json, 415)] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(String::from_utf8_lossy(&answer.bytes).contains("data-testid=\"message\""));
    }
}

#[test]
fn pages_load_from_where_they_are_called_and_nowhere_else() {
    let public = "https://pay.example/sandbox";
    let sandbox = Sandbox::builder().options(|options| options.public_url = Some(public.to_owned())).start().unwrap();
    let api = Api::at(sandbox.base_url(), &fresh_key());
    let address = order(&api, json!({}));
    let local = address.replace(public, &api.base);
    assert_ne!(local, address);
    let page = api.browser().open(&local).expect(200);
    let site = format!("{public}/paygentic/");
    for (selector, name) in [("link[rel=stylesheet]", "href"), ("script", "src"), ("form", "action")] {
        let url = page.attribute(selector, name).unwrap();
        assert!(url.starts_with(&site), "{url}");
    }
    for (asset, kind) in [("page.css", "text/css; charset=utf-8"), ("page.js", "text/javascript; charset=utf-8")] {
        let answer = api.with_key("").raw("GET", &format!("/paygentic/assets/{asset}"), &[], b"");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
        assert!(answer.header("cache-control").unwrap().contains("max-age="));
    }
    let policy = page.header("content-security-policy").unwrap();
    let own = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'";
    assert_eq!(policy, own, "its own files, in whatever frame");
    assert_eq!((page.header("cache-control"), page.header("x-frame-options")), (Some("no-store"), None));
    // Its address is a key to it.
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
}
