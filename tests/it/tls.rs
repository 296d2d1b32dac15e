//! Clients that cannot be pointed elsewhere: TLS under a vendor's host name, by a port and through a proxy.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use leapday::blocking::Sandbox;
use leapday::server::Authority;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const HOST: &str = "api.test.paymennt.com";
const REQUEST: &str = "GET /mer/v2.0/branches HTTP/1.1\r\nhost: api.test.paymennt.com\r\nx-paymennt-api-key: k\r\n\
                       x-paymennt-api-secret: s\r\nconnection: close\r\n\r\n";

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("leapday-ca-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sandbox(folder: &Path, proxy_others: bool) -> Sandbox {
    let options = |options: &mut leapday::sandbox::Options| {
        options.tls_port = Some(0);
        options.ca_dir = Some(folder.to_owned());
        options.proxy_others = proxy_others;
    };
    Sandbox::builder().strict(true).options(options).start().unwrap()
}

fn plain(sandbox: &Sandbox) -> TcpStream {
    TcpStream::connect(sandbox.base_url().trim_start_matches("http://")).unwrap()
}

/// Speaks TLS as somebody who trusts the authority of a folder.
fn secure(folder: &Path, stream: TcpStream, alpn: &str) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    if let Ok(certificate) = CertificateDer::from_pem_file(folder.join("ca.pem")) {
        roots.add(certificate).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(HOST).unwrap()).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

fn ask(mut stream: impl Read + Write) -> String {
    stream.write_all(REQUEST.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // Some close without a word of TLS: what came before counts.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

/// What a proxy says to a `CONNECT`.
fn connect(stream: &mut TcpStream, target: &str) -> String {
    write!(stream, "CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n").unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn a_port_answers_for_the_vendors_host_in_both_versions_of_http() {
    let folder = Folder::new();
    let sandbox = sandbox(&folder.0, false);
    let tls = || TcpStream::connect(("127.0.0.1", sandbox.tls_port().unwrap())).unwrap();
    let answer = ask(secure(&folder.0, tls(), "http/1.1").unwrap());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Test store"), "{answer}");
    let second = secure(&folder.0, tls(), "h2").unwrap();
    assert_eq!(second.conn.alpn_protocol(), Some(&b"h2"[..]));
    let stranger = secure(Path::new("/nowhere"), tls(), "http/1.1");
    assert!(stranger.is_err_and(|error| error.to_string().contains("UnknownIssuer")));
    // A client that says nothing keeps nobody waiting.
    let _silent = tls();
    assert!(ask(secure(&folder.0, tls(), "http/1.1").unwrap()).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_proxy_ends_at_the_vendors_host_and_refuses_others() {
    let folder = Folder::new();
    let sandbox = sandbox(&folder.0, false);
    let mut tunnel = plain(&sandbox);
    assert!(connect(&mut tunnel, "api.test.paymennt.com:443").starts_with("HTTP/1.1 200"));
    let answer = ask(secure(&folder.0, tunnel, "http/1.1").unwrap());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Test store"), "{answer}");
    let mut refused = plain(&sandbox);
    assert!(connect(&mut refused, "example.com:443").starts_with("HTTP/1.1 403"));
    let mut why = [0; 300];
    let length = refused.read(&mut why).unwrap();
    let why = String::from_utf8_lossy(&why[..length]).into_owned();
    assert!(why.contains("example.com") && why.contains("--proxy-others"), "{why}");
}

#[test]
fn a_proxy_lets_others_through_where_the_user_wants_that() {
    let folder = Folder::new();
    let sandbox = sandbox(&folder.0, true);
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = elsewhere.local_addr().unwrap().to_string();
    let other = std::thread::spawn(move || {
        let (mut stream, _) = elsewhere.accept().unwrap();
        let mut said = [0; 5];
        stream.read_exact(&mut said).unwrap();
        stream.write_all(&said).unwrap();
    });
    let mut tunnel = plain(&sandbox);
    assert!(connect(&mut tunnel, &target).starts_with("HTTP/1.1 200"));
    tunnel.write_all(b"hello").unwrap();
    let mut echo = [0; 5];
    tunnel.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"hello");
    other.join().unwrap();
}

#[test]
fn the_authority_keeps_its_key_to_itself_and_is_used_again() {
    let folder = Folder::new();
    drop(sandbox(&folder.0, false));
    let mode = |name: &str| std::fs::metadata(folder.0.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("ca.key")), (0o700, 0o600));
    let key = std::fs::read(folder.0.join("ca.key")).unwrap();
    let certificate = std::fs::read(folder.0.join("ca.pem")).unwrap();
    let again = sandbox(&folder.0, false);
    assert_eq!(std::fs::read(folder.0.join("ca.key")).unwrap(), key);
    assert_eq!(std::fs::read(folder.0.join("ca.pem")).unwrap(), certificate);
    // Another certificate of the same key is as good.
    drop(again);
    std::fs::remove_file(folder.0.join("ca.pem")).unwrap();
    let again = sandbox(&folder.0, false);
    let copy = Folder::new();
    std::fs::create_dir(&copy.0).unwrap();
    std::fs::write(copy.0.join("ca.pem"), certificate).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", again.tls_port().unwrap())).unwrap();
    assert!(ask(secure(&copy.0, stream, "http/1.1").unwrap()).starts_with("HTTP/1.1 200"));
    drop(again);
    std::fs::write(folder.0.join("ca.key"), "no key").unwrap();
    let options = |options: &mut leapday::sandbox::Options| {
        options.tls_port = Some(0);
        options.ca_dir = Some(folder.0.clone());
    };
    let said = Sandbox::builder().options(options).start().expect_err("a broken key").0;
    assert!(said.contains("ca.key") && said.contains("remove it") && !said.contains('\n'), "{said}");
}

#[test]
fn ones_own_certificate_is_taken() {
    let folder = Folder::new();
    std::fs::create_dir(&folder.0).unwrap();
    let issued = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let (chain, key) = (folder.0.join("ca.pem"), folder.0.join("own.key"));
    std::fs::write(&chain, issued.cert.pem()).unwrap();
    std::fs::write(&key, issued.signing_key.serialize_pem()).unwrap();
    let start = |key: PathBuf| {
        let options = |options: &mut leapday::sandbox::Options| {
            options.tls_port = Some(0);
            options.own_certificate = Some((chain.clone(), key));
        };
        Sandbox::builder().options(options).start()
    };
    let sandbox = start(key).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", sandbox.tls_port().unwrap())).unwrap();
    assert!(ask(secure(&folder.0, stream, "http/1.1").unwrap()).starts_with("HTTP/1.1 200"));
    let said = start(folder.0.join("missing.key")).expect_err("no key").0;
    assert!(said.contains("missing.key"), "{said}");
}

#[test]
fn those_who_start_at_once_have_one_authority() {
    const STARTS: usize = 8;
    for _ in 0..10 {
        let folder = Folder::new();
        let start = Barrier::new(STARTS);
        std::thread::scope(|scope| {
            for _ in 0..STARTS {
                scope.spawn(|| {
                    start.wait();
                    Authority::open(&folder.0).map(drop).unwrap();
                });
            }
        });
        // Its certificate is of its key.
        let sandbox = sandbox(&folder.0, false);
        let stream = TcpStream::connect(("127.0.0.1", sandbox.tls_port().unwrap())).unwrap();
        assert!(ask(secure(&folder.0, stream, "http/1.1").unwrap()).starts_with("HTTP/1.1 200"));
    }
}
