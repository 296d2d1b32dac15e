//! What holds for any input, whoever makes it up: the fuzzer of this folder, or `tests/it/fuzzed.rs`.
//!
//! Each property takes bytes and panics where it does not hold. Inputs are lines of text, so that seeds can be read and
//! written by people. Nothing listens, and no webhook leaves: paths about them are left out.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Method, Request};
use leapday::api::{Answer, Beginning, Body, Door, Exchange, Injection, Mount, Reply, RouteError, Router, Site};
use leapday::sandbox::{NOWHERE, Options, mounts};
use leapday::story::Story;
use leapday::time::{Cadence, Grid, Timestamp, duration};
use leapday::webhooks::Signature;
use serde_json::Value;

/// A property and the folder of its seeds.
pub type Property = (&'static str, fn(&[u8]));

pub const PROPERTIES: [Property; 7] = [
    ("router", router),
    ("query", query),
    ("contract", contract),
    ("world", world),
    ("story", story),
    ("time", time),
    ("words", words),
];

/// Inputs are short enough that what is quadratic in their length stays quick.
const LONGEST: usize = 16 << 10;
/// What every world of these properties begins with.
const WORLD: &str = "one-active-subscription";
const KEY: &str = "fuzz";
const START: &str = "start";

/// One provider's API, and a world behind it.
struct Api {
    mount: Arc<dyn Mount>,
    key: String,
    /// The starting world, written down.
    world: Value,
}

/// An operation with an example of its body.
struct Row {
    api: usize,
    method: Method,
    path: String,
    example: Value,
}

static APIS: LazyLock<Vec<Api>> = LazyLock::new(|| {
    let options = Options { world: WORLD.to_owned(), strict: true, explain: true, ..Options::default() };
    let all = mounts(&options, NOWHERE).expect("mounts");
    all.into_iter().filter(|mount| mount.keeper().is_some()).map(Api::new).collect()
});

static ROWS: LazyLock<BTreeMap<String, Row>> = LazyLock::new(|| {
    let rows = APIS.iter().enumerate().flat_map(|(api, Api { mount, .. })| {
        let document = mount.openapi(NOWHERE);
        let row = move |operation: leapday::api::OperationInfo| {
            let method = operation.method.to_lowercase();
            let told = &document["paths"][operation.path][&method]["requestBody"]["content"]["application/json"];
            let example = told["example"].clone();
            let method = Method::from_str(&operation.method).expect("a method");
            (
                format!("{}.{}", mount.name(), operation.id),
                Row { api, method, path: operation.path.to_owned(), example },
            )
        };
        mount.operations().into_iter().map(row)
    });
    rows.filter(|(_, row)| !row.path.to_ascii_lowercase().contains("webhook")).collect()
});

static ROUTER: LazyLock<(Router, Vec<&'static str>)> = LazyLock::new(|| {
    let (mut router, mut paths) = (Router::default(), Vec::new());
    // One vendor's: paths of two may be the same.
    for operation in APIS[0].mount.operations() {
        let method = Method::from_str(&operation.method).expect("a method");
        router.add(&method, operation.path, paths.len()).expect("no conflict");
        paths.push(operation.path);
    }
    (router, paths)
});

impl Api {
    fn new(mount: Arc<dyn Mount>) -> Self {
        let keeper = mount.keeper().expect("a keeper");
        let key = keeper.key_for(KEY);
        let start = leapday::fixtures::world(WORLD).expect("bundled");
        let info = keeper.create(&key, Beginning { calls: &start, at: None }, now()).expect("a world");
        let door = keeper.world(&info.key).expect("a door");
        door.snapshot(START, now()).expect("room");
        let world = door.export(now()).expect("written")["world"].clone();
        drop(door);
        Self { mount, key, world }
    }

    /// The world as it was at the start.
    fn door(&self) -> Box<dyn Door + '_> {
        let keeper = self.mount.keeper().expect("a keeper");
        let name = keeper.worlds(now()).first().expect("a world").key.clone();
        let door = keeper.world(&name).expect("a door");
        door.restore(START, now()).expect("kept");
        door
    }

    /// What a request is answered; `None` where it waits for something, or is none that HTTP can say.
    fn ask(&self, method: &Method, path_and_query: &str, body: &[u8]) -> Option<Reply> {
        let keeper = self.mount.keeper()?;
        let mut request = Request::builder().method(method.clone()).uri(path_and_query);
        for (name, value) in keeper.credentials(&self.key) {
            request = request.header(name, value);
        }
        // Some vendors want one.
        let request = request.header("content-type", "application/json").header("idempotency-key", "1");
        let head = request.body(()).ok()?.into_parts().0;
        let body = Bytes::copy_from_slice(body);
        let path = self.mount.path(head.uri.path());
        let site = Site::below(NOWHERE, self.mount.name());
        let exchange = Exchange { head: &head, body: &body, path, wall: now(), site };
        match self.mount.answer(&exchange) {
            Answer::Now(reply) => Some(reply),
            Answer::Later(mut later) => match later.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(reply) => Some(reply),
                Poll::Pending => None,
            },
        }
    }
}

/// The same instant for all, so that a failure can be shown again.
fn now() -> Timestamp {
    "2028-02-29T12:00:00Z".parse().expect("an instant")
}

fn lines(data: &[u8]) -> Option<Vec<&str>> {
    std::str::from_utf8(data).ok().filter(|text| text.len() <= LONGEST).map(|text| text.split('\n').collect())
}

/// A value with others in the place of some of its own, as lines say: `17 "x"` puts a text into the place of the 17th
/// value, counted round and round. What is no JSON is a text; `17` alone takes the value out of its object or list.
fn edited(base: &Value, edits: &[&str]) -> Value {
    let mut value = base.clone();
    for edit in edits {
        let (number, text) = edit.split_once(' ').unwrap_or((edit, ""));
        let (Ok(number), mut places) = (number.parse::<usize>(), Vec::new()) else { continue };
        pointers(&value, "", &mut places);
        let place = places[number % places.len()].clone();
        if text.is_empty() {
            take_out(&mut value, &place);
        } else if let Some(spot) = value.pointer_mut(&place) {
            *spot = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        }
    }
    value
}

fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| pointers(item, &format!("{pointer}/{n}"), found));
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                pointers(field, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        _ => {}
    }
}

fn take_out(value: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    match value.pointer_mut(parent) {
        Some(Value::Object(fields)) => drop(fields.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => {
            if let Ok(number) = name.parse::<usize>() {
                items.remove(number);
            }
        }
        _ => {}
    }
}

fn json_of(reply: &Reply) -> Value {
    match &reply.body {
        Body::Json(bytes) => serde_json::from_slice(bytes).expect("JSON"),
        _ => Value::Null,
    }
}

/// A path leads to one row whose parameters lead there again, or the refusal says the truth.
pub fn router(data: &[u8]) {
    let Some(lines) = lines(data) else { return };
    let (method, path) = lines[0].split_once(' ').unwrap_or(("GET", lines[0]));
    let Ok(method) = Method::from_str(method) else { return };
    let (router, paths) = &*ROUTER;
    match router.find(&method, path) {
        Ok((index, held)) => {
            let mut again = String::new();
            for segment in paths[index].split('/').skip(1) {
                again.push('/');
                let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                match name.and_then(|name| held.iter().find(|(known, _)| *known == name)) {
                    Some((name, value)) => {
                        let raw = router.held(path, name).expect("held");
                        assert!(path.contains(raw) && !raw.contains('/'), "{raw:?} of {path:?}");
                        value.bytes().for_each(|byte| write!(again, "%{byte:02x}").expect("memory"));
                    }
                    None => again.push_str(segment),
                }
            }
            assert_eq!(router.find(&method, &again), Ok((index, held)), "{path:?} and {again:?}");
        }
        Err(RouteError::Method(allowed)) => {
            assert!(!allowed.is_empty() && !allowed.contains(&method), "{allowed:?}");
            for method in &allowed {
                assert!(router.find(method, path).is_ok(), "{method} {path:?}");
            }
        }
        Err(RouteError::NotFound) => {
            let near = router.nearest(&method, path);
            let known =
                |row: &String| paths.iter().any(|path| row.split_once(' ').is_some_and(|(_, row)| row == *path));
            assert!(near.len() <= 3 && near.iter().all(known), "{near:?}");
        }
    }
}

/// A query is answered by its schema or refused for something that was sent.
pub fn query(data: &[u8]) {
    let Some(lines) = lines(data) else { return };
    let Some(row) = ROWS.get(lines[0]).filter(|row| row.method == Method::GET) else { return };
    // What follows a # is no part of it.
    let query = lines.get(1).and_then(|line| line.split('#').next()).unwrap_or_default();
    let api = &APIS[row.api];
    api.door();
    let Some(reply) = api.ask(&row.method, &format!("{}?{query}", blank(&row.path)), b"") else { return };
    let body = json_of(&reply);
    assert!(reply.status < 500 || reply.status == 501, "{} {body:#}", reply.status);
    for violation in violations(&body).filter(|violation| violation["place"] == "query") {
        let name = violation["pointer"].as_str().expect("a pointer").split('/').nth(1).unwrap_or_default();
        let sent = form_names(query);
        let is_sent = sent.iter().any(|sent| sent.replace('~', "~0").replace('/', "~1") == name);
        assert!(name.is_empty() || is_sent || violation["rule"] == "required", "{violation} of {sent:?}");
    }
}

/// A path with something in the place of each parameter.
fn blank(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

fn violations(body: &Value) -> impl Iterator<Item = &Value> {
    body["leapday"]["violations"].as_array().into_iter().flatten()
}

fn form_names(query: &str) -> Vec<String> {
    form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

/// A body is taken, or refused with a pointer to what is wrong in it; a refusal changes nothing.
pub fn contract(data: &[u8]) {
    let Some(lines) = lines(data) else { return };
    let Some(row) = ROWS.get(lines[0]).filter(|row| row.method != Method::GET) else { return };
    let api = &APIS[row.api];
    let body = edited(&row.example, &lines[1..]);
    let door = api.door();
    let digest = |door: &dyn Door| door.about(now()).expect("written")["digest"].clone();
    let before = digest(&*door);
    let Some(reply) = api.ask(&row.method, &blank(&row.path), body.to_string().as_bytes()) else { return };
    let said = json_of(&reply);
    assert!(reply.status < 500 || reply.status == 501, "{} {said:#} to {body:#}", reply.status);
    for violation in violations(&said).filter(|violation| violation["place"] == "body") {
        let pointer = violation["pointer"].as_str().expect("a pointer");
        assert!(violation["message"].as_str().is_some_and(|message| !message.is_empty()), "{violation}");
        // What is missing is missing from something, at most: a rule may want what nobody has begun.
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        assert!(body.pointer(pointer).or_else(|| body.pointer(parent)).is_some(), "{violation} in {body:#}");
    }
    if (400..500).contains(&reply.status) && reply.status != 402 && !remembers(&*door) {
        assert_eq!(digest(&*door), before, "refused with {said:#}, and yet changed by {body:#}");
    }
}

/// Where answers are remembered by idempotency key a refusal leaves that trace.
fn remembers(door: &dyn Door) -> bool {
    door.provider() == "paylera"
}

/// A world that is read is written down the same, and one that is refused leaves the old one as it was.
pub fn world(data: &[u8]) {
    let Some(lines) = lines(data) else { return };
    let Some(api) = APIS.iter().find(|api| api.mount.name() == lines[0]) else { return };
    let world = edited(&api.world, &lines[1..]);
    if would_send(&world) {
        return;
    }
    let door = api.door();
    let written = |door: &dyn Door| door.export(now()).expect("written");
    let before = written(&*door);
    let kept = serde_json::json!({ "provider": lines[0], "world": world });
    if let Err(fault) = door.import(&kept, now()) {
        assert!(!fault.message.is_empty());
        assert_eq!(written(&*door), before, "refused, and yet changed");
    } else {
        let first = written(&*door);
        door.import(&first, now()).expect("what was exported is imported");
        assert_eq!(written(&*door), first);
    }
}

/// Whether a world has an endpoint that webhooks would go to.
fn would_send(world: &Value) -> bool {
    world["outbox"]["endpoints"]["rows"].as_array().is_some_and(|rows| !rows.is_empty())
}

/// A story that is read stands where it says, and reads the same from its own values; a problem has a place.
pub fn story(data: &[u8]) {
    let Some(text) = std::str::from_utf8(data).ok().filter(|text| text.len() <= LONGEST) else { return };
    let line_count = text.split(['\n', '\r']).count();
    match Story::read(text) {
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!((1..=line_count + 1).contains(&problem.place.line) && !problem.message.is_empty(), "{problem}");
            }
        }
        Ok(story) => {
            let letters = text.chars().count();
            for step in &story.steps {
                assert!(story.document.value.pointer(&step.pointer).is_some(), "{}", step.pointer);
                assert_eq!(story.document.place(&step.pointer), step.place);
                let range = story.document.range(&step.pointer).expect("a range");
                assert!(range.start <= range.end && range.end <= letters, "{range:?} of {letters}");
            }
            let printed = story.document.value.to_string();
            let again = Story::read(&printed).unwrap_or_else(|problems| panic!("{problems:?} in {printed}"));
            assert_eq!(again.document.value, story.document.value);
            assert_eq!(again.steps.len(), story.steps.len());
        }
    }
}

/// A cadence and instants print as they read, and a grid finds the window of any instant.
pub fn time(data: &[u8]) {
    let Some(lines) = lines(data) else { return };
    let cadence = Cadence::parse(lines[0]).ok();
    let instants = || lines.iter().skip(1).filter_map(|line| line.parse::<Timestamp>().ok());
    if let Some(cadence) = cadence {
        prints_as_it_reads(cadence, Cadence::parse);
        assert_eq!(cadence.words().is_empty(), cadence.is_zero());
    }
    for instant in instants() {
        prints_as_it_reads(instant, str::parse);
        assert_eq!(Timestamp::from_civil(instant.civil()), Some(instant));
    }
    let mut instants = instants();
    if let (Some(cadence), Some(anchor), Some(at)) = (cadence, instants.next(), instants.next()) {
        let grid = Grid { anchor, cadence };
        let index = grid.index_at(at);
        assert!(cadence.is_zero() || grid.boundary(index).is_none_or(|boundary| boundary <= at), "{grid:?} {at}");
        assert!(grid.boundary(index + 1).is_none_or(|boundary| boundary > at), "{grid:?} {at}");
    }
    if let Some(length) = lines.first().and_then(|text| duration(text)) {
        assert!(length >= std::time::Duration::ZERO);
    }
}

/// What stands in headers and flags prints as it reads.
pub fn words(data: &[u8]) {
    let Some(lines) = lines(data) else { return };
    for line in lines {
        if let Ok(injection) = line.parse::<Injection>() {
            prints_as_it_reads(injection, str::parse);
        }
        // Each one is kept for good: an option is read once.
        if line.len() < 100 {
            drop(line.parse::<Signature>());
        }
        drop(leapday::webhooks::check_url(line));
    }
}

fn prints_as_it_reads<T, E>(value: T, read: impl Fn(&str) -> Result<T, E>)
where
    T: PartialEq + Debug + ToString,
    E: Debug,
{
    let printed = value.to_string();
    assert_eq!(read(&printed).unwrap_or_else(|why| panic!("{printed} does not read: {why:?}")), value);
}

/// The operations that `query` and `contract` know.
pub fn operations() -> impl Iterator<Item = &'static str> {
    ROWS.keys().map(String::as_str)
}
