//! A small HTTP client for commands that talk to a running sandbox.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Failure, failed, misused};

/// Sends one request to a running sandbox and reads the JSON of its answer.
///
/// # Errors
/// If nobody answers, or not in JSON.
pub(super) async fn call(
    base_url: &str,
    method: &str,
    path: &str,
    credentials: &[(&str, String)],
    body: Option<&Value>,
) -> Result<(u16, Value), Failure> {
    let authority =
        base_url.strip_prefix("http://").ok_or_else(|| misused(format!("{base_url} is not an http:// URL")))?;
    let authority = authority.trim_end_matches('/');
    let unreachable = |error: &dyn std::fmt::Display| failed(format!("no sandbox answers at {base_url}: {error}"));
    let stream = TcpStream::connect(authority).await.map_err(|error| unreachable(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", authority);
    for (name, value) in credentials {
        request = request.header(*name, value);
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let bytes = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    let request = request.body(Full::new(bytes)).map_err(|error| misused(error.to_string()))?;
    let answer = sender.send_request(request).await.map_err(|error| unreachable(&error))?;
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.map_err(|error| unreachable(&error))?.to_bytes();
    connection.abort();
    if bytes.is_empty() {
        return Ok((status, Value::Null));
    }
    let body =
        serde_json::from_slice(&bytes).map_err(|error| failed(format!("{base_url} does not speak JSON: {error}")))?;
    Ok((status, body))
}

/// Runs one conversation on a small runtime.
///
/// # Errors
/// What the conversation ends with.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| failed(format!("no runtime: {error}")))?.block_on(work)
}

/// Where a command finds its sandbox.
#[derive(clap::Args)]
pub(super) struct At {
    /// URL of the running sandbox
    #[arg(long, env = "LEAPDAY_URL", value_name = "URL", global = true)]
    url: Option<String>,
    /// Port of a sandbox on this machine [default: 4010, or PORT]
    #[arg(short, long, env = "LEAPDAY_PORT", global = true)]
    port: Option<u16>,
}

impl At {
    /// # Errors
    /// `PORT` is no port.
    pub(super) fn base_url(&self) -> Result<String, Failure> {
        match (&self.url, self.port) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(port)) => Ok(format!("http://127.0.0.1:{port}")),
            (None, None) => Ok(format!("http://127.0.0.1:{}", super::serve::default_port()?)),
        }
    }
}
