//! Approvals: somebody asks that an order or an invoice be reviewed, and somebody else decides.
//!
//! Facts: paygentic-behaviour §2.13, §1.1 (a key belongs to a user). An order is as far as the review of its data
//! that stands: its approval of kind `data_review`, unless that was cancelled.

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};

use super::body::list;
use super::invoices::Invoice;
use super::orders::{self, Order};
use super::state::{State, mine};
use super::{Operation, World, keys};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, referred, write};
use crate::time::Timestamp;
use crate::world::{ClockId, Id, IdText, Row};

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createApproval", Method::POST, "/v0/approvals", create),
        read("listApprovals", "/v0/approvals", index),
        read("getApproval", "/v0/approvals/{id}", get),
        write("updateApproval", Method::PATCH, "/v0/approvals/{id}", update),
    ];
    Noun { name: "approvals", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Approval {
    merchant: Arc<str>,
    pub resource: Resource,
    kind: Kind,
    pub decision: Decision,
    requester: Box<str>,
    hash: Box<str>,
    reviewer: Option<Box<str>>,
    note: Option<Box<str>>,
    created_at: Timestamp,
    decided_at: Option<Timestamp>,
}

impl Row for Approval {
    const PREFIX: &'static str = "apr_";
    const NOUN: &'static str = "approval";
}

/// What is reviewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Resource {
    Order(Id<Order>),
    Invoice(Id<Invoice>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ResourceType {
    Order,
    Invoice,
}

/// Reviews of different kinds do not know of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    DataReview,
    FinancialReview,
    Push,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Pending,
    Approved,
    Rejected,
    Cancelled,
}

impl Resource {
    fn kind(self) -> ResourceType {
        match self {
            Self::Order(_) => ResourceType::Order,
            Self::Invoice(_) => ResourceType::Invoice,
        }
    }

    fn text(self, state: &State) -> IdText {
        match self {
            Self::Order(id) => state.orders.text(id),
            Self::Invoice(id) => state.invoices.text(id),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Body<'a> {
    object: &'static str,
    id: IdText,
    merchant_id: &'a str,
    resource_type: ResourceType,
    resource_id: IdText,
    kind: Kind,
    decision: Decision,
    requester: &'a str,
    data_snapshot_hash: &'a str,
    reviewer: Option<&'a str>,
    note: Option<&'a str>,
    created_at: Timestamp,
    decided_at: Option<Timestamp>,
}

pub fn body(state: &State, id: Id<Approval>) -> Body<'_> {
    let row = &state.approvals[id];
    Body {
        object: "approval",
        id: state.approvals.text(id),
        merchant_id: &row.merchant,
        resource_type: row.resource.kind(),
        resource_id: row.resource.text(state),
        kind: row.kind,
        decision: row.decision,
        requester: &row.requester,
        data_snapshot_hash: &row.hash,
        reviewer: row.reviewer.as_deref(),
        note: row.note.as_deref(),
        created_at: row.created_at,
        decided_at: row.decided_at,
    }
}

/// A review as it is asked for.
pub struct Wanted {
    pub merchant: Arc<str>,
    pub resource: Resource,
    pub kind: Kind,
    pub requester: Box<str>,
    pub hash: Box<str>,
    pub note: Option<Box<str>>,
}

/// Opens a review. One that waits, or has passed, must be cancelled before the next; one that was rejected need not.
pub fn request(world: &mut World, wanted: Wanted) -> Result<Id<Approval>, Fault> {
    let state = &world.state;
    if let Resource::Order(order) = wanted.resource {
        orders::check_reviewable(state, order)?;
    }
    let place = (wanted.resource, wanted.kind);
    if let Some(standing) = state.reviews.get(&place) {
        let known = state.approvals.text(*standing);
        let advice = format!("cancel {known} before you ask again");
        match state.approvals[*standing].decision {
            Decision::Pending => {
                let message = format!("A review of this kind is pending already: decide it, or {advice}");
                return Err(Fault::conflict(message).with_code("APPROVAL_PENDING"));
            }
            Decision::Approved => {
                let message = format!("This has been approved already: {advice}");
                return Err(Fault::conflict(message).with_code("ALREADY_APPROVED"));
            }
            Decision::Rejected | Decision::Cancelled => {}
        }
    }
    let Wanted { merchant, resource, kind, requester, hash, note } = wanted;
    let id = world.state.approvals.insert(Approval {
        merchant,
        resource,
        kind,
        decision: Decision::Pending,
        requester,
        hash,
        reviewer: None,
        note,
        created_at: world.now(ClockId::WORLD),
        decided_at: None,
    });
    world.state.reviews.insert(place, id);
    Ok(id)
}

/// What the review of an order's data has come to; `None` where none stands.
pub fn standing(state: &State, order: Id<Order>) -> Option<Decision> {
    let id = state.reviews.get(&(Resource::Order(order), Kind::DataReview))?;
    Some(state.approvals[*id].decision)
}

/// Cancels what is pending on an order: what was to be reviewed is no longer so.
pub fn withdraw(world: &mut World, order: Id<Order>) {
    for kind in [Kind::DataReview, Kind::FinancialReview, Kind::Push] {
        let standing = world.state.reviews.get(&(Resource::Order(order), kind)).copied();
        if let Some(id) = standing.filter(|id| world.state.approvals[*id].decision == Decision::Pending) {
            decide(world, id, Decision::Cancelled, None);
        }
    }
}

fn decide(world: &mut World, id: Id<Approval>, decision: Decision, reviewer: Option<Box<str>>) {
    let now = world.now(ClockId::WORLD);
    let place = world.state.approvals.update(id, |row| {
        row.decision = decision;
        row.decided_at = Some(now);
        row.reviewer = reviewer.or(row.reviewer.take());
        (row.resource, row.kind)
    });
    if decision == Decision::Cancelled {
        world.state.reviews.remove(&place);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Create {
    merchant_id: Arc<str>,
    resource_type: ResourceType,
    resource_id: String,
    data_snapshot_hash: Box<str>,
    #[serde(default)]
    kind: Kind,
    note: Option<Box<str>>,
    actor_id: Option<Box<str>>,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let Create { merchant_id, resource_type, resource_id, data_snapshot_hash, kind, note, actor_id } = call.input()?;
    let resource = match resource_type {
        ResourceType::Order => Resource::Order(orders::referred(&world.state, "/resourceId", &resource_id)?),
        ResourceType::Invoice => Resource::Invoice(referred(&world.state.invoices, "/resourceId", &resource_id)?),
    };
    let merchant = world.state.merchant(&merchant_id);
    let requester = actor(call, actor_id);
    let id = request(world, Wanted { merchant, resource, kind, requester, hash: data_snapshot_hash, note })?;
    Ok(Reply::created(&body(&world.state, id)))
}

/// Who acts: the named one, else the user whose key it is.
pub fn actor(call: &Call, named: Option<Box<str>>) -> Box<str> {
    named.unwrap_or_else(|| keys::user(call.role).into())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    merchant_id: Option<String>,
    resource_type: Option<ResourceType>,
    resource_id: Option<String>,
    kind: Option<Kind>,
    decision: Option<Decision>,
}

fn index(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let resource = filter.resource_id.as_deref().map(|id| {
        let order = state.orders.find(id).map(Resource::Order);
        order.or_else(|| state.invoices.find(id).map(Resource::Invoice))
    });
    let kept = |row: &Approval| {
        mine(filter.merchant_id.as_deref(), &row.merchant)
            && filter.resource_type.is_none_or(|wanted| wanted == row.resource.kind())
            && resource.is_none_or(|wanted| wanted == Some(row.resource))
            && filter.kind.is_none_or(|wanted| wanted == row.kind)
            && filter.decision.is_none_or(|wanted| wanted == row.decision)
    };
    let ids = state.approvals.iter().filter(|(_, row)| kept(row)).map(|(id, _)| id);
    Ok(Reply::ok(&list(call.paging(), ids).map(|id| body(state, id))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.approvals)?;
    Ok(Reply::ok(&body(&world.state, id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    decision: Decision,
    #[serde(default)]
    note: Patch<Box<str>>,
    actor_id: Option<Box<str>>,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.approvals)?;
    let Update { decision, note, actor_id } = call.input()?;
    let actor = actor(call, actor_id);
    check(&world.state.approvals[id], decision, &actor)?;
    decide(world, id, decision, (decision != Decision::Cancelled).then_some(actor));
    world.state.approvals.update(id, |row| note.apply(&mut row.note));
    Ok(Reply::ok(&body(&world.state, id)))
}

/// Pending ones are decided by somebody else than who asked, or withdrawn by anybody; an approval can be taken back.
fn check(row: &Approval, decision: Decision, actor: &str) -> Result<(), Fault> {
    match (row.decision, decision) {
        (Decision::Pending | Decision::Approved, Decision::Cancelled) => Ok(()),
        (Decision::Pending, _) if actor != &*row.requester => Ok(()),
        (Decision::Pending, _) => {
            let message = format!(
                "{actor} has asked for this review, so somebody else must decide it: name another actorId, or use the \
                 key of another user (sk_test_anything.bob acts as usr_bob)"
            );
            Err(Fault::forbidden(message).with_code("REVIEWER_IS_REQUESTER"))
        }
        (Decision::Approved, _) => {
            let message = "This was approved: only \"cancelled\" is left, which takes the approval back";
            Err(Fault::conflict(message).with_code("APPROVAL_DECIDED"))
        }
        (Decision::Rejected | Decision::Cancelled, _) => {
            let message = "This was rejected or cancelled, and stays so: ask for a new review";
            Err(Fault::conflict(message).with_code("APPROVAL_DECIDED"))
        }
    }
}
