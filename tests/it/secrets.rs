//! What the log must not hold: keys, secrets of webhooks, numbers of cards, what opens a page. The log goes to places
//! that bodies and headers do not.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};

use crate::process::{Server, run};
use crate::support::{Api, text};

/// A part of every key here, none of which may be seen; the beginning of a key may.
const MARK: &str = "zq8unmistakable";
/// It is asked for by the options, so that the banner may show it. The log may not.
const GIVEN: &str = "whsec_TWFya2VkU2VjcmV0T2ZUaGVCYW5uZXIwMDAwMDA=";
const OWN: &str = "whsec_TWFya2VkU2VjcmV0T2ZBbkVuZHBvaW50MDAwMDA=";
const CARDS: [&str; 3] = ["4242424242424242", "4000000000000002", "4000 0000 0000 3220"];

fn send(api: &Api, method: &str, path: &str, body: &Value) -> Value {
    api.raw(method, path, &[("content-type", "application/json")], body.to_string().as_bytes()).body
}

/// Uses all kinds of secrets, well and badly. What opens pages is handed out here, and told to the caller.
fn use_secrets(api: &Api) -> Vec<String> {
    api.freeze("2028-01-31T00:00:00Z");
    let customer = api.customer("a@example.com");
    for number in CARDS {
        let card = json!({ "card": { "number": number, "cvc": MARK, "expiry": "12/30" } });
        send(api, "POST", &format!("/_leapday/customers/{customer}/payment-methods"), &card);
        let digits = number.replace(' ', "");
        send(
            api,
            "POST",
            &format!("/_leapday/customers/{customer}/payment-methods?number={digits}"),
            &json!({ "card": number }),
        );
        send(api, "POST", "/paygentic/v0/products", &json!({ "name": 7, "description": number, "merchantId": number }));
    }
    let endpoint = json!({ "url": "http://127.0.0.1:1/hook", "secret": OWN });
    send(api, "POST", "/_leapday/webhook-endpoints", &endpoint);
    send(
        api,
        "POST",
        "/_leapday/webhook-endpoints",
        &json!({ "url": "x", "secret": format!("{OWN}!"), "events": [OWN] }),
    );
    let payment = json!({ "merchantId": "org_shop", "customerId": customer, "amount": "5.00", "currency": "USD" });
    let payment = api.create("/v0/payments", &payment);
    let page = text(&payment, "paymentUrl").to_owned();
    let session = page.rsplit('/').next().unwrap().to_owned();
    let browser = api.browser();
    let shown = browser.open(&page).expect(200);
    browser.press(
        &shown,
        "pay",
        &[("card-number", CARDS[1]), ("card-cvc", MARK), ("card-expiry", "12/30"), ("cardholder", "Ada")],
    );
    send(api, "DELETE", &page[api.base.len()..], &Value::Null);
    api.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    vec![session]
}

/// Wrong keys and right ones, in every place that a key can stand in.
fn show_keys(api: &Api) {
    let key = &api.key;
    for wrong in
        [format!("sk_live_{MARK}"), MARK.to_owned(), format!("sk_test_{MARK} {MARK}"), format!("pk_test_{MARK}")]
    {
        api.with_key(&wrong).raw("GET", "/paygentic/v0/products", &[], b"");
        api.with_key(&wrong).raw("GET", "/_leapday/clock", &[], b"");
    }
    let basic = api.with_key("");
    basic.raw("GET", "/paygentic/v0/products", &[("authorization", &format!("Basic {MARK}"))], b"");
    let pair = format!("{MARK}:{MARK}");
    for headers in [
        [("x-paymennt-api-key", MARK), ("x-paymennt-api-secret", MARK)],
        [("x-paymennt-api-key", MARK), ("x-other", MARK)],
    ] {
        basic.raw("GET", "/paymennt/mer/v2.0/branches", &headers, b"");
    }
    basic.raw("GET", "/paylera/v1/customers", &[("authorization", &format!("Bearer sk_sandbox_{MARK}"))], b"");
    for path in [
        format!("/_leapday/clock?world={key}"),
        format!("/_leapday/clock?world={MARK}"),
        format!("/_leapday/clock?provider={MARK}"),
        format!("/_leapday/worlds/{key}"),
        format!("/_leapday/worlds/{pair}/{MARK}"),
    ] {
        basic.raw("GET", &path, &[], b"");
    }
    send(&basic, "POST", "/_leapday/worlds", &json!({ "key": format!("{key}_new"), "world": "empty" }));
    send(&basic, "POST", "/_leapday/worlds", &json!({ "key": key, "world": 3 }));
    send(api, "POST", "/_leapday/world/fork", &json!({ "key": format!("{key}_fork") }));
    send(api, "POST", "/_leapday/world/fork", &json!({ "key": MARK }));
    for gone in [format!("{key}_new"), format!("{key}_fork"), format!("{MARK}_never")] {
        basic.raw("DELETE", &format!("/_leapday/worlds/{gone}"), &[], b"");
    }
    let proxied = [("proxy-authorization", MARK)];
    basic.raw("GET", "/nowhere", &proxied, b"");
}

/// HTTP/2 has a library of its own, which logs too.
fn speak_http_2(api: &Api) {
    let authority = api.base.strip_prefix("http://").unwrap().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(&authority).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::get(format!("http://{authority}/paygentic/v0/products?world={MARK}"));
        let request = request.header("authorization", format!("Bearer {}", api.key)).header("cookie", MARK);
        let answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.into_body().collect().await.unwrap();
    });
}

#[test]
fn the_log_holds_no_secrets_however_much_it_tells() {
    for format in ["text", "json"] {
        let args =
            ["-vv", "--log-format", format, "--webhook-url", "http://127.0.0.1:1/all", "--webhook-secret", GIVEN];
        let server = Server::start(&args);
        let api = Api::at(&server.url, &format!("sk_test_{MARK}"));
        let tokens = use_secrets(&api);
        show_keys(&api);
        speak_http_2(&api);
        let banner = server.banner.clone();
        let (code, printed, log) = server.stop();
        assert_eq!(code, 0, "{log}");
        // It is where a user looks for it, and shows what they have given; it says nothing else of the kind.
        assert_eq!(banner.iter().filter(|line| line.contains(GIVEN)).count(), 3, "once a vendor: {banner:?}");
        assert!(!printed.contains(GIVEN) && !banner.join("\n").contains(MARK));
        assert!(log.contains("/paygentic/v0/products") && log.contains("DEBUG"), "it tells of requests: {log}");
        assert!(log.contains("/_leapday/worlds/sk_test_"), "keys can be recognised: {log}");
        let digits: Vec<String> = CARDS.iter().map(|number| number.replace(' ', "")).collect();
        let secrets = [MARK, GIVEN, OWN].into_iter().chain(CARDS);
        for secret in secrets.chain(digits.iter().map(String::as_str)).chain(tokens.iter().map(String::as_str)) {
            let told: Vec<&str> = log.lines().filter(|line| line.contains(secret)).collect();
            assert!(told.is_empty(), "{secret} is in the log ({format}):\n{}", told.join("\n"));
        }
    }
}

/// Whoever asks for help pastes it into tickets.
#[test]
fn help_shows_no_secret_of_the_environment() {
    for name in ["LEAPDAY_WEBHOOK_SECRET", "LEAPDAY_ADMIN_TOKEN"] {
        let (code, said, _) = run(&["serve", "--help"], &[(name, MARK)]);
        assert!(code == 0 && said.contains(name) && !said.contains(MARK), "{name}: {said}");
    }
}
