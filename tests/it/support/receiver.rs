//! A webhook receiver that answers as it is told, and remembers what it got.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the receiver does with one request.
#[derive(Clone)]
pub enum Reaction {
    Status(u16),
    /// Closes the connection without a word.
    Close,
    /// Reads the request and never answers.
    Hang,
    /// Answers 200 with a body.
    Say(String),
    /// Answers 200 with a body of so many bytes.
    Flood(u64),
    /// Sends the receiver's client elsewhere.
    Redirect(String),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub bytes: Vec<u8>,
    pub body: Value,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map_or_else(|| panic!("no {name} in {:?}", self.headers), |(_, value)| value)
    }

    pub fn event_type(&self) -> &str {
        self.body["eventType"].as_str().expect("an event type")
    }
}

#[derive(Default)]
struct Inbox {
    received: Mutex<Vec<Received>>,
    more: Condvar,
}

/// Listens on a free port until the process ends.
pub struct Receiver {
    pub url: String,
    inbox: Arc<Inbox>,
}

impl Receiver {
    /// One that answers 200 to everything.
    pub fn new() -> Self {
        Self::answering(|_, _| Reaction::Status(200))
    }

    /// One that reacts to the n-th request (from 0) as `react` says.
    pub fn answering(react: impl Fn(usize, &Received) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let inbox = Arc::new(Inbox::default());
        let (react, kept) = (Arc::new(react), Arc::clone(&inbox));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (react, inbox) = (Arc::clone(&react), Arc::clone(&kept));
                std::thread::spawn(move || serve(stream, &*react, &inbox));
            }
        });
        Self { url, inbox }
    }

    /// Everything that came so far.
    pub fn received(&self) -> Vec<Received> {
        self.inbox.received.lock().expect("the inbox").clone()
    }

    /// Waits until `count` requests have come.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let received = self.inbox.received.lock().expect("the inbox");
        let enough = |received: &mut Vec<Received>| received.len() < count;
        let (received, late) = self.inbox.more.wait_timeout_while(received, PATIENCE, enough).expect("the inbox");
        assert!(!late.timed_out(), "{} of {count} requests came", received.len());
        received.clone()
    }
}

fn serve(stream: TcpStream, react: &dyn Fn(usize, &Received) -> Reaction, inbox: &Inbox) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut received = inbox.received.lock().expect("the inbox");
            received.push(request.clone());
            received.len() - 1
        };
        // Waiters wake before the answer: what they do next is what an app does while it handles a webhook.
        inbox.more.notify_all();
        let stream = reader.get_mut();
        let written = match react(number, &request) {
            Reaction::Status(status) => {
                let body = format!("answer {number}");
                write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            }
            Reaction::Say(body) => write!(stream, "HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
            Reaction::Redirect(to) => {
                write!(stream, "HTTP/1.1 302 X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
            }
            Reaction::Flood(bytes) => flood(stream, bytes),
            Reaction::Close => return,
            Reaction::Hang => {
                // Until the other side gives up.
                let _ = reader.read_to_end(&mut Vec::new());
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

fn flood(stream: &mut TcpStream, bytes: u64) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 200 X\r\ncontent-length: {bytes}\r\n\r\n")?;
    let chunk = vec![b'x'; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        stream.write_all(&chunk[..size])?;
        left -= size as u64;
    }
    Ok(())
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Some(Received { path, headers, bytes, body })
}
