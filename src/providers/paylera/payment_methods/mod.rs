//! Payment methods: what a customer's invoices are charged to.
//!
//! Facts: paylera §2.7 (shapes, verification), §4.8 (events), §5 (magic tokens). A token decides what a method is and
//! how its charges go. One that is detached stays in the table, since payments refer to it and its id attaches it
//! again; it is gone everywhere else. Which one is the default, the customer knows: so there is at most one.

mod means;

use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::means::{BankAccount, BankStatus, Card, Means, Wallet, behaviour, means};
pub use self::means::{Behaviour, Kind};
use super::body::{Address, Metadata, MetadataPatch};
use super::customers::{self, Customer};
use super::listing::list;
use super::notices::Notice;
use super::state::{Due, State};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, read, write};
use crate::billing::cards::{self, Outcome};
use crate::contract::Violation;
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row};

/// How long the verification of a bank account takes; the vendor says only that it is pending at first.
const BANK_CHECK: Cadence = Cadence::seconds(60);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        read("listCustomerPaymentMethods", "/v1/customers/{id}/payment-methods", list_own),
        write("attachPaymentMethod", Method::POST, "/v1/customers/{id}/payment-methods", attach),
        read("getPaymentMethod", "/v1/payment-methods/{id}", get),
        write("updatePaymentMethod", Method::PATCH, "/v1/payment-methods/{id}", update),
        write("detachPaymentMethod", Method::DELETE, "/v1/payment-methods/{id}", detach),
        write("verifyPaymentMethod", Method::POST, "/v1/payment-methods/{id}/verify", verify),
    ];
    Noun { name: "payment_methods", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct PaymentMethod {
    pub customer: Id<Customer>,
    means: Means,
    /// What its charges do, as its token said.
    behaviour: Behaviour,
    verified: bool,
    billing_address: Option<Address>,
    metadata: Metadata,
    created_at: Timestamp,
    detached_at: Option<Timestamp>,
}

impl Row for PaymentMethod {
    const PREFIX: &'static str = "pm_";
    const NOUN: &'static str = "payment method";
}

/// A method as it was when something happened to it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Seen {
    pub id: Id<PaymentMethod>,
    pub row: Arc<PaymentMethod>,
    pub is_default: bool,
}

impl Seen {
    fn now(state: &State, id: Id<PaymentMethod>) -> Self {
        let row = Arc::clone(&state.payment_methods[id]);
        let is_default = state.customers[row.customer].default_method == Some(id);
        Self { id, row, is_default }
    }

    pub fn body<'a>(&'a self, state: &'a State) -> Body<'a> {
        let row = &*self.row;
        Body {
            id: state.payment_methods.text(self.id),
            object: "payment_method",
            customer_id: state.customers.text(row.customer),
            r#type: row.means.kind(),
            is_default: self.is_default,
            verified: row.verified,
            card: if let Means::Card(card) = &row.means { Some(card) } else { None },
            bank_account: if let Means::BankAccount(account) = &row.means { Some(account) } else { None },
            wallet: if let Means::Wallet(wallet) = &row.means { Some(wallet) } else { None },
            billing_address: row.billing_address.as_ref(),
            metadata: &row.metadata,
            created_at: row.created_at,
        }
    }
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    customer_id: IdText,
    r#type: Kind,
    is_default: bool,
    verified: bool,
    card: Option<&'a Card>,
    bank_account: Option<&'a BankAccount>,
    wallet: Option<&'a Wallet>,
    billing_address: Option<&'a Address>,
    metadata: &'a Metadata,
    created_at: Timestamp,
}

/// Whether a method is attached to a customer who is still there.
fn is_live(state: &State, row: &PaymentMethod) -> bool {
    row.detached_at.is_none() && customers::is_live(state, row.customer)
}

/// The last digits of a method; of a wallet none are known.
pub fn last4(state: &State, id: Id<PaymentMethod>) -> &str {
    match &state.payment_methods[id].means {
        Means::Card(card) => &card.last4,
        Means::BankAccount(account) => &account.last4,
        Means::Wallet(_) => "",
    }
}

/// Whether a method can be charged.
pub fn is_usable(state: &State, id: Id<PaymentMethod>) -> bool {
    is_live(state, &state.payment_methods[id])
}

/// What a charge does now. The cardholder is asked for the first one only.
pub fn use_once(state: &mut State, id: Id<PaymentMethod>) -> Behaviour {
    let behaviour = state.payment_methods[id].behaviour;
    if behaviour == Behaviour::RequiresActionOnce {
        state.payment_methods.update(id, |row| row.behaviour = Behaviour::Succeeds);
    }
    behaviour
}

/// The method that an id means, if it is attached to this customer.
pub fn owned(state: &State, customer: Id<Customer>, text: &str) -> Option<Id<PaymentMethod>> {
    let is_own = |row: &PaymentMethod| row.customer == customer && is_live(state, row);
    state.payment_methods.find(text).filter(|id| is_own(&state.payment_methods[*id]))
}

/// The method that the path means, unless it is detached or its customer is deleted.
fn addressed(state: &State, call: &Call) -> Result<Id<PaymentMethod>, Fault> {
    let id = call.id(&state.payment_methods)?;
    let row = &state.payment_methods[id];
    if is_live(state, row) {
        return Ok(id);
    }
    let message = match row.detached_at {
        Some(at) => format!("this payment method was detached at {at}"),
        None => "the customer of this payment method was deleted".to_owned(),
    };
    let fault = Fault::no_such(PaymentMethod::NOUN, call.segment("id"));
    Err(fault.with_violation(Violation::path("id", "reference", message)))
}

fn list_own(world: &World, call: &Call) -> Result<Reply, Fault> {
    let state = &world.state;
    let customer = customers::addressed(state, call)?;
    let own = state.payment_methods.iter().filter(|(_, row)| row.customer == customer && row.detached_at.is_none());
    list(call, own.map(|(id, _)| (id.number(), json!(Seen::now(state, id).body(state)))))
}

fn get(world: &World, call: &Call) -> Result<Reply, Fault> {
    Ok(show(world, addressed(&world.state, call)?))
}

fn show(world: &World, id: Id<PaymentMethod>) -> Reply {
    Reply::ok(&Seen::now(&world.state, id).body(&world.state))
}

#[derive(Deserialize)]
struct Attach {
    r#type: Kind,
    token: Box<str>,
    #[serde(default)]
    set_as_default: bool,
    billing_address: Option<Address>,
    metadata: Option<Metadata>,
}

/// Makes a method of a token, or attaches one again by its own id; that one may go to another customer.
fn attach(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let customer = customers::addressed(&world.state, call)?;
    let wanted: Attach = call.input()?;
    let metadata = wanted.metadata.map(Metadata::checked).transpose()?;
    let now = world.now(ClockId::WORLD);
    let id = if wanted.token.starts_with(PaymentMethod::PREFIX) {
        let id = detached(&world.state, &wanted.token, wanted.r#type)?;
        world.state.payment_methods.update(id, |row| {
            row.customer = customer;
            row.detached_at = None;
            row.billing_address = wanted.billing_address.or_else(|| row.billing_address.take());
            row.metadata = metadata.unwrap_or_else(|| row.metadata.clone());
        });
        id
    } else {
        let behaviour = behaviour(&wanted.token, wanted.r#type)?;
        let means = means(wanted.r#type, &wanted.token, world.state.customers[customer].email(), now);
        world.state.payment_methods.insert(PaymentMethod {
            customer,
            // There is nothing to verify in a wallet.
            verified: matches!(means, Means::Wallet(_)),
            means,
            behaviour,
            billing_address: wanted.billing_address,
            metadata: metadata.unwrap_or_default(),
            created_at: now,
            detached_at: None,
        })
    };
    let changes = wanted.set_as_default && customers::set_default_method(world, customer, Some(id));
    tell(world, id, Notice::PaymentMethodAttached);
    if changes {
        customers::updated(world, customer);
    }
    Ok(Reply::created(&Seen::now(&world.state, id).body(&world.state)))
}

/// Saves a card by its number, as a page does. The magic numbers do what they do everywhere.
///
/// # Errors
/// If there is no such customer, or the number can be none.
pub fn save(world: &mut World, customer: &str, card: &cards::Card) -> Result<Value, Fault> {
    let customer = customers::referred(&world.state, customer)?;
    if !card.is_plausible() {
        return Err(Fault::field("/card/number", "format", "is no card number: 12 to 19 digits with a right last one"));
    }
    let id = add_card(world, customer, card);
    Ok(json!(Seen::now(&world.state, id).body(&world.state)))
}

/// Adds a card by its number. It becomes the default of a customer who has none, so that it is of use at once.
pub fn add_card(world: &mut World, customer: Id<Customer>, card: &cards::Card) -> Id<PaymentMethod> {
    let behaviour = match card.outcome() {
        Outcome::Succeeds => Behaviour::Succeeds,
        Outcome::Declined(code) => Behaviour::Declined(code),
        Outcome::NeedsAuthentication => Behaviour::RequiresActionOnce,
    };
    let means = Means::Card(Card {
        brand: card.brand().into(),
        last4: card.last4().into(),
        exp_month: card.exp_month,
        exp_year: i16::try_from(card.exp_year).unwrap_or(i16::MAX),
        country: "US".into(),
        funding: "credit".into(),
    });
    let id = world.state.payment_methods.insert(PaymentMethod {
        customer,
        verified: false,
        means,
        behaviour,
        billing_address: None,
        metadata: Metadata::default(),
        created_at: world.now(ClockId::WORLD),
        detached_at: None,
    });
    let is_first = world.state.customers[customer].default_method.is_none();
    let changes = is_first && customers::set_default_method(world, customer, Some(id));
    tell(world, id, Notice::PaymentMethodAttached);
    if changes {
        customers::updated(world, customer);
    }
    id
}

/// The detached method that a token names.
fn detached(state: &State, token: &str, kind: Kind) -> Result<Id<PaymentMethod>, Fault> {
    let unknown = || Fault::field("/token", "reference", format!("there is no payment method {token:?}"));
    let Some(id) = state.payment_methods.find(token) else { return Err(unknown()) };
    let row = &state.payment_methods[id];
    if row.detached_at.is_none() {
        // One whose customer is deleted is gone with it.
        if !is_live(state, row) {
            return Err(unknown());
        }
        let fault = Fault::conflict(format!("The payment method {token:?} is attached to a customer"));
        return Err(fault.with_code("payment_method.already_attached"));
    }
    if row.means.kind() != kind {
        return Err(Fault::field("/type", "reference", format!("{token:?} is a payment method of another type")));
    }
    Ok(id)
}

#[derive(Deserialize)]
struct Update {
    #[serde(default)]
    billing_address: Patch<Address>,
    #[serde(default)]
    is_default: bool,
    #[serde(default)]
    metadata: MetadataPatch,
}

fn update(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    let wanted: Update = call.input()?;
    let customer = world.state.payment_methods.update(id, |row| {
        wanted.billing_address.apply(&mut row.billing_address);
        row.metadata.merge(wanted.metadata).map(|()| row.customer)
    })?;
    if wanted.is_default && customers::set_default_method(world, customer, Some(id)) {
        customers::updated(world, customer);
    }
    Ok(show(world, id))
}

/// Takes a method from its customer, who has no default then if this was it.
fn detach(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    take(world, id);
    Ok(Reply::none())
}

pub fn take(world: &mut World, id: Id<PaymentMethod>) {
    let now = world.now(ClockId::WORLD);
    let customer = world.state.payment_methods.update(id, |row| {
        row.detached_at = Some(now);
        row.customer
    });
    let was_default = world.state.customers[customer].default_method == Some(id);
    let changes = was_default && customers::set_default_method(world, customer, None);
    tell(world, id, Notice::PaymentMethodDetached);
    if changes {
        customers::updated(world, customer);
    }
}

/// The methods of a customer, oldest first: what they are called, and whether it is the default.
pub fn of_customer(state: &State, customer: Id<Customer>) -> impl Iterator<Item = (Id<PaymentMethod>, String, bool)> {
    let own = state.payment_methods.iter().filter(move |(_, row)| row.customer == customer && is_live(state, row));
    own.map(move |(id, row)| {
        let name = match &row.means {
            Means::Card(card) => format!("{} •••• {}", card.brand, card.last4),
            Means::BankAccount(account) => format!("•••• {}", account.last4),
            Means::Wallet(wallet) => wallet.email.as_deref().unwrap_or("Wallet").to_owned(),
        };
        (id, name, state.customers[customer].default_method == Some(id))
    })
}

/// A card is verified at once, a bank account a little later, a wallet is already. Twice is once.
fn verify(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let id = addressed(&world.state, call)?;
    match &world.state.payment_methods[id].means {
        Means::Card(_) => verified(world, id),
        Means::BankAccount(account) if account.status == BankStatus::New => {
            set_bank_status(world, id, BankStatus::Pending);
            let due = BANK_CHECK.after(world.now(ClockId::WORLD), 1).unwrap_or(Timestamp::MAX);
            world.set_timer(ClockId::WORLD, due, Due::PaymentMethodVerified(id));
        }
        Means::BankAccount(_) | Means::Wallet(_) => {}
    }
    Ok(show(world, id))
}

/// The verification of a method has come back. Nobody is told about one that was detached meanwhile.
pub fn verified(world: &mut World, id: Id<PaymentMethod>) {
    if world.state.payment_methods[id].verified {
        return;
    }
    world.state.payment_methods.update(id, |row| row.verified = true);
    set_bank_status(world, id, BankStatus::Verified);
    if is_live(&world.state, &world.state.payment_methods[id]) {
        tell(world, id, Notice::PaymentMethodVerified);
    }
}

fn set_bank_status(world: &mut World, id: Id<PaymentMethod>, status: BankStatus) {
    world.state.payment_methods.update(id, |row| {
        if let Means::BankAccount(account) = &mut row.means {
            account.status = status;
        }
    });
}

fn tell(world: &mut World, id: Id<PaymentMethod>, notice: fn(Seen) -> Notice) {
    let seen = Seen::now(&world.state, id);
    world.emit(ClockId::WORLD, notice(seen));
}
