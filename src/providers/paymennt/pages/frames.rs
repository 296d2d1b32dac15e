//! Frames: the shop's own page takes a card in a frame of ours, and gets a token for it.
//!
//! Facts: paymennt §5 (`PaymenntJS.init`, `submitPayment`, call-backs; how the frame talks to the vendor is not public
//! and ours). A token is its card, so that none of this needs a world.

use askama::Template;
use http::Method;

use crate::api::{Page, Reply, Visit, anywhere};
use crate::pages::{CardForm, Frame, html};
use crate::providers::paymennt::state::State;
use crate::providers::paymennt::tokens;
use crate::world::hash;

use super::checkout::DOCUMENTED;

/// What public keys for tests begin with (§1.2).
const TEST_KEY: &str = "pk_test_";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub fn pages() -> Vec<Page<State>> {
    vec![
        anywhere(Method::GET, "/static/js/paymennt-frames.js", |_| {
            Reply::other(JAVASCRIPT, include_str!("paymennt-frames.js"))
        }),
        anywhere(Method::GET, "/static/js/frame.js", |_| Reply::other(JAVASCRIPT, include_str!("frame.js"))),
        anywhere(Method::GET, "/frames/card", open),
        anywhere(Method::POST, "/frames/card", tokenize),
    ]
}

#[derive(Template)]
#[template(path = "paymennt/pages/frame.html")]
struct CardFrame {
    frame: Frame,
    form: CardForm,
    address: String,
    /// What the frame's page is told at once.
    token: Option<String>,
    error: Option<&'static str>,
}

fn page(visit: &Visit, form: CardForm) -> CardFrame {
    let key = visit.query.text("publicKey");
    let error = (!key.starts_with(TEST_KEY)).then_some("publicKey is none for tests: those begin with pk_test_");
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("publicKey", key).finish();
    CardFrame { frame: visit.frame(), form, address: format!("{}/frames/card?{query}", visit.site), token: None, error }
}

fn open(visit: &Visit) -> Reply {
    Reply::page(200, html(&page(visit, CardForm::empty())))
}

fn tokenize(visit: &Visit) -> Reply {
    let mut form = CardForm::typed(&visit.form);
    let card = form.check_but(visit.wall, &DOCUMENTED);
    let mut page = page(visit, form);
    let nonce = hash(visit.wall.second().unsigned_abs(), visit.form.text("nonce").as_bytes());
    page.token = card.filter(|_| page.error.is_none()).map(|card| tokens::token(&card, nonce));
    let status = if page.token.is_some() { 200 } else { 422 };
    Reply::page(status, html(&page))
}
