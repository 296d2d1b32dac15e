//! Processes on cores, and what they take.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::load::Keeper;

/// A server process on the first core.
pub struct Server {
    child: Child,
    pub address: String,
    started: Instant,
}

impl Server {
    pub fn leapday() -> Self {
        let mut command = on_core(0, env!("CARGO_BIN_EXE_leapday"));
        command.args(["--port", "0", "--quiet"]);
        Self::start(command)
    }

    /// This program once more, as the bare server.
    pub fn bare() -> Self {
        Self::of_mine(0, "bare-server")
    }

    /// This program once more, as a webhook receiver on the load's core. It steps back behind the load, whose times
    /// shall be those of the server.
    pub fn receiver() -> Self {
        Self::of_mine(1, "receiver")
    }

    fn of_mine(core: usize, word: &str) -> Self {
        let me = std::env::current_exe().expect("this program's path");
        let mut command = on_core(core, "nice");
        command.args(["-n", if core == 0 { "0" } else { "19" }]);
        command.args([me.to_str().expect("a path in UTF-8"), word]);
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let started = now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the server starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let line = out.lines().map_while(Result::ok).find(|line| line.starts_with("listening on http://"));
        let address = line.expect("it listens").trim_start_matches("listening on http://").to_owned();
        Self { child, address, started }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&self, method: &str, path: &str, body: &str) -> Value {
        Keeper::new(self).send(method, path, body)
    }

    /// From the start of the process to its first answer.
    pub fn first_answer(&self, method: &str, path: &str, body: &str) -> Duration {
        self.send(method, path, body);
        self.started.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn on_core(core: usize, program: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string(), program]);
    command
}

pub fn require_two_cores() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let taskset = Command::new("taskset").arg("--version").output().is_ok();
    assert!(cores >= 2 && taskset, "these figures need two cores and `taskset` (util-linux)");
}

/// Resident memory of a process.
pub fn rss_kib(pid: u32) -> u64 {
    kib(pid, "status", "VmRSS:")
}

/// The same with its share only of what other processes have mapped too, such as the C library.
pub fn pss_kib(pid: u32) -> u64 {
    kib(pid, "smaps_rollup", "Pss:")
}

fn kib(pid: u32, file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).expect("a process of this machine");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[expect(clippy::disallowed_methods, reason = "a bench measures wall time")]
pub fn now() -> Instant {
    Instant::now()
}
