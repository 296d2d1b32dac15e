//! The features that a subscription's prices carry, and its entitlements to them.
//!
//! Facts: paygentic-behaviour §2.10 (provisioned on activation), §2.7 (reconciliation). An entitlement that a
//! subscription brings ends with it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Entitlement, Metadata, Metered, Status, Terms, of_customer, open};
use crate::api::{Call, Fault, Reply};
use crate::providers::paygentic::World;
use crate::providers::paygentic::billable_metrics::Metric;
use crate::providers::paygentic::cycle;
use crate::providers::paygentic::features::Feature;
use crate::providers::paygentic::grants;
use crate::providers::paygentic::prices::Charged;
use crate::providers::paygentic::pricing_units::PricingUnit;
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::{Status as SubscriptionStatus, Subscription};
use crate::time::Timestamp;
use crate::world::{Id, IdText};

/// A feature of a subscription's prices.
struct Carried {
    feature: Id<Feature>,
    terms: Terms,
    /// Whether some price says what the allowance is.
    agreed: bool,
    unit: Option<Id<PricingUnit>>,
    metrics: Vec<Id<Metric>>,
    /// Whether one of its prices is charged.
    billed: bool,
}

/// The features of a subscription's prices, each once. Of several templates the first one counts.
fn carried(state: &State, id: Id<Subscription>) -> Vec<Carried> {
    let row = &state.subscriptions[id];
    let charges = &state.cycles[row.cycle].charges;
    let mut all: Vec<Carried> = Vec::new();
    for line in &state.plan_versions[row.version].lines {
        let price = &state.prices[line.price];
        let Some(attached) = price.feature.as_ref().filter(|it| !state.features[it.feature].deleted) else { continue };
        let place = all.iter().position(|carried| carried.feature == attached.feature).unwrap_or_else(|| {
            let (feature, terms) = (attached.feature, attached.terms.clone());
            all.push(Carried { feature, terms, agreed: false, unit: None, metrics: Vec::new(), billed: false });
            all.len() - 1
        });
        let carried = &mut all[place];
        if attached.written.is_some() && !carried.agreed {
            carried.terms = attached.terms.clone();
            carried.agreed = true;
        }
        carried.unit = carried.unit.or(price.unit);
        if let (Charged::Metric(metric), None) = (price.of, price.unit)
            && !carried.metrics.contains(&metric)
        {
            carried.metrics.push(metric);
        }
        carried.billed |= charges.iter().any(|charge| charge.interval.price == line.price);
    }
    all.extend(pools(state, row));
    all
}

/// The credits that a plan gives or its prices draw on, by the features that show them.
fn pools(state: &State, row: &Subscription) -> Vec<Carried> {
    let prices = state.plan_versions[row.version].lines.iter().map(|line| &state.prices[line.price]);
    let drawn: Vec<Id<PricingUnit>> = prices.filter_map(|price| price.unit).collect();
    let allocations = &state.plans[row.plan].allocations;
    let mut all: Vec<Carried> = Vec::new();
    for unit in allocations.iter().map(|allocation| allocation.unit).chain(drawn.iter().copied()) {
        let feature = state.pricing_units[unit].feature;
        if all.iter().any(|carried| carried.feature == feature) {
            continue;
        }
        let terms = Metered::credits(allocations.iter().find(|allocation| allocation.unit == unit));
        all.push(Carried {
            feature,
            terms: Terms::Metered(terms),
            agreed: true,
            unit: Some(unit),
            metrics: Vec::new(),
            billed: drawn.contains(&unit),
        });
    }
    all
}

/// The entitlements of a subscription that are active now.
fn active(
    state: &State,
    id: Id<Subscription>,
    now: Timestamp,
) -> impl Iterator<Item = (Id<Entitlement>, &Entitlement)> {
    let owned = of_customer(state, state.subscriptions[id].customer);
    owned.filter(move |(_, row)| row.subscription == Some(id) && row.status(state, now) == Status::Active)
}

fn bring(world: &mut World, id: Id<Subscription>, carried: Carried, active_from: Timestamp) {
    let row = &world.state.subscriptions[id];
    let (customer, clock) = (row.customer, row.clock);
    open(
        world,
        Entitlement {
            customer,
            feature: carried.feature,
            subscription: Some(id),
            clock,
            terms: carried.terms,
            unit: carried.unit,
            metrics: carried.metrics,
            active_from,
            active_to: None,
            canceled_at: None,
            provided: true,
            grants: Vec::new(),
            purchases: Vec::new(),
            metadata: Metadata::new(),
        },
    );
}

/// Entitles the customer of a subscription that becomes active to the features of its prices, from the start on: the
/// first period is billed from there too.
pub fn provision(world: &mut World, id: Id<Subscription>) {
    let from = world.state.subscriptions[id].started_at;
    for feature in carried(&world.state, id) {
        bring(world, id, feature, from);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    feature_id: IdText,
    feature_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    billed: Option<bool>,
}

fn named(state: &State, feature: Id<Feature>, billed: Option<bool>) -> Named<'_> {
    Named { feature_id: state.features.text(feature), feature_key: &state.features[feature].key, billed }
}

/// How the entitlements of a subscription differ from what its prices carry by now.
struct Difference {
    added: Vec<Carried>,
    skipped: Vec<Carried>,
    gone: Vec<(Id<Entitlement>, Id<Feature>)>,
}

fn difference(world: &World, id: Id<Subscription>) -> Difference {
    let (_, now) = cycle::clock_of(world, id);
    let state = &world.state;
    let held: Vec<Id<Feature>> = active(state, id, now).map(|(_, row)| row.feature).collect();
    let (skipped, added): (Vec<Carried>, Vec<Carried>) =
        carried(state, id).into_iter().partition(|carried| held.contains(&carried.feature));
    let kept = |row: &Entitlement| skipped.iter().any(|carried| carried.feature == row.feature);
    // What was issued by hand is nobody's to take back.
    let gone = active(state, id, now).filter(|(_, row)| row.provided && !kept(row));
    let gone = gone.map(|(id, row)| (id, row.feature)).collect();
    Difference { added, skipped, gone }
}

fn apply(world: &mut World, id: Id<Subscription>, added: Vec<Carried>, gone: Vec<(Id<Entitlement>, Id<Feature>)>) {
    let (_, now) = cycle::clock_of(world, id);
    for (entitlement, _) in gone {
        world.state.entitlements.update(entitlement, |row| row.canceled_at = Some(now));
        grants::void_all(world, entitlement);
    }
    for feature in added {
        bring(world, id, feature, now);
    }
}

/// Entitles the customer of a subscription that has come to another version to what that carries, from now on.
pub fn align(world: &mut World, id: Id<Subscription>) {
    let Difference { added, gone, .. } = difference(world, id);
    apply(world, id, added, gone);
}

/// Brings the entitlements of a subscription in line with what its prices carry by now.
pub fn reconcile(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.subscriptions)?;
    let Wanted { dry_run } = call.input()?;
    if world.state.subscriptions[id].status != SubscriptionStatus::Active {
        return Err(Fault::bad_request("Only an active subscription has entitlements that could be reconciled"));
    }
    let state = &world.state;
    let Difference { added, skipped, gone } = difference(world, id);
    let features = json!({
        "added": added.iter().map(|it| named(state, it.feature, Some(it.billed))).collect::<Vec<_>>(),
        "skipped": skipped.iter().map(|it| named(state, it.feature, None)).collect::<Vec<_>>(),
        "removed": gone.iter().map(|(_, feature)| named(state, *feature, None)).collect::<Vec<_>>(),
        // Nothing that could fail is asked for on the way.
        "failed": [],
    });
    // A dry run is a run in a copy of the world.
    let mut copy = dry_run.then(|| world.clone());
    let world = copy.as_mut().unwrap_or(world);
    apply(world, id, added, gone);
    let lines = cycle::sync(world, id);
    let body = json!({
        "object": "subscriptionReconciliation",
        "dryRun": dry_run,
        "features": features,
        "lineItems": { "created": lines.created, "removed": lines.removed },
    });
    Ok(if dry_run { Reply::ok(&body) } else { Reply::created(&body) })
}
