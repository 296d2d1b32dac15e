//! What a bad receiver cannot do.

use serde_json::json;

use super::frozen;
use crate::support::{Reaction, Receiver, text};

/// How often a test looks for what is written down a moment later: some seconds.
const LOOKS: usize = 2_000;

#[test]
fn a_redirect_is_no_success_and_is_not_followed() {
    let api = frozen();
    let elsewhere = Receiver::new();
    let to = elsewhere.url.clone();
    let receiver = Receiver::answering(move |_, _| Reaction::Redirect(to.clone()));
    api.listen(&receiver, json!({}));
    api.next_customer();
    api.until_sent(&receiver, 1);
    let delivery = api.deliveries("").remove(0);
    assert_eq!((&delivery["status"], &delivery["attempts"][0]["response"]["status"]), (&json!("pending"), &json!(302)));
    assert_eq!(elsewhere.received().len(), 0);
}

#[test]
fn a_receiver_that_closes_or_is_not_there_is_tried_again() {
    let api = frozen();
    let receiver = Receiver::answering(|n, _| if n == 0 { Reaction::Close } else { Reaction::Status(200) });
    api.listen(&receiver, json!({}));
    api.create("/_leapday/webhook-endpoints", &json!({ "url": "http://127.0.0.1:1/hook" }));
    api.next_customer();
    receiver.wait_for(1);
    api.post("/_leapday/clock/advance", &json!({ "by": "PT5S" })).expect(200);
    let log = api.deliveries("");
    assert_eq!((&log[0]["status"], &log[1]["status"]), (&json!("succeeded"), &json!("pending")));
    assert!(log.iter().all(|delivery| text(&delivery["attempts"][0], "error").len() > 5), "{log:#?}");
}

#[test]
fn a_receiver_that_floods_is_read_no_further() {
    let api = frozen();
    let receiver = Receiver::answering(|_, _| Reaction::Flood(1 << 40));
    api.listen(&receiver, json!({}));
    api.next_customer();
    api.until_sent(&receiver, 1);
    let delivery = api.deliveries("").remove(0);
    assert_eq!(delivery["status"], "succeeded");
    assert_eq!(text(&delivery["attempts"][0]["response"], "body").len(), 4096);
}

/// A receiver that hangs costs its own deliveries, and nobody else anything.
#[test]
fn a_receiver_that_hangs_blocks_nobody() {
    let api = frozen();
    let (hung, well) = (Receiver::answering(|_, _| Reaction::Hang), Receiver::new());
    let endpoint = api.listen(&hung, json!({}));
    api.listen(&well, json!({}));
    for _ in 0..40 {
        api.next_customer();
    }
    assert_eq!(well.wait_for(40).len(), 40);
    // The first advance waits until the receiver has had its time; the next ones go on without it.
    let answer = api.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    assert_eq!(answer["unanswered"], json!([hung.url]));
    api.post("/_leapday/clock/advance", &json!({ "by": "P1D" })).expect(200);
    let state = api.get(&format!("/_leapday/webhook-endpoints/{}", text(&endpoint, "id")));
    assert_eq!(state["responsive"], false);
    // The advance has waited as long as the attempt; on a busy machine that is written down a moment later.
    let error = || api.deliveries("limit=1")[0]["attempts"][0]["error"].as_str().map(str::to_owned);
    let told = (0..LOOKS).find_map(|_| error());
    assert_eq!(told.as_deref(), Some("no answer in time"));
}
