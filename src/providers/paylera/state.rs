//! The tables of a Paylera world, and its explicit indexes. A token is one tenant.

use std::sync::Arc;

use imbl::{HashMap, Vector};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::affiliates::{self, Affiliate, Commission, Programme};
use super::checkout_sessions::{self, Session};
use super::coupons::Coupon;
use super::credit_notes::CreditNote;
use super::customers::{self, Customer, TaxId};
use super::dunning::{self, Policies};
use super::invoices::Invoice;
use super::notices::Notice;
use super::payment_methods::{self, PaymentMethod};
use super::payments::{self, Payment};
use super::plans::Plan;
use super::portal_sessions::{self, PortalSession, Settings};
use super::products::Product;
use super::refunds::Refund;
use super::setup_intents::SetupIntent;
use super::subscriptions::{self, Subscription};
use super::usage::{ByMeter as UsageByMeter, Handle, UsageEvent};
use super::wallets::{self, Transaction, Wallet};
use super::{World, cycle, revrec, tax, webhook_endpoints};
use crate::api::{Answers, Gist};
use crate::world::{Delivery, Endpoint, Id, Table, Written, hash, pairs};

/// Who sells here, on pages and paper.
pub const MERCHANT: &str = "Leapday Merchant";

#[derive(Clone, Serialize, Deserialize)]
pub struct State {
    pub customers: Table<Customer>,
    pub tax_ids: Table<TaxId>,
    pub payment_methods: Table<PaymentMethod>,
    pub setup_intents: Table<SetupIntent>,
    pub products: Table<Product>,
    pub plans: Table<Plan>,
    pub coupons: Table<Coupon>,
    pub wallets: Table<Wallet>,
    pub wallet_transactions: Table<Transaction>,
    pub subscriptions: Table<Subscription>,
    pub invoices: Table<Invoice>,
    pub payments: Table<Payment>,
    pub refunds: Table<Refund>,
    pub credit_notes: Table<CreditNote>,
    pub usage_events: Table<UsageEvent>,
    pub checkout_sessions: Table<Session>,
    pub portal_sessions: Table<PortalSession>,
    pub programmes: Table<Programme>,
    pub affiliates: Table<Affiliate>,
    pub commissions: Table<Commission>,
    pub portal_settings: Settings,
    /// Codes are permanent handles (§2.2).
    #[serde(with = "pairs")]
    pub products_by_code: HashMap<Arc<str>, Id<Product>>,
    #[serde(with = "pairs")]
    pub plans_by_code: HashMap<Arc<str>, Id<Plan>>,
    /// Without the deleted ones.
    #[serde(with = "pairs")]
    pub coupons_by_code: HashMap<Arc<str>, Id<Coupon>>,
    /// A customer has one wallet in a currency (§2.10).
    #[serde(with = "pairs")]
    pub wallets_by_currency: HashMap<(Id<Customer>, Arc<str>), Id<Wallet>>,
    #[serde(with = "pairs")]
    pub credits_by_external_id: HashMap<(Id<Wallet>, Arc<str>), Id<Transaction>>,
    /// How many lines invoices have had.
    pub invoice_lines: u64,
    /// The last number given in a year.
    #[serde(with = "pairs")]
    pub invoice_numbers: HashMap<i16, u32>,
    #[serde(with = "pairs")]
    pub credit_note_numbers: HashMap<i16, u32>,
    #[serde(with = "pairs")]
    pub dunning_policies: Policies,
    pub tax_config: tax::Config,
    /// Closed periods of revenue, in order.
    pub revrec_periods: Vector<revrec::Period>,
    #[serde(with = "pairs")]
    pub usage_by_meter: UsageByMeter,
    #[serde(with = "pairs")]
    pub usage_by_external_id: HashMap<Handle, Id<UsageEvent>>,
    /// What was answered under which idempotency key.
    pub answers: Answers,
    #[serde(with = "crate::world::seed")]
    pub seed: u64,
}

/// All that time can do to this provider.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Due {
    /// A tax id has been looked up.
    TaxIdChecked(Id<TaxId>),
    /// A bank account has been looked into.
    PaymentMethodVerified(Id<PaymentMethod>),
    /// What is next for a subscription.
    Cycle(Id<Subscription>),
    TrialWillEnd(Id<Subscription>),
    CommitmentEnding(Id<Subscription>),
    /// The next attempt to collect an invoice, or the end.
    Dunning(Id<Invoice>),
    /// The cardholder has not answered.
    ActionExpired(Id<Payment>),
    ChargedBack(Id<Payment>),
    DisputeWon(Id<Payment>),
    CheckoutExpired(Id<Session>),
    PortalExpired(Id<PortalSession>),
    CommissionEligible(Id<Commission>),
    /// The next attempt to top a wallet up.
    TopUp(Id<Wallet>),
}

impl Due {
    /// In a word, and what it is about.
    pub fn gist(self, state: &State) -> (&'static str, Gist) {
        let invoice = |id: Id<Invoice>| Gist::of(&state.invoices, id);
        let subscription = |id: Id<Subscription>| Gist::of(&state.subscriptions, id);
        let payment = |id: Id<Payment>| {
            let row = &state.payments[id];
            Gist::of(&state.payments, id).with_amount(row.amount, &row.currency)
        };
        match self {
            Self::TaxIdChecked(id) => ("tax_id_checked", Gist::of(&state.tax_ids, id)),
            Self::PaymentMethodVerified(id) => ("payment_method_verified", Gist::of(&state.payment_methods, id)),
            Self::Cycle(id) => ("period_ends", subscription(id)),
            Self::TrialWillEnd(id) => ("trial_will_end", subscription(id)),
            Self::CommitmentEnding(id) => ("commitment_ending", subscription(id)),
            Self::Dunning(id) => ("dunning", invoice(id)),
            Self::ActionExpired(id) => ("action_expires", payment(id)),
            Self::ChargedBack(id) => ("charged_back", payment(id)),
            Self::DisputeWon(id) => ("dispute_won", payment(id)),
            Self::CheckoutExpired(id) => ("checkout_expires", Gist::of(&state.checkout_sessions, id)),
            Self::PortalExpired(id) => ("portal_expires", Gist::of(&state.portal_sessions, id)),
            Self::CommissionEligible(id) => ("commission_eligible", Gist::of(&state.commissions, id)),
            Self::TopUp(id) => ("wallet_top_up", Gist::of(&state.wallets, id)),
        }
    }
}

impl State {
    /// Gives the row that an answer shows the id that a fixture wants.
    pub fn name_row(&mut self, answer: &Value, name: &str) -> Result<(), String> {
        let made = answer["id"].as_str().unwrap_or_default();
        let renamed = self.customers.rename(made, name);
        let renamed = renamed.or_else(|| self.payment_methods.rename(made, name));
        let renamed = renamed.or_else(|| self.setup_intents.rename(made, name));
        let renamed = renamed.or_else(|| self.products.rename(made, name));
        let renamed = renamed.or_else(|| self.plans.rename(made, name));
        let renamed = renamed.or_else(|| self.coupons.rename(made, name));
        let renamed = renamed.or_else(|| self.wallets.rename(made, name));
        let renamed = renamed.or_else(|| self.wallet_transactions.rename(made, name));
        let renamed = renamed.or_else(|| self.subscriptions.rename(made, name));
        let renamed = renamed.or_else(|| self.invoices.rename(made, name));
        renamed.unwrap_or_else(|| Err(format!("the answer has no id of a row that {name:?} could name")))
    }
}

impl crate::world::State for State {
    type Due = Due;
    type Notice = Notice;
    type Letter = Written;

    fn new(seed: u64) -> Self {
        Self {
            customers: Table::new(seed),
            tax_ids: Table::new(seed),
            payment_methods: Table::new(seed),
            setup_intents: Table::new(seed),
            products: Table::new(seed),
            plans: Table::new(seed),
            coupons: Table::new(seed),
            wallets: Table::new(seed),
            wallet_transactions: Table::new(seed),
            subscriptions: Table::new(seed),
            invoices: Table::new(seed),
            payments: Table::new(seed),
            refunds: Table::new(seed),
            credit_notes: Table::new(seed),
            usage_events: Table::new(seed),
            checkout_sessions: Table::new(seed),
            portal_sessions: Table::new(seed),
            programmes: Table::new(seed),
            affiliates: Table::new(seed),
            commissions: Table::new(seed),
            portal_settings: Settings::default(),
            products_by_code: HashMap::new(),
            plans_by_code: HashMap::new(),
            coupons_by_code: HashMap::new(),
            wallets_by_currency: HashMap::new(),
            credits_by_external_id: HashMap::new(),
            invoice_lines: 0,
            invoice_numbers: HashMap::new(),
            credit_note_numbers: HashMap::new(),
            dunning_policies: dunning::standard(),
            tax_config: tax::Config::default(),
            revrec_periods: Vector::new(),
            usage_by_meter: HashMap::new(),
            usage_by_external_id: HashMap::new(),
            answers: Answers::default(),
            seed: hash(seed, b"paylera"),
        }
    }

    fn rows(&self) -> usize {
        let rows = [
            self.customers.made(),
            self.tax_ids.made(),
            self.payment_methods.made(),
            self.setup_intents.made(),
            self.products.made(),
            self.plans.made(),
            self.coupons.made(),
            self.wallets.made(),
            self.wallet_transactions.made(),
            self.subscriptions.made(),
            self.invoices.made(),
            self.payments.made(),
            self.refunds.made(),
            self.credit_notes.made(),
            self.usage_events.made(),
            self.checkout_sessions.made(),
            self.portal_sessions.made(),
            self.programmes.made(),
            self.affiliates.made(),
            self.commissions.made(),
            self.revrec_periods.len(),
            self.dunning_policies.len(),
        ];
        rows.iter().sum()
    }

    fn gave_up(world: &mut World, delivery: Id<Delivery>) {
        webhook_endpoints::gave_up(world, delivery);
    }

    fn gave_out(world: &mut World, endpoint: Id<Endpoint>) {
        webhook_endpoints::gave_out(world, endpoint);
    }

    fn read(_world: &World, letter: &Written) -> Written {
        letter.clone()
    }

    fn fire(world: &mut World, due: Due) {
        match due {
            Due::TaxIdChecked(id) => customers::tax_ids::checked(world, id),
            Due::PaymentMethodVerified(id) => payment_methods::verified(world, id),
            Due::Cycle(id) => cycle::due(world, id),
            Due::TrialWillEnd(id) => cycle::trial_will_end(world, id),
            Due::CommitmentEnding(id) => subscriptions::commitment_ending(world, id),
            Due::Dunning(id) => dunning::due(world, id),
            Due::ActionExpired(id) => payments::action_expired(world, id),
            Due::ChargedBack(id) => payments::charged_back(world, id),
            Due::DisputeWon(id) => payments::dispute_won(world, id),
            Due::CheckoutExpired(id) => checkout_sessions::expired(world, id),
            Due::PortalExpired(id) => portal_sessions::expired(world, id),
            Due::CommissionEligible(id) => affiliates::eligible(world, id),
            Due::TopUp(id) => wallets::top_up_due(world, id),
        }
    }
}
