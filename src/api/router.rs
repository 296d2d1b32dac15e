//! From method and path to a row: literals beat parameters, conflicts are start-up errors.

use std::borrow::Cow;
use std::fmt;

use http::Method;
use percent_encoding::percent_decode_str;

use super::Params;

/// Longer paths are compared with none: no row is nearly as long, and comparing takes time by the square.
const COMPARED_MOST: usize = 200;

/// A tree of path segments. Vendors have `/plans/available` beside `/plans/{id}`, so both may follow
/// one segment; the literal is tried first and the search steps back if it leads nowhere.
#[derive(Default)]
pub struct Router {
    root: Node,
    paths: Vec<(Method, &'static str)>,
}

#[derive(Default)]
struct Node {
    /// Few enough that a walk beats hashing.
    literals: Vec<(&'static str, Node)>,
    parameter: Option<Box<Node>>,
    rows: Vec<Row>,
}

struct Row {
    method: Method,
    index: usize,
    names: Vec<&'static str>,
}

impl Node {
    /// The node behind a literal segment, made if it is the first of its name.
    fn literal(&mut self, segment: &'static str) -> &mut Self {
        let place = self.literals.iter().position(|(name, _)| *name == segment).unwrap_or_else(|| {
            self.literals.push((segment, Self::default()));
            self.literals.len() - 1
        });
        &mut self.literals[place].1
    }
}

/// Why a path leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub enum RouteError {
    /// No such path.
    NotFound,
    /// The path exists for these methods only.
    Method(Vec<Method>),
}

/// Two rows that would answer the same request.
#[derive(Debug, PartialEq, Eq)]
pub struct Conflict(String);

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "two rows for {}", self.0)
    }
}

impl Router {
    /// Adds row `index`.
    ///
    /// # Errors
    /// If another row answers the same method and path.
    pub fn add(&mut self, method: &Method, path: &'static str, index: usize) -> Result<(), Conflict> {
        let mut node = &mut self.root;
        let mut names = Vec::new();
        for segment in segments(path) {
            node = match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => {
                    names.push(name);
                    node.parameter.get_or_insert_default()
                }
                None => node.literal(segment),
            };
        }
        if node.rows.iter().any(|row| row.method == *method) {
            return Err(Conflict(format!("{method} {path}")));
        }
        node.rows.push(Row { method: method.clone(), index, names });
        self.paths.push((method.clone(), path));
        Ok(())
    }

    /// The row for a request, and what its parameters hold.
    ///
    /// # Errors
    /// If the path is unknown or known for other methods only.
    pub fn find<'r>(&self, method: &Method, path: &'r str) -> Result<(usize, Params<'r>), RouteError> {
        let mut held = Vec::new();
        let mut allowed = Vec::new();
        match search(&self.root, path, method, &mut held, &mut allowed) {
            Some(row) => Ok((row.index, row.names.iter().copied().zip(held.into_iter().map(decode)).collect())),
            None if allowed.is_empty() => Err(RouteError::NotFound),
            None => Err(RouteError::Method(allowed)),
        }
    }

    /// What a parameter holds in a path, as it stands there, whatever the method.
    #[must_use]
    pub fn held<'r>(&self, path: &'r str, name: &str) -> Option<&'r str> {
        let mut methods = Vec::new();
        // No row has this one, so all that others would be told of are found.
        search(&self.root, path, &Method::CONNECT, &mut Vec::new(), &mut methods);
        methods.iter().find_map(|method| {
            let mut held = Vec::new();
            let row = search(&self.root, path, method, &mut held, &mut Vec::new())?;
            let place = row.names.iter().position(|known| *known == name)?;
            held.get(place).copied()
        })
    }

    /// The rows whose paths look most like this one, nearest first.
    #[must_use]
    pub fn nearest(&self, method: &Method, path: &str) -> Vec<String> {
        if path.len() > COMPARED_MOST {
            return Vec::new();
        }
        let asked = format!("{method} {path}");
        let mut scored: Vec<(f64, String)> = self
            .paths
            .iter()
            .map(|(method, path)| format!("{method} {path}"))
            .map(|row| (strsim::normalized_damerau_levenshtein(&asked, &row), row))
            .filter(|(score, _)| *score > 0.4)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        scored.into_iter().take(3).map(|(_, row)| row).collect()
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The first segment of a path and what follows it.
fn step(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let end = path.bytes().position(|byte| byte == b'/').unwrap_or(path.len());
    (end > 0).then(|| path.split_at(end))
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

fn search<'n, 'p>(
    node: &'n Node,
    path: &'p str,
    method: &Method,
    held: &mut Vec<&'p str>,
    allowed: &mut Vec<Method>,
) -> Option<&'n Row> {
    let Some((first, rest)) = step(path) else {
        let row = node.rows.iter().find(|row| row.method == *method);
        if row.is_none() {
            allowed.extend(node.rows.iter().map(|row| row.method.clone()));
        }
        return row;
    };
    let literal = node.literals.iter().find(|(name, _)| *name == first);
    if let Some(row) = literal.and_then(|(_, next)| search(next, rest, method, held, allowed)) {
        return Some(row);
    }
    let next = node.parameter.as_deref()?;
    held.push(first);
    let row = search(next, rest, method, held, allowed);
    if row.is_none() {
        held.pop();
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router() -> Router {
        let mut router = Router::default();
        let rows = [
            (Method::GET, "/v0/plans/{id}"),
            (Method::GET, "/v0/plans/available"),
            (Method::PATCH, "/v0/plans/{id}"),
            (Method::GET, "/v0/plans/{id}/versions/{versionNumber}"),
        ];
        for (index, (method, path)) in rows.iter().enumerate() {
            router.add(method, path, index).expect("no conflict");
        }
        router
    }

    #[test]
    fn literals_beat_parameters_and_the_search_steps_back() {
        let router = router();
        assert_eq!(router.find(&Method::GET, "/v0/plans/available"), Ok((1, vec![])));
        assert_eq!(router.find(&Method::GET, "/v0/plans/a%20b"), Ok((0, vec![("id", "a b".into())])));
        let held = vec![("id", "available".into())];
        assert_eq!(router.find(&Method::PATCH, "/v0/plans/available"), Ok((2, held)));
        let held = vec![("id", "available".into()), ("versionNumber", "2".into())];
        assert_eq!(router.find(&Method::GET, "/v0/plans/available/versions/2/"), Ok((3, held)));
    }

    #[test]
    fn unknown_paths_and_methods_are_told_apart_and_near_ones_named() {
        let router = router();
        assert_eq!(router.find(&Method::GET, "/v0/plan/1"), Err(RouteError::NotFound));
        assert_eq!(
            router.find(&Method::DELETE, "/v0/plans/1"),
            Err(RouteError::Method(vec![Method::GET, Method::PATCH]))
        );
        assert_eq!(router.nearest(&Method::GET, "/v0/plan/availabel")[0], "GET /v0/plans/available");
        assert!(router.nearest(&Method::GET, &"/v0/plans".repeat(7_000)).is_empty(), "that would take a second");
    }

    #[test]
    fn what_a_path_holds_is_found_whatever_the_method() {
        let router = router();
        assert_eq!(router.held("/v0/plans/a%20b/versions/2", "id"), Some("a%20b"));
        assert_eq!(router.held("/v0/plans/available", "id"), Some("available"), "a PATCH has no such literal");
        assert_eq!(router.held("/v0/plans/a", "token"), None);
        assert_eq!(router.held("/v0/plan/a", "id"), None);
    }

    #[test]
    fn two_rows_for_one_request_are_refused_at_start() {
        let mut router = router();
        assert!(router.add(&Method::GET, "/v0/plans/{planId}", 9).is_err());
    }
}
