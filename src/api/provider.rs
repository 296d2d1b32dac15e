//! A provider is a type, and what differs between vendors is on it and nowhere else.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, Method};
use include_dir::Dir;
use serde_json::Value;

use super::{Action, Fault, Gist, Idempotency, Kind, Limit, Noun, Page, Reply, Site, Standing};
use crate::billing::cards::{Attempt, Card};
use crate::webhooks::Scheme;
use crate::world::{ClockId, Event, State, World};

/// Which world a request means, and as whom it acts there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorldKey<'r> {
    pub name: Cow<'r, str>,
    /// A role that limits what the key may do, so that refusals can be tested.
    pub role: Option<&'r str>,
}

impl fmt::Display for WorldKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What the user has said about keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyPolicy {
    pub allow_live: bool,
}

/// What somebody with a role wants to do.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'r> {
    pub operation: &'static str,
    /// The operation's path, with `{id}`s.
    pub path: &'r str,
    /// Whether it is a GET.
    pub reads: bool,
}

/// What the server and the control API need from an emulated vendor.
pub trait Provider: Send + Sync + 'static {
    /// Its tables, what time can do to them and what can happen in them.
    type State: State;

    /// Mount point, folder of schemas and fixtures.
    const NAME: &'static str;
    /// The vendor's own host names.
    const HOSTS: &'static [&'static str];
    /// What keys it takes, in a few words for the banner.
    const KEYS: &'static str;
    /// What the vendor's own test keys begin with. A provider may take others as well.
    const KEY_PREFIX: &'static str;
    /// What its clients have in their base URL behind the host.
    const ROOT: &'static str = "";

    /// The operations, joined from its nouns.
    fn nouns() -> Vec<Noun<Action<Self::State>>>;

    /// The schema files of its nouns.
    fn schemas() -> &'static Dir<'static>;

    /// The example requests of its nouns, by operation id.
    fn fixtures() -> &'static Dir<'static>;

    /// The pages that a customer's browser opens without a key.
    fn pages() -> Vec<Page<Self::State>>;

    /// Who is asking.
    ///
    /// # Errors
    /// If the credentials are missing or none of this vendor's test keys.
    fn key(headers: &HeaderMap, policy: KeyPolicy) -> Result<WorldKey<'_>, Fault>;

    /// How a key is sent: what the command line does with `--key`.
    #[must_use]
    fn credentials(key: &str) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Bearer {key}"))]
    }

    /// A key of this vendor's form with a name in it: names of letters, digits and `_`.
    #[must_use]
    fn key_for(name: &str) -> String {
        format!("{}{name}", Self::KEY_PREFIX)
    }

    /// A path as the vendor's server reads it: what it serves under several spellings has one.
    #[must_use]
    fn path(path: &str) -> &str {
        path
    }

    /// Whether a role may do this.
    ///
    /// # Errors
    /// The vendor's 403.
    fn may(role: &str, visitor: &Visitor<'_>) -> Result<(), Fault>;

    /// Whether a role may see what a read has found.
    ///
    /// # Errors
    /// The vendor's refusal: most say that there is no such thing.
    fn may_see(_world: &World<Self::State>, _role: &str, _found: &Reply) -> Result<(), Fault> {
        Ok(())
    }

    /// The vendor's error shape. `path` is where it happened, where that is known.
    fn refuse(fault: &Fault, path: &str) -> Reply;

    /// Gives the row that a fixture's call made (its answer is at hand) the id that the fixture wants.
    ///
    /// # Errors
    /// If the answer names no row of a table.
    fn name_row(world: &mut World<Self::State>, answer: &Value, name: &str) -> Result<(), String>;

    /// Puts a row into a starting world that no call of the API makes; its answer is what the vendor would show of it.
    ///
    /// # Errors
    /// If this vendor has no such rows, or the row is wrong.
    fn place(_world: &mut World<Self::State>, kind: &str, _row: &Value) -> Result<Value, String> {
        Err(format!("{kind:?} is nothing that a starting world can place here: use \"call\""))
    }

    /// The further clock that a name means, if this vendor has such.
    fn clock(world: &World<Self::State>, name: &str) -> Option<ClockId>;

    /// The names of the further clocks, oldest first.
    #[must_use]
    fn clocks(_world: &World<Self::State>) -> Vec<(String, ClockId)> {
        Vec::new()
    }

    /// The lists that show what is in a world, for those who look around: a noun, and the path with its query.
    fn shelves(world: &World<Self::State>) -> Vec<(&'static str, String)>;

    /// An event as the wire shows it.
    fn event(
        world: &World<Self::State>,
        number: usize,
        event: &Event<<Self::State as State>::Notice>,
        site: Site<'_>,
    ) -> Value;

    /// What an event is about, in a line.
    fn gist(world: &World<Self::State>, notice: &<Self::State as State>::Notice) -> Gist;

    /// What falls due, in a word, and what it is about.
    fn due(world: &World<Self::State>, due: &<Self::State as State>::Due) -> (&'static str, Gist);

    /// How its webhooks are signed and repeated.
    fn webhooks() -> &'static Scheme;

    /// Every event type it knows, for filters.
    fn event_types() -> &'static [&'static str];

    /// How it treats idempotency keys, if it has such.
    #[must_use]
    fn idempotency() -> Option<&'static Idempotency<Self::State>> {
        None
    }

    /// The rate limit that a request counts towards, if the vendor has such.
    #[must_use]
    fn limit(_method: &Method, _path: &str) -> Option<Limit> {
        None
    }

    /// The refusal of a request that is one too many.
    #[must_use]
    fn too_many(_standing: Standing) -> Fault {
        Fault::new(Kind::TooManyRequests, "Too many requests")
    }

    /// What goes with every answer: headers that the vendor always sends. `asked` is what the request sent, `standing`
    /// how its tenant stands where requests are counted.
    #[must_use]
    fn dress(reply: Reply, _asked: &HeaderMap, _standing: Option<Standing>) -> Reply {
        reply
    }

    /// Pays, or fails to pay, a payment session; the hosted page uses the same.
    ///
    /// # Errors
    /// If there is no such session or it is over.
    fn pay(world: &mut World<Self::State>, session: &str, attempt: &Attempt) -> Result<Value, Fault>;

    /// The kind of a row whose charges a script may decide: a customer, a payment method, an invoice or what stands for
    /// one here.
    fn scriptable(world: &World<Self::State>, id: &str) -> Option<&'static str>;

    /// Saves a payment method on a customer.
    ///
    /// # Errors
    /// If there is no such customer.
    fn save_method(world: &mut World<Self::State>, customer: &str, card: &Card) -> Result<Value, Fault>;
}

/// What is to be known of a vendor by those who call it, without a world.
#[derive(Debug)]
pub struct Vendor {
    pub name: &'static str,
    pub root: &'static str,
    pub credentials: fn(&str) -> Vec<(&'static str, String)>,
    pub webhooks: fn() -> &'static Scheme,
}

impl Vendor {
    #[must_use]
    pub const fn of<P: Provider>() -> Self {
        Self { name: P::NAME, root: P::ROOT, credentials: P::credentials, webhooks: P::webhooks }
    }
}
