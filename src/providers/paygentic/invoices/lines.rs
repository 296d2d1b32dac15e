//! Line items, both ways: on their invoice, and in the ledger of what is still to be invoiced.
//!
//! Facts: paygentic-behaviour §2.8 (lines on invoice, line items), §1.4 (paging).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::calculate::{Reckoned, reckon, tag};
use super::expansion::{Expansion, ResolvedItem};
use super::provenance;
use super::{Invoice, Kind, LineItem, Status};
use crate::api::{Call, Fault, Reply};
use crate::billing::money::{exact, plain, sum};
use crate::contract::Violation;
use crate::providers::paygentic::World;
use crate::providers::paygentic::grants::{Purchase, Sold, sold};
use crate::providers::paygentic::prices::{Charged, Term};
use crate::providers::paygentic::state::State;
use crate::providers::paygentic::subscriptions::Adjustments;
use crate::time::Timestamp;
use crate::world::{Id, IdText};

/// `{invoiceId, lineItems, totalCount, nextPageToken}`: an answer of its own, and a part of an invoice.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceLines<'a> {
    invoice_id: IdText,
    line_items: Vec<InvoiceLine<'a>>,
    total_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<ResolvedItem<'a>>>,
    next_page_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InvoiceLine<'a> {
    event_type: &'static str,
    event_id: IdText,
    event_source_id: IdText,
    billable_metric_id: IdText,
    invoice_display_name: &'a str,
    line_item_type: &'static str,
    meter_event_id: &'static str,
    metric_name: &'a str,
    metric_description: &'a str,
    metric_unit: &'a str,
    quantity: f64,
    unit_price: String,
    total_price: String,
    total_tax: String,
    total_amount: String,
    /// A fraction: 0.085.
    tax_rate: f64,
    price_id: Option<IdText>,
    item_id: Option<IdText>,
    period_start: Timestamp,
    period_end: Timestamp,
    payment_term: Option<Term>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Value>,
}

/// What a line comes to: as calculated, or as it would come to with the usage known now.
fn amounts(state: &State, line: &LineItem) -> Reckoned {
    if line.calculated_at.is_none() {
        return reckon(state, line);
    }
    let LineItem { used, unit_price, net, tax, tax_rate: rate, .. } = *line;
    Reckoned { quantity: line.quantity.unwrap_or_default(), used, unit_price, net, tax, rate }
}

fn on_invoice<'a>(state: &'a State, id: Id<LineItem>, line: &'a LineItem, traced: bool) -> InvoiceLine<'a> {
    let Reckoned { quantity, unit_price, net, tax, rate, .. } = amounts(state, line);
    let (source, name, description, unit) = match line.billed().map(|billed| billed.terms.of) {
        Some(Charged::Metric(id)) => {
            let metric = &state.metrics[id];
            (state.metrics.text(id), &*metric.name, &*metric.description, &*metric.unit)
        }
        Some(Charged::Fee(id)) => {
            let fee = &state.fees[id];
            (state.fees.text(id), &*fee.name, &*fee.description, "charge")
        }
        None => (state.line_items.text(id), line.name(), line.description().unwrap_or_default(), "unit"),
    };
    InvoiceLine {
        event_type: match line.kind {
            Kind::Fee | Kind::Manual => "fee",
            Kind::Metered => "usage",
            Kind::Discount | Kind::Adjustment => "discount",
        },
        event_id: state.line_items.text(id),
        event_source_id: source.clone(),
        billable_metric_id: source,
        invoice_display_name: line.name(),
        line_item_type: "charge",
        meter_event_id: "",
        metric_name: name,
        metric_description: description,
        metric_unit: unit,
        quantity: f64::try_from(quantity).unwrap_or_default(),
        unit_price: plain(unit_price),
        total_price: plain(net),
        total_tax: plain(tax),
        total_amount: plain(net.saturating_add(tax)),
        tax_rate: f64::try_from(rate / Decimal::ONE_HUNDRED).unwrap_or_default(),
        price_id: line.billed().map(|billed| state.prices.text(billed.price)),
        item_id: tag(state, line).map(|item| state.items.text(item)),
        period_start: line.window.start,
        period_end: line.window.end,
        payment_term: line.term,
        provenance: traced.then(|| provenance::of_line(state, id, line)),
    }
}

/// What a purchase of units is on its invoice: one charge, of which nothing was pending before.
fn sold_on<'a>(
    state: &'a State,
    id: Id<Invoice>,
    row: &Invoice,
    purchase: Id<Purchase>,
    traced: bool,
) -> InvoiceLine<'a> {
    let Sold { feature, name, .. } = sold(state, purchase);
    let feature = state.features.text(feature);
    let price = plain(row.totals.gross());
    InvoiceLine {
        event_type: "fee",
        event_id: state.invoices.text(id),
        event_source_id: feature.clone(),
        billable_metric_id: feature,
        invoice_display_name: name,
        line_item_type: "charge",
        meter_event_id: "",
        metric_name: name,
        metric_description: "Units that were bought",
        metric_unit: "purchase",
        quantity: 1.0,
        unit_price: price.clone(),
        total_price: price.clone(),
        total_tax: plain(row.totals.tax),
        total_amount: price,
        tax_rate: 0.0,
        price_id: None,
        item_id: None,
        period_start: row.window.start,
        period_end: row.window.end,
        payment_term: Some(Term::InAdvance),
        provenance: traced.then(|| provenance::of_purchase(state, row, purchase)),
    }
}

/// A page of an invoice's lines. The token is the number of the first line of the next page.
pub(super) fn block<'a>(
    world: &'a World,
    id: Id<Invoice>,
    limit: u64,
    token: Option<&str>,
    expansion: &Expansion<'_>,
) -> Result<InvoiceLines<'a>, Fault> {
    let state = &world.state;
    let row = &state.invoices[id];
    let total_count = row.lines.len() + usize::from(row.purchase.is_some());
    let from = match token.map(str::parse::<usize>) {
        None => 0,
        Some(Ok(from)) if from <= total_count => from,
        Some(_) => {
            let violation = Violation::query("pageToken", "format", "is not a token that this API gave");
            return Err(Fault::violations(vec![violation]));
        }
    };
    let to = from.saturating_add(usize::try_from(limit).unwrap_or(usize::MAX)).min(total_count);
    let traced = expansion.traces();
    let tags = row.lines.iter().take(to).skip(from).filter_map(|line| tag(state, &state.line_items[*line]));
    // What was bought comes behind the lines.
    let shown = |n: usize| match row.lines.get(n) {
        Some(line) => Some(on_invoice(state, *line, &state.line_items[*line], traced)),
        None => row.purchase.map(|purchase| sold_on(state, id, row, purchase, traced)),
    };
    Ok(InvoiceLines {
        invoice_id: state.invoices.text(id),
        line_items: (from..to).filter_map(shown).collect(),
        total_count,
        items: expansion.items(state, tags),
        next_page_token: (to < total_count).then(|| to.to_string()),
    })
}

pub(super) fn of_invoice(world: &World, call: &Call) -> Result<Reply, Fault> {
    let id = call.id(&world.state.invoices)?;
    let limit = call.query.get("limit").and_then(Value::as_u64).unwrap_or(100);
    let token = call.query.get("pageToken").and_then(Value::as_str);
    let expansion = Expansion::of(call);
    Ok(expansion.hinted(Reply::ok(&block(world, id, limit, token, &expansion)?)))
}

/// A line in the ledger.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    id: IdText,
    subscription_id: IdText,
    customer_id: IdText,
    price_id: Option<IdText>,
    invoice_id: Option<IdText>,
    item_id: Option<IdText>,
    #[serde(rename = "type")]
    kind: Kind,
    status: &'static str,
    display_name: &'a str,
    description: Option<&'a str>,
    currency: &'a str,
    period_start: Timestamp,
    period_end: Timestamp,
    invoice_at: Timestamp,
    calculated_at: Option<Timestamp>,
    quantity: Option<String>,
    unit_price: String,
    metered_quantity: Option<String>,
    usage_discount_ids: Vec<IdText>,
    estimated_metered_quantity: Option<String>,
    estimated_subtotal: Option<String>,
    payment_term: Option<Term>,
    subtotal: String,
    taxes_total: Option<String>,
    total: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Value>,
}

pub(super) fn entry<'a>(state: &'a State, id: Id<LineItem>, line: &'a LineItem) -> Entry<'a> {
    let subscription = &state.subscriptions[line.subscription];
    let invoice = line.invoice.filter(|invoice| state.invoices[*invoice].status != Status::Active);
    let known = amounts(state, line);
    let calculated = line.calculated_at.is_some();
    let waiting = matches!(line.kind, Kind::Metered | Kind::Discount) && !calculated;
    // A pending fee is known but for its tax; usage is not known before its window closes.
    let subtotal = if waiting { Decimal::ZERO } else { line.net };
    Entry {
        id: state.line_items.text(id),
        subscription_id: state.subscriptions.text(line.subscription),
        customer_id: state.customers.text(subscription.customer),
        price_id: line.billed().map(|billed| state.prices.text(billed.price)),
        invoice_id: invoice.map(|invoice| state.invoices.text(invoice)),
        item_id: tag(state, line).map(|item| state.items.text(item)),
        kind: line.kind,
        status: if invoice.is_none() { "pending" } else { "invoiced" },
        display_name: line.name(),
        description: line.description(),
        currency: &state.plans[subscription.plan].currency,
        period_start: line.window.start,
        period_end: line.window.end,
        invoice_at: line.invoice_at,
        calculated_at: line.calculated_at,
        quantity: line.quantity.map(exact),
        unit_price: plain(known.unit_price),
        metered_quantity: known.used.filter(|_| calculated).map(exact),
        usage_discount_ids: usage_discounts(state, line),
        estimated_metered_quantity: known.used.filter(|_| waiting).map(exact),
        estimated_subtotal: waiting.then(|| plain(known.net)),
        payment_term: line.term,
        subtotal: plain(subtotal),
        taxes_total: calculated.then(|| plain(line.tax)),
        total: plain(if calculated { line.net.saturating_add(line.tax) } else { subtotal }),
        created_at: line.created_at,
        updated_at: line.calculated_at.unwrap_or(line.created_at),
        provenance: None,
    }
}

/// The usage discounts that a line has in it.
fn usage_discounts(state: &State, line: &LineItem) -> Vec<IdText> {
    let adjustments = match line.invoice {
        Some(invoice) => Adjustments::on(state, line.subscription, &state.invoices[invoice]),
        None => Adjustments::of(state, line.subscription),
    };
    adjustments.usage_discounts(line).map(|(id, _)| state.adjustments.text(id)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    subscription_id: Option<String>,
    invoice_id: Option<String>,
    status: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ledger<'a> {
    object: &'static str,
    data: Vec<Entry<'a>>,
    total_count: usize,
    summary: Summary<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<ResolvedItem<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    fee_subtotal: String,
    metered_estimated_subtotal: String,
    currency: &'a str,
}

pub(super) fn list(world: &World, call: &Call) -> Result<Reply, Fault> {
    let filter: Filter = call.filter()?;
    let state = &world.state;
    let expansion = Expansion::of(call);
    let missing = |noun: &str, id: &str| Fault::no_such(noun, id);
    let (subscription, invoice) = match (filter.subscription_id.as_deref(), filter.invoice_id.as_deref()) {
        (_, Some(text)) => {
            let id = state.invoices.find(text).ok_or_else(|| missing("invoice", text))?;
            (state.invoices[id].subscription, Some(id))
        }
        (Some(text), None) => (state.subscriptions.find(text).ok_or_else(|| missing("subscription", text))?, None),
        (None, None) => {
            let violation = Violation::query("subscriptionId", "required", "is needed, or invoiceId");
            return Err(Fault::violations(vec![violation]));
        }
    };
    let rows = state.line_items.iter().filter(|(_, line)| match invoice {
        Some(invoice) => line.invoice == Some(invoice),
        None => line.subscription == subscription,
    });
    let entries: Vec<(Id<LineItem>, Entry<'_>)> = rows
        .map(|(id, line)| (id, entry(state, id, line)))
        .filter(|(_, entry)| filter.status.as_deref().is_none_or(|status| status == entry.status))
        .collect();
    let decimals = |text: &str| text.parse::<Decimal>().unwrap_or_default();
    let fees = entries.iter().filter(|(_, entry)| entry.kind == Kind::Fee).map(|(_, entry)| decimals(&entry.subtotal));
    let estimates = entries.iter().filter_map(|(_, entry)| entry.estimated_subtotal.as_deref()).map(decimals);
    let summary = Summary {
        fee_subtotal: plain(sum(fees)),
        metered_estimated_subtotal: plain(sum(estimates)),
        currency: &state.plans[state.subscriptions[subscription].plan].currency,
    };
    let (shown, total_count) = call.paging().cut(entries.into_iter());
    let items = expansion.items(state, shown.iter().filter_map(|(id, _)| tag(state, &state.line_items[*id])));
    let trace = |id| expansion.traces().then(|| provenance::of_line(state, id, &state.line_items[id]));
    let data = shown.into_iter().map(|(id, entry)| Entry { provenance: trace(id), ..entry }).collect();
    Ok(expansion.hinted(Reply::ok(&Ledger { object: "list", data, total_count, summary, items })))
}
