//! A proxy for clients that cannot be pointed elsewhere: `CONNECT` to a vendor's host ends here.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Shell;
use super::line::{Cord, Payload};

/// Answers a `CONNECT`: with TLS of our own for a vendor's host, with a tunnel for others where the user allows it.
pub(super) fn connect(shell: &Arc<Shell>, request: Request<Incoming>, cord: Cord) -> Response<Payload> {
    let Some(target) = request.uri().authority().cloned() else {
        return refuse("CONNECT wants host:port, such as api.example.com:443");
    };
    let is_ours = shell.front.is_vendor(target.host());
    if !is_ours && !shell.front.proxy_others {
        let host: String = target.host().chars().take(255).collect();
        return refuse(&format!(
            "{host} is no host of a vendor that this sandbox emulates, and nothing else leaves the machine; \
             --proxy-others lets it through, NO_PROXY={host} goes around"
        ));
    }
    if is_ours && let Err(why) = shell.front.tls.prepare() {
        return refuse(&why);
    }
    let shell = Arc::clone(shell);
    tokio::spawn(async move {
        let upgraded = match hyper::upgrade::on(request).await {
            Ok(upgraded) => TokioIo::new(upgraded),
            Err(error) => return tracing::debug!(%error, "tunnel ended early"),
        };
        if is_ours {
            return shell.secure(upgraded, cord).await;
        }
        let (mut here, address) = (upgraded, (target.host(), target.port_u16().unwrap_or(443)));
        let ended = match TcpStream::connect(address).await {
            Ok(mut there) => tokio::io::copy_bidirectional(&mut here, &mut there).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::info!(%error, target = %target, "tunnel failed");
        }
    });
    Response::new(Payload::from(Bytes::new()))
}

fn refuse(why: &str) -> Response<Payload> {
    let mut response = Response::new(Payload::from(Bytes::from(format!("leapday: {why}\n"))));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
