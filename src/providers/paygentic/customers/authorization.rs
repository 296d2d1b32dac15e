//! Authorization links: the older way to a customer, who signs up on a page.
//!
//! Facts: paygentic-behaviour §2.6 (route, form of the link), guide "customers and subscriptions". Body and
//! answer are not published: they follow the portal link's (docs/fidelity.md).

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use crate::api::{Call, Fault, Reply, referred};
use crate::providers::paygentic::World;
use crate::providers::paygentic::payment_sessions::Redirects;
use crate::providers::paygentic::plans::Plan;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, hash};

/// How long a link can be used: as long as a portal link at most, since no document says.
const LIFE: Cadence = Cadence::days(7);

/// What a link invites to.
#[derive(Clone)]
#[expect(dead_code, reason = "for the page behind the link, which is not built yet")]
pub struct Authorization {
    merchant: Arc<str>,
    plan: Option<Id<Plan>>,
    email: Option<Box<str>>,
    name: Option<Box<str>>,
    external_id: Option<Box<str>>,
    redirects: Option<Redirects>,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    plan_id: Option<String>,
    email: Option<Box<str>>,
    name: Option<Box<str>>,
    external_id: Option<Box<str>>,
    redirect_urls: Option<Redirects>,
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { merchant_id, plan_id, email, name, external_id, redirect_urls } = call.input()?;
    let plan = plan_id.map(|text| referred(&world.state.plans, "/planId", &text)).transpose()?;
    let merchant = world.state.merchant(&merchant_id);
    let expires_at = LIFE.after(world.now(ClockId::WORLD), 1).unwrap_or(Timestamp::MAX);
    let number = world.state.authorizations.len();
    let token = format!("{:016x}", hash(world.state.seed, format!("authorization {number}").as_bytes()));
    let answer = json!({
        "object": "customerAuthorization",
        "url": format!("{}/authorize/{token}", call.site),
        "expiresAt": expires_at,
        "merchantId": merchant,
    });
    let row = Authorization { merchant, plan, email, name, external_id, redirects: redirect_urls, expires_at };
    world.state.authorizations.insert(token.into(), row);
    Ok(Reply::created(&answer))
}
