//! The binary as people and pods use it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod granted;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use genesis_core::execution::{ExecutionRequest, ExecutionVerdict};
use genesis_sandbox::Client;
use granted::or_skip;

const BINARY: &str = env!("CARGO_BIN_EXE_genesis-sandbox");

/// Whether this machine grants every protection; says so where it does not.
fn granted() -> bool {
    let output = Command::new(BINARY).args(["check", "-o", "json"]).output().unwrap();
    let proofs: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let missing: Vec<_> = proofs.as_array().unwrap().iter().filter(|proof| proof["granted"] != true).collect();
    assert_eq!(output.status.success(), missing.is_empty());
    let names: Vec<_> = missing.iter().map(|proof| proof["protection"].as_str().unwrap_or_default()).collect();
    let complete = if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) };
    // A Python that does not start is not a protection.
    or_skip(complete, |_| !names.contains(&"python")).is_some()
}

#[test]
fn check_prints_a_row_for_each_protection() {
    if granted() {
        let output = Command::new(BINARY).arg("check").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for protection in ["user namespace", "landlock", "memory bounded", "wall time bounded"] {
            assert!(text.lines().any(|line| line.starts_with("ok") && line.contains(protection)), "{text}");
        }
    }
}

#[test]
fn run_judges_one_program() {
    if !granted() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (program, tests) = (directory.path().join("p.py"), directory.path().join("t.json"));
    std::fs::write(&program, "print('hello')\ndef f(x): return x + 1\n").unwrap();
    std::fs::write(&tests, r#"{"kind":"calls","entry":"f","cases":[{"args":["1"],"expected":"2"}]}"#).unwrap();
    let output = Command::new(BINARY).arg("run").arg(&program).arg("--tests").arg(&tests).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("PASS  passed 1 of 1") && text.contains("hello"), "{text}");
    std::fs::write(&tests, "[]").unwrap();
    let output = Command::new(BINARY).arg("run").arg(&program).arg("--tests").arg(&tests).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a test suite like"));
}

/// Every process whose name or parent says that it belongs to a supervisor.
fn wardens() -> usize {
    let is_warden = |entry: &std::fs::DirEntry| {
        std::fs::read_to_string(entry.path().join("comm")).is_ok_and(|name| name.trim() == "genesis-warden")
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter(is_warden).count()
}

#[test]
fn a_supervisor_that_is_killed_takes_its_cells_along() {
    if !granted() {
        return;
    }
    for signal in ["TERM", "KILL"] {
        let mut child = Command::new(BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "1"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address: SocketAddr = line.split([' ', ',']).nth(3).unwrap().parse().unwrap();
        let request: ExecutionRequest =
            serde_json::from_str(r#"{"id": "a", "source": "print(1)", "tests": null}"#).unwrap();
        let records = Client::new(address).execute(&[request]).unwrap();
        assert_eq!(records[0].verdict, ExecutionVerdict::Unverified);
        let children = format!("/proc/{0}/task", child.id());
        let warden = std::fs::read_dir(children)
            .unwrap()
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
            .find_map(|pids| pids.split_whitespace().next().map(str::to_owned));
        Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        child.wait().unwrap();
        if let Some(warden) = warden {
            let deadline = Instant::now() + Duration::from_secs(5);
            while std::path::Path::new(&format!("/proc/{warden}")).exists() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            let state = std::fs::read_to_string(format!("/proc/{warden}/stat")).unwrap_or_default();
            assert!(state.is_empty() || state.contains(") Z "), "{signal}: {state}, {} wardens", wardens());
        }
    }
}
