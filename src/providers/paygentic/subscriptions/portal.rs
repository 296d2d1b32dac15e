//! The link to a subscription's portal, and the browser session that it opens.
//!
//! Facts: paygentic-behaviour §2.7 (lifetimes; each link opens once). Both live by the world's clock: they are for
//! people, who have no test clock. The pages themselves stand in `pages::portal`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Subscription;
use crate::api::{Call, Fault, Reply};
use crate::providers::paygentic::World;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id};

/// How long a link lives at most (§2.7).
const LINK_LIFE_MOST: Cadence = Cadence::days(7);
/// How long a browser may stay once a link has let it in: long enough to pay, short enough that an address which
/// somebody left open on a shared screen is soon worth nothing. The vendor's is not published.
const SESSION_LIFE: Cadence = Cadence::seconds(3_600);

/// A link to a portal.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PortalLink {
    subscription: Id<Subscription>,
    expires_at: Timestamp,
    /// Whether it has let somebody in: it does so once.
    spent: bool,
}

/// A browser that a link has let into a portal.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PortalSession {
    pub subscription: Id<Subscription>,
    pub expires_at: Timestamp,
}

/// Why a link lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    Unknown,
    Spent,
    Expired(Timestamp),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    expires_in: Option<Cadence>,
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let subscription = call.id(&world.state.subscriptions)?;
    let Wanted { expires_in } = call.input()?;
    let now = world.now(ClockId::WORLD);
    let life = expires_in.unwrap_or(Cadence::seconds(600));
    let expires_at = life.after(now, 1).filter(|at| LINK_LIFE_MOST.after(now, 1).is_some_and(|most| *at <= most));
    let Some(expires_at) = expires_at else {
        return Err(Fault::field("/expiresIn", "maximum", format!("{life} is longer than P7D")));
    };
    let token = world.state.token("portal", world.state.portals.len());
    let url = format!("{}/portal/access/{token}", call.site);
    world.state.portals.insert(token, PortalLink { subscription, expires_at, spent: false });
    Ok(Reply::ok(&json!({ "object": "subscriptionPortal", "url": url, "expiresAt": expires_at })))
}

/// Spends a link on a browser session, whose token it gives back.
///
/// # Errors
/// Why the link lets nobody in.
pub fn enter(world: &mut World, link: &str) -> Result<Arc<str>, Closed> {
    let now = world.now(ClockId::WORLD);
    let known = world.state.portals.get_mut(link).ok_or(Closed::Unknown)?;
    if known.spent {
        return Err(Closed::Spent);
    }
    if known.expires_at <= now {
        return Err(Closed::Expired(known.expires_at));
    }
    known.spent = true;
    let subscription = known.subscription;
    let expires_at = SESSION_LIFE.after(now, 1).unwrap_or(Timestamp::MAX);
    let token = world.state.token("portal session", world.state.portal_sessions.len());
    world.state.portal_sessions.insert(Arc::clone(&token), PortalSession { subscription, expires_at });
    Ok(token)
}
