//! The desk where requests are admitted: route, coerce the query, parse and validate the body.
//!
//! Every API of the house, the control API too, has one; what comes after (whose world, which
//! transaction) is the mount's business.

use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::Value;

use super::described::{Described, Traits};
use super::{Body, Call, Exchange, Fault, Kind, Noun, Operation, OperationInfo, Params, Reply, RouteError, Router};
use crate::contract::{Contract, Registry, Route as Path, Row, Source, Violation, header_line};

/// Deeper nesting than any contract has; the parser would go on to 128.
const MAX_DEPTH: usize = 32;

/// A table of operations with their contracts and routes.
pub struct Desk<A> {
    registry: Registry,
    rows: Vec<Bound<A>>,
    router: Router,
    depth: usize,
}

struct Bound<A> {
    noun: &'static str,
    operation: Operation<A>,
    contract: Contract,
}

/// A row that a request means, before the request is looked at.
pub struct Route<'d, 'r, A> {
    pub id: &'static str,
    pub action: &'d A,
    pub contract: &'d Contract,
    path: Params<'r>,
    depth: usize,
}

impl<'r, A> Route<'_, 'r, A> {
    /// Validates the path, coerces the query, parses and validates the body. Beside the call stand hints: what was
    /// accepted but is probably a mistake (misspelt optional fields).
    ///
    /// # Errors
    /// The first kind of thing that is wrong, with all violations of that kind.
    pub fn admit(self, exchange: &Exchange<'r>) -> Result<(Call<'r>, Vec<Violation>), Fault> {
        let head = exchange.head;
        let segment = |name: &str| self.path.iter().find(|(key, _)| *key == name).map(|(_, text)| text.as_ref());
        self.contract.path(segment).map_err(Fault::violations)?;
        let (query, mut hints) = self.contract.query(head.uri.query().unwrap_or("")).map_err(Fault::violations)?;
        let headers = &head.headers;
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        self.contract.headers(header).map_err(Fault::violations)?;
        let body = body(exchange, self.contract, self.depth, &mut hints)?;
        let call = Call {
            path: self.path,
            query,
            body,
            idempotency_key: header("idempotency-key"),
            role: None,
            wall: exchange.wall,
            site: exchange.site,
        };
        Ok((call, hints))
    }
}

impl<A> Desk<A> {
    /// Binds rows to contracts.
    ///
    /// # Errors
    /// If two rows would answer the same request.
    pub fn new(registry: Registry, nouns: Vec<Noun<A>>) -> Result<Self, String> {
        let mut router = Router::default();
        let mut rows: Vec<Bound<A>> = Vec::new();
        for noun in nouns {
            for operation in noun.operations {
                router.add(&operation.method, operation.path, rows.len()).map_err(|conflict| conflict.to_string())?;
                let contract = registry.contract(noun.name, operation.id);
                rows.push(Bound { noun: noun.name, operation, contract });
            }
        }
        Ok(Self { registry, rows, router, depth: MAX_DEPTH })
    }

    /// The same for bodies that may nest deeper.
    #[must_use]
    pub fn with_depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }

    /// The row that a request means.
    ///
    /// # Errors
    /// Not found or not allowed, with the nearest rows.
    pub fn route<'r>(&self, exchange: &Exchange<'r>) -> Result<Route<'_, 'r, A>, Fault> {
        let found = self.router.find(&exchange.head.method, exchange.path);
        let (index, path) = found.map_err(|error| self.no_route(exchange, &error))?;
        let Bound { operation, contract, .. } = &self.rows[index];
        Ok(Route { id: operation.id, action: &operation.action, contract, path, depth: self.depth })
    }

    /// A row by its id, for callers that know the operation already (fixtures).
    #[must_use]
    pub fn operation(&self, id: &str) -> Option<(&A, &Contract)> {
        self.rows.iter().find(|row| row.operation.id == id).map(|row| (&row.operation.action, &row.contract))
    }

    /// The table, for `leapday operations`.
    pub fn operations(&self, built: impl Fn(&A) -> bool) -> Vec<OperationInfo> {
        let info = |row: &Bound<A>| OperationInfo {
            id: row.operation.id,
            noun: row.noun,
            method: row.operation.method.to_string(),
            path: row.operation.path,
            built: built(&row.operation.action),
        };
        self.rows.iter().map(info).collect()
    }

    /// Where the contract of a row comes from.
    #[must_use]
    pub fn source(&self, noun: &str, operation: &str) -> Option<Source> {
        self.registry.source(noun, operation)
    }

    /// The API as an `OpenAPI` document.
    pub fn openapi(&self, described: &Described<'_, A>) -> Value {
        let routes = self.rows.iter().map(|Bound { noun, operation, contract }| {
            let Operation { id, method, path, action } = operation;
            let built = (described.built)(action);
            let (writes, takes_body) = (*method != Method::GET, contract.takes_body().is_some());
            let traits = Traits { built, writes, takes_body, keyed: !described.open.contains(noun) };
            let headers = (described.brings)(method).into_iter().collect();
            let refusals = traits.refusals(described.refuse);
            let (example, keyless) = ((described.example)(id), (described.keyless)(id));
            Path { noun, operation: id, method: method.as_str(), path, built, keyless, example, headers, refusals }
        });
        let routes: Vec<Path<'_>> = routes.collect();
        self.registry.openapi(&described.front, &routes)
    }

    /// Everything that is wrong between rows and contracts.
    #[must_use]
    pub fn check(&self) -> Vec<String> {
        let rows: Vec<Row> = self.rows.iter().map(|row| Row { noun: row.noun, operation: row.operation.id }).collect();
        self.registry.check(&rows)
    }

    fn no_route(&self, exchange: &Exchange<'_>, error: &RouteError) -> Fault {
        let method = &exchange.head.method;
        match error {
            RouteError::NotFound => {
                let fault = Fault::new(Kind::NotFound, format!("There is no {method} {}", exchange.path));
                let nearest = self.router.nearest(method, exchange.path);
                let advice = if nearest.is_empty() {
                    "is not a path of this API; `leapday operations` lists them".to_owned()
                } else {
                    format!("is not a path of this API; nearest: {}", nearest.join(", "))
                };
                fault.with_violation(Violation::path("", "route", advice))
            }
            RouteError::Method(allowed) => {
                let allowed: Vec<&str> = allowed.iter().map(Method::as_str).collect();
                let allowed = allowed.join(", ");
                Fault::new(Kind::MethodNotAllowed, format!("{} takes {allowed}, not {method}", exchange.path))
                    .with_violation(Violation::path("", "method", format!("this path takes {allowed}")))
            }
        }
    }
}

/// The body as JSON that has passed its schema, or `Null` where none is taken.
fn body(
    exchange: &Exchange<'_>,
    contract: &Contract,
    depth: usize,
    hints: &mut Vec<Violation>,
) -> Result<Value, Fault> {
    if contract.takes_body().is_none() {
        return Ok(Value::Null);
    }
    let bytes = exchange.body;
    if bytes.is_empty() {
        let mut value = Value::Null;
        contract.request(&mut value).map_err(Fault::violations)?;
        return Ok(value);
    }
    if let Some(coding) = exchange.head.headers.get(CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        let message = format!("The body is sent as {coding:?}; this API reads it as it is, without content-encoding");
        return Err(Fault::new(Kind::UnsupportedMediaType, message));
    }
    if let Some(kind) = exchange.head.headers.get(CONTENT_TYPE) {
        let kind = kind.to_str().unwrap_or("?");
        if !is_json(kind) {
            let message = format!(
                "The body is sent as {kind:?}; this API reads JSON: add the header content-type: application/json"
            );
            return Err(Fault::new(Kind::UnsupportedMediaType, message));
        }
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| {
        Fault::bad_request("The body is not valid JSON").with_violation(Violation::body("", "json", error.to_string()))
    })?;
    if is_deeper(&value, depth) {
        let message = format!("nests deeper than {depth} levels");
        return Err(Fault::bad_request("The body nests too deep").with_violation(Violation::body("", "depth", message)));
    }
    hints.extend(contract.request(&mut value).map_err(Fault::violations)?);
    Ok(value)
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or("").trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(fields) => levels == 0 || fields.values().any(|field| is_deeper(field, levels - 1)),
        _ => false,
    }
}

/// The most that a header which teaches may hold.
const HEADER_BYTES: usize = 2_000;

/// Where `--explain` puts violations in the body of an error.
pub const TEACHING_FIELD: &str = "leapday";

/// The line of the `leapday-violation` header.
#[must_use]
pub fn teaching_line(violations: &[Violation]) -> String {
    header_line(violations, HEADER_BYTES)
}

/// A reply with the hints on what was accepted.
#[must_use]
pub fn warn(reply: Reply, hints: &[Violation]) -> Reply {
    if hints.is_empty() { reply } else { reply.with_header("leapday-warning", teaching_line(hints)) }
}

/// `--strict`: an answer that breaks its own schema is a bug, and says so instead of passing for true.
pub fn check_answer(contract: &Contract, reply: Reply, refuse: impl FnOnce(Fault) -> Reply) -> Reply {
    let mut answer: Value = match &reply.body {
        Body::Json(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
        Body::Empty | Body::Other(..) => Value::Null,
    };
    if reply.status >= 400
        && let Value::Object(fields) = &mut answer
    {
        // What teaches (`--explain`) is no part of the vendor's shape.
        fields.remove(TEACHING_FIELD);
    }
    match contract.response(reply.status, &answer) {
        Ok(()) => reply,
        Err(violations) => {
            let message = format!("An answer {} breaks its own schema (--strict)", reply.status);
            refuse(Fault { violations, ..Fault::internal(message) })
        }
    }
}
