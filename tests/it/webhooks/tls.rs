//! Receivers behind TLS: trusted if the machine says so, else tried in vain and told why.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::process::Server;
use crate::support::text;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_receiver_behind_tls_is_trusted_if_the_machine_trusts_it() {
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (url, bodies) = receive(&issued);
    let certificate = std::env::temp_dir().join(format!("leapday-{}.pem", std::process::id()));
    std::fs::write(&certificate, issued.cert.pem()).unwrap();
    let trusting = Server::start_with(&["--port", "0"], &[("SSL_CERT_FILE", certificate.to_str().unwrap())]);
    let api = trusting.api();
    api.create("/_leapday/webhook-endpoints", &json!({ "url": url }));
    api.customer("jo@example.com");
    assert!(bodies.recv_timeout(PATIENCE).unwrap().contains("customer.created.v0"));
    std::fs::remove_file(certificate).unwrap();

    let doubting = Server::start_with(&["--port", "0"], &[]);
    let api = doubting.api();
    api.freeze("2028-01-31T00:00:00Z");
    api.create("/_leapday/webhook-endpoints", &json!({ "url": url }));
    api.customer("jo@example.com");
    api.post("/_leapday/clock/advance", &json!({ "by": "PT1S" })).expect(200);
    let log = api.get("/_leapday/deliveries");
    let error = text(&log["deliveries"][0]["attempts"][0], "error");
    assert!(error.contains("certificate"), "{error}");
}

/// Answers 200 to every request over TLS and passes its body on.
fn receive(issued: &rcgen::CertifiedKey<rcgen::KeyPair>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/hook", listener.local_addr().unwrap().port());
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let (sender, bodies) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            // Who does not trust the certificate hangs up in the middle of the handshake.
            if let Ok(body) = read(&mut reader) {
                let _ = reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                let _ = sender.send(body);
            }
        }
    });
    (url, bodies)
}

fn read(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim_end().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}
