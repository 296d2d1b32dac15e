//! The customer portal: links to it, what they show, and the tenant's settings.
//!
//! Facts: paylera §6.1 (link, life, modules, events), guide "customer portal". A link lets one browser in; from then on
//! the address of the session is the key, until the link's hour is over. What a customer does there goes the same ways
//! as through the API. Settings have no published address: the one here is ours.

use std::borrow::Cow;
use std::sync::Arc;

use http::Method;
use serde::{Deserialize, Serialize};

use super::customers::{self, Customer};
use super::notices::Notice;
use super::state::{Due, MERCHANT, State};
use super::{Operation, World};
use crate::api::{Action, Call, Fault, Noun, Patch, Reply, Site, read, write};
use crate::time::{Cadence, Timestamp};
use crate::world::{ClockId, Id, IdText, Row, hash};

/// How long a link and what it opens live (§6.1).
const LIFE: Cadence = Cadence::seconds(3_600);

pub fn noun() -> Noun<Action<State>> {
    let operations: Vec<Operation> = vec![
        write("createPortalSession", Method::POST, "/v1/portal/sessions", create),
        read("getPortalSettings", "/v1/admin/portal/settings", get_settings),
        write("updatePortalSettings", Method::PATCH, "/v1/admin/portal/settings", update_settings),
    ];
    Noun { name: "portal_sessions", operations }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct PortalSession {
    pub customer: Id<Customer>,
    pub return_url: Box<str>,
    pub locale: Option<Box<str>>,
    configuration: Configuration,
    pub expires_at: Timestamp,
    created_at: Timestamp,
    /// When its link has let somebody in: it does so once.
    pub opened_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// What the customer has done.
    actions: Vec<(Cow<'static, str>, Timestamp)>,
}

impl Row for PortalSession {
    const PREFIX: &'static str = "ps_";
    const NOUN: &'static str = "portal session";
}

/// What one session may do, where that differs from the tenant's settings.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(default)]
struct Configuration {
    subscription_cancel_enabled: Option<bool>,
    subscription_update_enabled: Option<bool>,
    payment_method_update_enabled: Option<bool>,
}

/// What the tenant has switched on for all portals, and how they look.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    pub modules: Modules,
    pub branding: Branding,
    updated_at: Timestamp,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a module of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modules {
    pub subscription_cancel: bool,
    pub subscription_update: bool,
    /// Changes to a plan that costs less.
    pub subscription_downgrade: bool,
    pub payment_methods: bool,
    pub invoices: bool,
    pub tax_ids: bool,
    pub billing_address: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Branding {
    pub name: Box<str>,
    /// `data:`, since pages load nothing from elsewhere.
    pub logo_url: Option<Box<str>>,
    /// `#rrggbb`
    pub accent_color: Option<Box<str>>,
}

impl Default for Settings {
    fn default() -> Self {
        let modules = Modules {
            subscription_cancel: true,
            subscription_update: true,
            subscription_downgrade: true,
            payment_methods: true,
            invoices: true,
            tax_ids: true,
            billing_address: true,
        };
        let branding = Branding { name: MERCHANT.into(), logo_url: None, accent_color: None };
        Self { modules, branding, updated_at: Timestamp::UNIX_EPOCH }
    }
}

#[derive(Serialize)]
pub struct Body<'a> {
    id: IdText,
    object: &'static str,
    customer_id: IdText,
    return_url: &'a str,
    locale: Option<&'a str>,
    configuration: ConfigurationBody,
    url: String,
    expires_at: Timestamp,
    created_at: Timestamp,
    /// What the customer has done, once that is over: in the event only.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary<'a>>,
}

#[derive(Serialize)]
struct ConfigurationBody {
    subscription_cancel_enabled: bool,
    subscription_update_enabled: bool,
    payment_method_update_enabled: bool,
}

#[derive(Serialize)]
struct Summary<'a> {
    actions: Vec<ActionBody<'a>>,
}

#[derive(Serialize)]
struct ActionBody<'a> {
    r#type: &'a str,
    at: Timestamp,
}

pub fn body<'a>(state: &'a State, id: Id<PortalSession>, row: &'a PortalSession, site: Site<'_>) -> Body<'a> {
    let modules = row.modules(state);
    let actions = row.actions.iter().map(|(r#type, at)| ActionBody { r#type, at: *at });
    Body {
        id: state.portal_sessions.text(id),
        object: "portal_session",
        customer_id: state.customers.text(row.customer),
        return_url: &row.return_url,
        locale: row.locale.as_deref(),
        configuration: ConfigurationBody {
            subscription_cancel_enabled: modules.subscription_cancel,
            subscription_update_enabled: modules.subscription_update,
            payment_method_update_enabled: modules.payment_methods,
        },
        url: format!("{site}/portal/p/{}", state.portal_sessions.text(id)),
        expires_at: row.expires_at,
        created_at: row.created_at,
        summary: row.completed_at.map(|_| Summary { actions: actions.collect() }),
    }
}

impl PortalSession {
    /// What is shown: the session's own wishes beat the tenant's.
    pub fn modules(&self, state: &State) -> Modules {
        let tenant = state.portal_settings.modules;
        let own = self.configuration;
        Modules {
            subscription_cancel: own.subscription_cancel_enabled.unwrap_or(tenant.subscription_cancel),
            subscription_update: own.subscription_update_enabled.unwrap_or(tenant.subscription_update),
            payment_methods: own.payment_method_update_enabled.unwrap_or(tenant.payment_methods),
            ..tenant
        }
    }
}

#[derive(Deserialize)]
struct Create {
    customer_id: Option<Box<str>>,
    return_url: Box<str>,
    locale: Option<Box<str>>,
    #[serde(default)]
    configuration: Configuration,
}

fn create(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let wanted: Create = call.input()?;
    let customer = customers::referred(&world.state, wanted.customer_id.as_deref().unwrap_or_default())?;
    Ok(open(world, call, customer, wanted))
}

/// The same under the path of the SDK layer, with the customer in it (§10).
pub fn create_for(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let customer = customers::addressed(&world.state, call)?;
    let wanted = call.input()?;
    Ok(open(world, call, customer, wanted))
}

fn open(world: &mut World, call: &Call, customer: Id<Customer>, wanted: Create) -> Reply {
    let now = world.now(ClockId::WORLD);
    let expires_at = LIFE.after(now, 1).unwrap_or(Timestamp::MAX);
    let id = world.state.portal_sessions.insert(PortalSession {
        customer,
        return_url: wanted.return_url,
        locale: wanted.locale,
        configuration: wanted.configuration,
        expires_at,
        created_at: now,
        opened_at: None,
        completed_at: None,
        actions: Vec::new(),
    });
    world.set_timer(ClockId::WORLD, expires_at, Due::PortalExpired(id));
    Reply::created(&body(&world.state, id, &world.state.portal_sessions[id], call.site))
}

/// What the address of a session ends with: nobody finds it from its link.
pub fn token(state: &State, id: Id<PortalSession>) -> String {
    let id_text = state.portal_sessions.text(id);
    format!("{id_text}-{:016x}", hash(hash(state.seed, b"portal"), id_text.as_str().as_bytes()))
}

/// The session of an address.
pub fn find(state: &State, text: &str) -> Option<Id<PortalSession>> {
    let (id_text, _) = text.rsplit_once('-')?;
    state.portal_sessions.find(id_text).filter(|id| token(state, *id) == text)
}

/// A link lets somebody in.
pub fn enter(world: &mut World, id: Id<PortalSession>) {
    let now = world.now(ClockId::WORLD);
    world.state.portal_sessions.update(id, |row| row.opened_at = Some(now));
}

/// Notes what the customer has done.
pub fn did(world: &mut World, id: Id<PortalSession>, action: &'static str) {
    let now = world.now(ClockId::WORLD);
    world.state.portal_sessions.update(id, |row| row.actions.push((action.into(), now)));
}

/// The customer has left: told once, with what they did.
pub fn complete(world: &mut World, id: Id<PortalSession>) {
    let now = world.now(ClockId::WORLD);
    if world.state.portal_sessions[id].completed_at.is_some() {
        return;
    }
    world.state.portal_sessions.update(id, |row| row.completed_at = Some(now));
    let row = Arc::clone(&world.state.portal_sessions[id]);
    world.emit(ClockId::WORLD, Notice::PortalSessionCompleted(id, row));
}

/// Its hour is over. Whoever has only closed the tab has left now.
pub fn expired(world: &mut World, id: Id<PortalSession>) {
    if world.state.portal_sessions[id].opened_at.is_some() {
        complete(world, id);
    }
}

#[derive(Serialize)]
struct SettingsBody<'a> {
    object: &'static str,
    modules: Modules,
    branding: &'a Branding,
    updated_at: Timestamp,
}

fn settings_body(settings: &Settings) -> SettingsBody<'_> {
    let Settings { modules, branding, updated_at } = settings;
    SettingsBody { object: "portal_settings", modules: *modules, branding, updated_at: *updated_at }
}

fn get_settings(world: &World, _: &Call) -> Result<Reply, Fault> {
    Ok(Reply::ok(&settings_body(&world.state.portal_settings)))
}

#[derive(Deserialize)]
struct UpdateSettings {
    #[serde(default)]
    modules: ModulesInput,
    #[serde(default)]
    branding: BrandingInput,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ModulesInput {
    subscription_cancel: Option<bool>,
    subscription_update: Option<bool>,
    subscription_downgrade: Option<bool>,
    payment_methods: Option<bool>,
    invoices: Option<bool>,
    tax_ids: Option<bool>,
    billing_address: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BrandingInput {
    name: Option<Box<str>>,
    logo_url: Patch<Box<str>>,
    accent_color: Patch<Box<str>>,
}

fn update_settings(world: &mut World, call: &Call) -> Result<Reply, Fault> {
    let UpdateSettings { modules: wanted, branding } = call.input()?;
    let now = world.now(ClockId::WORLD);
    let settings = &mut world.state.portal_settings;
    let modules = &mut settings.modules;
    for (field, value) in [
        (&mut modules.subscription_cancel, wanted.subscription_cancel),
        (&mut modules.subscription_update, wanted.subscription_update),
        (&mut modules.subscription_downgrade, wanted.subscription_downgrade),
        (&mut modules.payment_methods, wanted.payment_methods),
        (&mut modules.invoices, wanted.invoices),
        (&mut modules.tax_ids, wanted.tax_ids),
        (&mut modules.billing_address, wanted.billing_address),
    ] {
        *field = value.unwrap_or(*field);
    }
    if let Some(name) = branding.name {
        settings.branding.name = name;
    }
    branding.logo_url.apply(&mut settings.branding.logo_url);
    branding.accent_color.apply(&mut settings.branding.accent_color);
    settings.updated_at = now;
    Ok(Reply::ok(&settings_body(&world.state.portal_settings)))
}
