//! One HTTP/1.1 connection, byte by byte: for requests that a well-behaved client cannot send, and for many at once.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Wire {
    authority: String,
    stream: BufReader<TcpStream>,
    /// Requests that wait to be sent together.
    queued: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
pub struct Plain {
    pub status: u16,
    pub head: String,
    pub bytes: Vec<u8>,
    pub body: Value,
}

impl Wire {
    pub fn open(base: &str) -> Self {
        let authority = base.strip_prefix("http://").expect("an http:// URL").to_owned();
        let stream = connect(&authority);
        Self { authority, stream, queued: Vec::new() }
    }

    /// Queues a request; answers come in the order of requests.
    pub fn write(&mut self, method: &str, target: &str, key: Option<&str>, body: Option<&[u8]>) {
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: {}\r\n", self.authority);
        if let Some(key) = key {
            let _ = write!(head, "authorization: Bearer {key}\r\n");
        }
        if let Some(body) = body {
            let _ = write!(head, "content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        self.queued.extend_from_slice(head.as_bytes());
        self.queued.extend_from_slice(body.unwrap_or_default());
    }

    /// Sends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("a line");
        line
    }

    /// The next answer. A connection that the server closes behind it is opened anew.
    pub fn read(&mut self) -> Plain {
        let queued = std::mem::take(&mut self.queued);
        self.raw(&queued);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let before = head.len();
            self.stream.read_line(&mut head).expect("a line of the head");
            assert!(head.len() > before, "the server closed the connection without an answer: {head:?}");
        }
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
        };
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        let length = header("content-length").map_or(0, |length| length.parse().expect("a length"));
        let closed = header("connection") == Some("close");
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).expect("the whole body");
        if closed {
            self.stream = connect(&self.authority);
        }
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Plain { status, head, bytes, body }
    }

    pub fn send(&mut self, method: &str, target: &str, key: Option<&str>, body: Option<&[u8]>) -> Plain {
        self.write(method, target, key, body);
        self.read()
    }

    /// Whether the server closes the connection before patience runs out.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}

fn connect(authority: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(authority).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream.set_nodelay(true).expect("no delay");
    BufReader::with_capacity(1 << 16, stream)
}
