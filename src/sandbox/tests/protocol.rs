//! The protocol, over a real socket: order, deduplication, bounds, and clients that break it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod granted;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use genesis_core::execution::{CallOutcome, ExecutionRequest, ExecutionVerdict};
use genesis_sandbox::Client;
use genesis_sandbox::pool::{Options, Pool, StartError};
use granted::or_skip;
use serde_json::{Value, json};

/// A pool, or `None` with a line that says which protection is missing here.
fn pool(workers: usize) -> Option<Pool> {
    or_skip(Pool::start(&Options { workers, ..Options::default() }), StartError::is_not_granted)
}

fn request(id: &str, source: &str, expected: &str) -> ExecutionRequest {
    let cases = json!([{"args": ["3"], "expected": expected}]);
    serde_json::from_value(json!({
        "id": id, "source": source, "tests": {"kind": "calls", "entry": "f", "cases": cases}
    }))
    .unwrap()
}

fn exchange(pool: &Pool, bytes: &[u8]) -> Value {
    let mut stream = TcpStream::connect(pool.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    serde_json::from_slice(&answer[4..]).unwrap()
}

#[test]
fn records_come_in_order_and_identical_programs_run_once() {
    let Some(pool) = pool(2) else { return };
    let slow = "import time\ntime.sleep(0.3)\ndef f(x): return x * x";
    let requests = [
        request("slow", slow, "9"),
        request("quick", "def f(x): return x", "9"),
        request("same", slow, "9"),
        request("other tests", slow, "10"),
    ];
    let records = pool.client().execute(&requests).unwrap();
    let seen: Vec<_> = records.iter().map(|record| (record.id.as_str(), record.verdict, record.deduplicated)).collect();
    assert_eq!(
        seen,
        [
            ("slow", ExecutionVerdict::Pass, false),
            ("quick", ExecutionVerdict::WrongAnswer, false),
            ("same", ExecutionVerdict::Pass, true),
            ("other tests", ExecutionVerdict::WrongAnswer, false),
        ]
    );
    assert_eq!(records[0].isolation, pool.isolation());
    assert_eq!(records[0].tests_digest, records[2].tests_digest);
    assert!(!records[3].reason.contains("10"), "a reason tells an expected value: {}", records[3].reason);
}

#[test]
fn values_are_captured_without_being_expected() {
    let Some(pool) = pool(1) else { return };
    let mut asked = request("a", "def f(x):\n    if x == 3: return {x: {2, 1}}\n    return [1][x]", "");
    asked.capture = true;
    if let Some(genesis_core::task::TestSuite::Calls { cases, .. }) = &mut asked.tests {
        let mut second = cases[0].clone();
        second.args = vec!["4".to_owned()];
        cases.push(second);
    }
    let record = pool.client().execute(&[asked]).unwrap().remove(0);
    let value = CallOutcome::Value("{3: {1, 2}}".to_owned());
    assert_eq!(record.values, [value, CallOutcome::Raised("IndexError".to_owned())]);
    assert_eq!(record.verdict, ExecutionVerdict::RuntimeError);
}

#[test]
fn broken_frames_get_a_clear_error_and_the_pool_goes_on() {
    let Some(pool) = pool(1) else { return };
    let framed = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    let many = json!({"requests": vec![json!({"id": "", "source": "", "tests": null}); 1_025]}).to_string();
    for (bytes, what) in [
        (b"\xff\xff\xff\xff".to_vec(), "more than the 67108864 allowed"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "more than the 67108864 allowed"),
        (framed("{"), "not valid"),
        (framed("{\"requests\": 1}"), "not valid"),
        (framed("{\"requests\": [{\"id\": 1}]}"), "not valid"),
        (framed(&many), "1025 programs are more than the 1024 allowed"),
    ] {
        let answer = exchange(&pool, &bytes);
        assert!(answer["error"].as_str().unwrap().contains(what), "{answer}");
    }
    let records = pool.client().execute(&[request("a", "def f(x): return x", "3")]).unwrap();
    assert_eq!(records[0].verdict, ExecutionVerdict::Pass);
}

#[test]
fn refused_programs_are_rejected_one_by_one() {
    let Some(pool) = pool(1) else { return };
    let mut huge = request("huge", "", "1");
    huge.limits.memory_bytes = u64::MAX;
    let requests =
        [request("not a literal", "def f(x): return x", "open('x')"), huge, request("fine", "def f(x): return x", "3")];
    let records = pool.client().execute(&requests).unwrap();
    assert_eq!(records[0].verdict, ExecutionVerdict::Rejected);
    assert!(records[0].reason.contains("test call 1, expected value"), "{}", records[0].reason);
    assert_eq!(records[1].verdict, ExecutionVerdict::Rejected);
    assert!(records[1].reason.contains("memory_bytes"), "{}", records[1].reason);
    assert_eq!(records[2].verdict, ExecutionVerdict::Pass);
}

#[test]
fn a_client_that_leaves_gives_its_programs_up() {
    let Some(pool) = pool(1) else { return };
    let sleeper =
        |number: usize| json!({"id": "", "source": format!("import time\ntime.sleep(1) # {number}"), "tests": null});
    let text = json!({"requests": (0..20).map(sleeper).collect::<Vec<_>>()}).to_string();
    let mut stream = TcpStream::connect(pool.address()).unwrap();
    stream.write_all(&[&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    stream.shutdown(Shutdown::Both).unwrap();
    let start = Instant::now();
    pool.client().execute(&[request("a", "def f(x): return x", "3")]).unwrap();
    // All of them would sleep for twenty.
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[tokio::test]
async fn async_callers_use_a_blocking_thread() {
    let Some(pool) = pool(1) else { return };
    let client: Client = pool.client();
    let records =
        tokio::task::spawn_blocking(move || client.execute(&[request("a", "def f(x): return x", "3")])).await.unwrap();
    assert_eq!(records.unwrap()[0].verdict, ExecutionVerdict::Pass);
    tokio::task::spawn_blocking(move || drop(pool)).await.unwrap();
}

/// Whoever can connect to a pool talks to one whose protections are proved, which takes most of its start.
#[test]
fn nobody_can_connect_before_the_protections_are_proved() {
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let begun = Instant::now();
    let starting = std::thread::spawn(move || {
        let started = Pool::start(&Options { workers: 1, listen, ..Options::default() });
        (started, begun.elapsed())
    });
    let mut connected = None;
    while connected.is_none() && !starting.is_finished() {
        connected = TcpStream::connect(listen).ok().map(|_| begun.elapsed());
        std::thread::sleep(Duration::from_millis(1));
    }
    let (started, whole) = starting.join().unwrap();
    let Some(_pool) = or_skip(started, StartError::is_not_granted) else {
        assert_eq!(connected, None);
        return;
    };
    assert!(connected.is_none_or(|at| at > whole / 2), "connected after {connected:?} of {whole:?}");
}
