//! `genesis-trainer lora` as a Job sees it: exit codes, events to the operator, signals, resumption.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use genesis_artifacts::{Kind, Store};
use genesis_core::wire::{ArtifactRef, DatasetRow, EXIT_INTERRUPTED, EXIT_USER_ERROR, JobEvent};
use genesis_model::backend::Cpu;
use genesis_model::config::ModelConfig;
use genesis_model::init;
use genesis_model::tensors::Precision;
use genesis_model::tokenizer::{TOKENIZER_FILE, Tokenizer};

/// A base model, a dataset and a store in a folder of their own.
struct Workplace {
    folder: tempfile::TempDir,
    dataset: ArtifactRef,
    store: Store,
}

impl Workplace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_base(&folder.path().join("base"));
        let store = Store::at(&folder.path().join("store")).unwrap();
        let rows = (0..6).map(|i| {
            let row = DatasetRow {
                prompt: format!("def f{i}():\n"),
                answer: format!("    return {i}\n"),
                task: format!("t{i}"),
                family: "f".into(),
                execution: "e".into(),
            };
            serde_json::to_string(&row).unwrap() + "\n"
        });
        let dataset = store.put(Kind::Dataset, rows.collect::<String>().as_bytes()).unwrap();
        Self { folder, dataset, store }
    }

    fn command(&self, epochs: usize) -> Command {
        self.command_with(epochs, 2)
    }

    fn command_with(&self, epochs: usize, rank: usize) -> Command {
        let base = format!("file://{}", self.folder.path().join("base").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_genesis-trainer"));
        command.args(["--threads", "1", "lora", "--base", &base, "--store", &self.store.uri()]);
        command.args(["--dataset", &self.dataset.uri, "--dataset-digest", self.dataset.digest.as_str()]);
        command.args(["--rank", &rank.to_string(), "--alpha", "4"]);
        command.args(["--batch-size", "3", "--epochs", &epochs.to_string()]);
        command.env_remove("GENESIS_REPORT_URL").stdout(Stdio::piped()).stderr(Stdio::null());
        command
    }
}

fn write_base(directory: &Path) {
    let tokenizer = Tokenizer::train(std::iter::once("def f(): return 1".to_owned()), 262).unwrap();
    let config = ModelConfig {
        hidden_size: 16,
        intermediate_size: 24,
        layers: 1,
        heads: 2,
        kv_heads: 1,
        head_dim: 8,
        max_positions: 64,
        ..ModelConfig::seedling(tokenizer.vocab_size())
    };
    init::decoder::<Cpu>(&config, 3, &Default::default()).save(directory, Precision::F16).unwrap();
    std::fs::write(directory.join(TOKENIZER_FILE), tokenizer.to_json().unwrap()).unwrap();
}

fn events(output: &[u8]) -> Vec<JobEvent> {
    output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

type Heard = Arc<Mutex<Vec<JobEvent>>>;

/// An operator that answers every event with `status`.
fn operator(status: StatusCode) -> (tokio::runtime::Runtime, String, Heard) {
    let heard = Heard::default();
    let state = Arc::clone(&heard);
    let answer = async move |State(heard): State<Heard>, body: String| {
        heard.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        status
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/job", listener.local_addr().unwrap());
    let app = Router::new().route("/job", post(answer)).with_state(state);
    runtime.spawn(async move { axum::serve(listener, app).await });
    (runtime, url, heard)
}

#[test]
fn a_finished_job_ends_with_zero_and_the_operator_has_heard_it() {
    let place = Workplace::new();
    let (_runtime, url, heard) = operator(StatusCode::OK);
    let output = place.command(2).env("GENESIS_REPORT_URL", url).output().unwrap();
    assert!(output.status.success());
    let printed = events(&output.stdout);
    assert!(matches!(printed.first(), Some(JobEvent::Started { total_steps: 4, resumed_from: 0 })));
    assert!(matches!(printed.last(), Some(JobEvent::Trained { rank: 2, steps: 4, .. })));
    assert_eq!(heard.lock().unwrap().last(), printed.last());
}

#[test]
fn an_adapter_nobody_heard_of_is_a_failure_until_it_is_heard_of() {
    let place = Workplace::new();
    let (_runtime, url, _) = operator(StatusCode::FORBIDDEN);
    assert_eq!(place.command(2).env("GENESIS_REPORT_URL", url).output().unwrap().status.code(), Some(1));
    let (_runtime, url, heard) = operator(StatusCode::OK);
    assert!(place.command(2).env("GENESIS_REPORT_URL", url).output().unwrap().status.success());
    // It was not trained a second time.
    assert!(matches!(heard.lock().unwrap().as_slice(), [JobEvent::Trained { .. }]));
}

#[test]
fn wrong_input_ends_with_the_code_for_it_and_a_message() {
    let place = Workplace::new();
    let (_runtime, url, heard) = operator(StatusCode::OK);
    let output = place.command_with(2, 64).env("GENESIS_REPORT_URL", url).output().unwrap();
    assert_eq!(output.status.code(), Some(EXIT_USER_ERROR));
    let heard = heard.lock().unwrap();
    let [JobEvent::Failed { reason, message, retriable: false }] = heard.as_slice() else { panic!("{heard:?}") };
    assert_eq!(reason, "RecipeInvalid");
    assert!(message.contains("rank is 64"), "{message}");
}

#[test]
fn a_command_line_that_cannot_be_read_is_wrong_input_too() {
    let place = Workplace::new();
    assert_eq!(place.command(2).arg("--ranks").output().unwrap().status.code(), Some(EXIT_USER_ERROR));
    assert!(place.command(2).arg("--help").output().unwrap().status.success());
}

/// Starts a run that would take minutes, and asks it to stop once it has told of its progress.
fn interrupt(place: &Workplace) -> Vec<JobEvent> {
    let mut child: Child = place.command(200_000).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = Vec::new();
    while !matches!(heard.last(), Some(JobEvent::Progress { .. })) {
        heard.push(serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap());
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    heard.extend(lines.map(|line| serde_json::from_str::<JobEvent>(&line.unwrap()).unwrap()));
    assert_eq!(child.wait().unwrap().code(), Some(EXIT_INTERRUPTED));
    heard
}

#[test]
fn a_job_that_is_asked_to_stop_saves_its_work_and_goes_on_later() {
    let place = Workplace::new();
    let first = interrupt(&place);
    let Some(JobEvent::Checkpoint { step, checkpoint }) = first.last() else { panic!("{first:?}") };
    assert!(Store::verify_directory(&checkpoint.uri, &checkpoint.digest).is_ok());
    let second = interrupt(&place);
    assert!(matches!(&second[0], JobEvent::Started { resumed_from, .. } if resumed_from == step), "{:?}", second[0]);
}
