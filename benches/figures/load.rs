//! The load: raw HTTP/1.1 over keep-alive connections, so that it costs less than what it measures.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::KEY;
use crate::machine::{Server, now, on_core};

/// One request, written out.
pub struct Shot {
    pub address: String,
    pub bytes: String,
}

impl Shot {
    pub fn new(server: &Server, method: &str, path: &str, body: &str) -> Self {
        Self { address: server.address.clone(), bytes: written(&server.address, method, path, body) }
    }
}

fn written(address: &str, method: &str, path: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Answers a second over `round`, from a process on the second core.
pub fn run(shot: &Shot, round: Duration, connections: usize) -> f64 {
    let me = std::env::current_exe().expect("this program's path");
    let mut command = on_core(1, me.to_str().expect("a path in UTF-8"));
    command.args(["load", &shot.address, &round.as_millis().to_string(), &connections.to_string(), &shot.bytes]);
    let output = command.stderr(Stdio::inherit()).output().expect("the load runs");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a rate")
}

/// The load process: every connection always has one request on its way.
pub fn main(words: &[String]) {
    let [address, round, connections, bytes] = words else { panic!("load ADDRESS MS CONNECTIONS REQUEST") };
    let round = Duration::from_millis(round.parse().expect("milliseconds"));
    let connections: usize = connections.parse().expect("a number");
    let mut streams: Vec<TcpStream> = (0..connections).map(|_| connect(address)).collect();
    let mut buffer = vec![0; 64 * 1024];
    let started = now();
    let mut answers = 0u64;
    for stream in &mut streams {
        stream.write_all(bytes.as_bytes()).expect("a request is taken");
    }
    while started.elapsed() < round {
        for stream in &mut streams {
            read_answer(stream, &mut buffer, true);
            answers += 1;
            stream.write_all(bytes.as_bytes()).expect("a request is taken");
        }
    }
    println!("{}", answers as f64 / started.elapsed().as_secs_f64());
}

pub fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// Reads one answer whole and returns where its body lies.
pub fn read_answer(stream: &mut TcpStream, buffer: &mut [u8], want_success: bool) -> (usize, usize) {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).expect("an answer");
        assert!(read > 0, "the server closed the connection");
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head]).expect("a head in ASCII");
        assert!(!want_success || text.starts_with("HTTP/1.1 2"), "refused: {text}");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let end = head + 4 + length.map_or(0, |length| length.parse::<usize>().expect("a length"));
        if filled >= end {
            return (head + 4, end);
        }
    }
}

/// One connection for a conversation.
pub struct Keeper {
    stream: TcpStream,
    address: String,
    buffer: Vec<u8>,
}

impl Keeper {
    pub fn new(server: &Server) -> Self {
        Self { stream: connect(&server.address), address: server.address.clone(), buffer: vec![0; 4 << 20] }
    }

    pub fn send(&mut self, method: &str, path: &str, body: &str) -> Value {
        let bytes = written(&self.address, method, path, body);
        self.stream.write_all(bytes.as_bytes()).expect("a request is taken");
        let (from, to) = read_answer(&mut self.stream, &mut self.buffer, false);
        serde_json::from_slice(&self.buffer[from..to]).unwrap_or_default()
    }
}
