//! One POST to a receiver: bounded in time and in what is read of the answer, and never redirected.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};

use crate::world::Answer;

/// How much of an answer's body is kept for the log.
const BODY_KEPT: usize = 4 * 1024;
/// How much is read before the connection is given up: a small rest is read so that it can be used again.
const BODY_READ: usize = 64 * 1024;
/// How many idle connections are kept for each receiver.
const IDLE_CONNECTIONS: usize = 32;

/// Whether webhooks can be sent to a URL.
///
/// # Errors
/// What would be right.
pub fn check_url(url: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{url:?} {why}; a receiver is such as http://127.0.0.1:3000/webhooks"));
    match url.parse::<http::Uri>() {
        Ok(uri) if uri.host().is_none_or(str::is_empty) => wrong("names no host"),
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) => Ok(()),
        Ok(_) => wrong("begins with neither http:// nor https://"),
        Err(_) => wrong("is no URL"),
    }
}

/// Connections to receivers, used again.
type Pool<C> = Http<C, Full<Bytes>>;

/// Sends webhooks.
#[derive(Clone)]
pub(super) struct Client {
    plain: Pool<HttpConnector>,
    /// Made for the first receiver that wants it: reading the machine's certificates takes longer than a start.
    tls: Arc<OnceLock<Option<Pool<HttpsConnector<HttpConnector>>>>>,
}

impl Client {
    pub(super) fn new() -> Self {
        Self { plain: pooled(tcp()), tls: Arc::new(OnceLock::new()) }
    }

    /// How a receiver answers, within so much time.
    pub(super) async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, Box<str>)],
        body: Bytes,
        timeout: Duration,
    ) -> Answer {
        let mut request = Request::post(url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(USER_AGENT, HeaderValue::from_static(concat!("leapday/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in headers {
            request = request.header(*name, &**value);
        }
        let request = match request.body(Full::new(body)) {
            Ok(request) => request,
            Err(error) => return broken(&error),
        };
        tokio::time::timeout(timeout, self.exchange(request)).await.unwrap_or(Answer::Silent)
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = if request.uri().scheme_str() == Some("https") {
            let Some(tls) = self.tls.get_or_init(|| tls().map(pooled)) else {
                return Answer::Broken("TLS is not to be had".into());
            };
            tls.request(request).await
        } else {
            self.plain.request(request).await
        };
        match response {
            Ok(response) => {
                let status = response.status().as_u16();
                Answer::Status(status, beginning(response.into_body()).await)
            }
            Err(error) => broken(&error),
        }
    }
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.enforce_http(false);
    connector
}

fn pooled<C: Connect + Clone>(connector: C) -> Pool<C> {
    Http::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .build(connector)
}

/// TLS that trusts the public authorities and whatever this machine trusts (`SSL_CERT_FILE` names more).
fn tls() -> Option<HttpsConnector<HttpConnector>> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let (_, unread) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if unread > 0 {
        tracing::warn!(unread, "certificates of this machine that cannot be read");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Some(HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().wrap_connector(tcp()))
}

/// The beginning of a body as text. What breaks off is as long as it is: the status has been given.
async fn beginning(mut body: Incoming) -> Box<str> {
    let (mut kept, mut read) = (Vec::new(), 0);
    while let Some(Ok(frame)) = body.frame().await {
        let Some(data) = frame.data_ref() else { continue };
        read += data.len();
        kept.extend_from_slice(&data[..data.len().min(BODY_KEPT - kept.len())]);
        if read > BODY_READ {
            break;
        }
    }
    String::from_utf8_lossy(&kept).into()
}

fn broken(error: &dyn std::error::Error) -> Answer {
    Answer::Broken(causes(error).into())
}

/// What went wrong, down to its first cause.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
