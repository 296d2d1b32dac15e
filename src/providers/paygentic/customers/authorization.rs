//! Authorization links: the older way to a customer, who signs up on a page.
//!
//! Facts: paygentic-behaviour §2.6 (route, form of the link), guides "customer lifecycle" and "customers and
//! subscriptions". Body and answer are not published: they follow the portal link's (docs/fidelity.md). The page
//! itself stands in `pages::authorize`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ConsumerInput, edit};
use crate::api::{Call, Fault, Reply, referred};
use crate::providers::paygentic::World;
use crate::providers::paygentic::payment_sessions::Redirects;
use crate::providers::paygentic::plans::Plan;
use crate::providers::paygentic::subscriptions::{self, Subscription};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id};

/// How long a link can be used: as long as a portal link at most, since no document says.
const LIFE: Cadence = Cadence::days(7);

/// What a link invites to.
#[derive(Clone, Serialize, Deserialize)]
pub struct Authorization {
    merchant: Arc<str>,
    pub plan: Option<Id<Plan>>,
    pub email: Option<Box<str>>,
    pub name: Option<Box<str>>,
    external_id: Option<Arc<str>>,
    pub redirects: Option<Redirects>,
    pub expires_at: Timestamp,
    /// What became of it, once somebody has signed up.
    pub accepted: Option<Accepted>,
}

/// Somebody has signed up.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Accepted {
    /// `None`: the link named no plan.
    pub subscription: Option<Id<Subscription>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    plan_id: Option<String>,
    email: Option<Box<str>>,
    name: Option<Box<str>>,
    external_id: Option<Arc<str>>,
    redirect_urls: Option<Redirects>,
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { merchant_id, plan_id, email, name, external_id, redirect_urls } = call.input()?;
    let plan = plan_id.map(|text| referred(&world.state.plans, "/planId", &text)).transpose()?;
    let merchant = world.state.merchant(&merchant_id);
    let expires_at = LIFE.after(world.now(ClockId::WORLD), 1).unwrap_or(Timestamp::MAX);
    let token = world.state.token("authorization", world.state.authorizations.len());
    let answer = json!({
        "object": "customerAuthorization",
        "url": format!("{}/authorize/{token}", call.site),
        "expiresAt": expires_at,
        "merchantId": merchant,
    });
    let redirects = redirect_urls;
    let row = Authorization { merchant, plan, email, name, external_id, redirects, expires_at, accepted: None };
    world.state.authorizations.insert(token, row);
    Ok(Reply::created(&answer))
}

/// Signs a consumer up: customer and subscription come about as they do through the API, events included. Whether
/// the consumer is a full account or a managed one shows nowhere in the contract, so that nothing keeps it.
///
/// # Errors
/// If the API would refuse one of them.
pub fn accept(world: &mut World, token: &str, consumer: ConsumerInput) -> Result<Accepted, Fault> {
    let Some(link) = world.state.authorizations.get(token).cloned() else {
        return Err(Fault::no_such("authorization", token));
    };
    let customer = edit::ensure(world, &link.merchant, consumer, link.external_id)?;
    let sign_up = |plan| subscriptions::sign_up(world, plan, customer, link.redirects);
    let accepted = Accepted { subscription: link.plan.map(sign_up).transpose()? };
    if let Some(row) = world.state.authorizations.get_mut(token) {
        row.accepted = Some(accepted);
    }
    Ok(accepted)
}
