use std::cell::RefCell;

use genesis_artifacts::path_of_uri;
use genesis_core::adapter::Proof;

use super::*;
use crate::backend::Cpu;
use crate::testing::place;

/// Remembers events; interrupts the run at a step; refuses the last event where asked.
#[derive(Default)]
struct Ear {
    events: RefCell<Vec<JobEvent>>,
    interrupt_at_checkpoint: Option<u64>,
    interrupted: AtomicBool,
    refuse: bool,
}

impl Listener for Ear {
    fn hear(&self, event: &JobEvent) {
        self.events.borrow_mut().push(event.clone());
        if let JobEvent::Checkpoint { step, .. } = event
            && Some(*step) == self.interrupt_at_checkpoint
        {
            self.interrupted.store(true, Ordering::Relaxed);
        }
    }

    fn accept(&self, event: &JobEvent) -> Result<(), String> {
        self.hear(event);
        if self.refuse { Err("the operator answered 503".to_owned()) } else { Ok(()) }
    }
}

struct Fixture {
    _folder: tempfile::TempDir,
    options: JobOptions,
}

/// A tiny base model, six rows, and a store.
fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    place::write_base(&folder.path().join("models/tiny"));
    let store = Store::at(&folder.path().join("store")).unwrap();
    let dataset = place::put_dataset(&store);
    let recipe = LoraRecipe { rank: 2, alpha: 4.0, learning_rate: 1e-2, epochs: 4, batch_size: 3, seed: 1 };
    let options = JobOptions {
        base: "builtin://tiny".into(),
        models: vec![folder.path().join("models")],
        dataset: dataset.uri,
        dataset_digest: dataset.digest,
        store: store.uri(),
        recipe,
        checkpoint_steps: 3,
    };
    Fixture { _folder: folder, options }
}

fn go(options: &JobOptions, ear: &Ear) -> Result<Outcome, JobError> {
    run::<Cpu>(options, ear, &ear.interrupted)
}

fn adapter_of(ear: &Ear) -> genesis_core::AdapterRef {
    match ear.events.borrow().last() {
        Some(JobEvent::Trained { adapter, .. }) => adapter.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_job_tells_its_story_and_leaves_a_proven_adapter() {
    let fixture = fixture();
    let ear = Ear::default();
    assert_eq!(go(&fixture.options, &ear).unwrap(), Outcome::Trained);
    let events = ear.events.borrow();
    assert_eq!(events[0], JobEvent::Started { total_steps: 8, resumed_from: 0 });
    let checkpoints = events.iter().filter(|event| matches!(event, JobEvent::Checkpoint { .. })).count();
    assert_eq!(checkpoints, 2);
    let JobEvent::Trained { adapter, rank: 2, size_bytes, first_loss, last_loss, steps: 8 } = &events[events.len() - 1]
    else {
        panic!("{events:?}")
    };
    assert!(*size_bytes > 1000 && first_loss.is_finite() && last_loss <= first_loss);

    let directory = Store::verify_directory(&adapter.uri, &adapter.digest).unwrap();
    let base = Decoder::<Cpu>::load(&fixture.options.models[0].join("tiny"), &Default::default()).unwrap();
    let tokenizer = Tokenizer::load(&fixture.options.models[0].join("tiny")).unwrap();
    let loaded = Adapter::<Cpu>::load(&directory, &base.config, &Default::default()).unwrap();
    assert_eq!(loaded.settings.base_model, "builtin://tiny");
    let proof: Proof = serde_json::from_slice(&std::fs::read(directory.join(PROOF_FILE)).unwrap()).unwrap();
    assert_eq!(proof.entries.len(), 6);
    let served = |lora| -> Vec<Vec<f64>> {
        let texts = proof.entries.iter().map(|entry| tokenizer.encode(&entry.text).unwrap());
        texts.map(|tokens| proof::log_probabilities(&base, lora, &tokens)).collect()
    };
    proof.check(&served(Some(&loaded.weights)), 1e-5).unwrap();
    assert!(proof.check(&served(None), 1e-5).is_err());
}

#[test]
fn an_interrupted_job_goes_on_and_ends_with_the_same_adapter() {
    let (straight, broken) = (fixture(), fixture());
    let whole = Ear::default();
    go(&straight.options, &whole).unwrap();

    let first = Ear { interrupt_at_checkpoint: Some(3), ..Ear::default() };
    assert_eq!(go(&broken.options, &first).unwrap(), Outcome::Interrupted);
    assert!(matches!(first.events.borrow().last(), Some(JobEvent::Checkpoint { step: 4, .. })));
    let second = Ear::default();
    assert_eq!(go(&broken.options, &second).unwrap(), Outcome::Trained);
    assert_eq!(second.events.borrow()[0], JobEvent::Started { total_steps: 8, resumed_from: 4 });
    assert_eq!(adapter_of(&second).digest, adapter_of(&whole).digest);
}

#[test]
fn a_finished_job_is_reported_again_and_not_trained_again() {
    let fixture = fixture();
    let refused = Ear { refuse: true, ..Ear::default() };
    let error = go(&fixture.options, &refused).unwrap_err();
    assert!(!error.is_users() && error.to_string().contains("503"), "{error}");
    let again = Ear::default();
    assert_eq!(go(&fixture.options, &again).unwrap(), Outcome::Trained);
    assert_eq!(again.events.borrow().len(), 1);
    assert_eq!(adapter_of(&again), adapter_of(&refused));
}

#[test]
fn wrong_input_is_the_users_and_is_named() {
    let fixture = fixture();
    let failure = |change: &dyn Fn(&mut JobOptions)| {
        let mut options = fixture.options.clone();
        change(&mut options);
        let error = go(&options, &Ear::default()).unwrap_err();
        assert!(error.is_users(), "{error}");
        (error.reason(), error.to_string())
    };
    let (reason, message) = failure(&|options| options.dataset_digest = Digest::of_bytes(b"other"));
    assert_eq!(reason, "DatasetInvalid");
    assert!(message.contains("not the one that was frozen"), "{message}");
    assert_eq!(failure(&|options| options.dataset = "file:///nowhere".into()).0, "DatasetInvalid");
    assert_eq!(failure(&|options| options.base = "builtin://other".into()).0, "BaseModelInvalid");
    assert_eq!(failure(&|options| options.base = "file:///tmp".into()).0, "BaseModelInvalid");
    let (reason, message) = failure(&|options| options.recipe.rank = 99);
    assert_eq!(reason, "RecipeInvalid");
    assert!(message.contains("rank is 99: it must be from 1 to 8"), "{message}");
}

#[test]
fn a_failing_disk_is_not_the_users() {
    let failed = |kind: std::io::ErrorKind| {
        let source = kind.into();
        JobError::dataset(genesis_artifacts::Error::Io { action: "read", path: "/store".into(), source })
    };
    let error = failed(std::io::ErrorKind::TimedOut);
    assert_eq!((error.is_users(), error.reason()), (false, "StoreUnavailable"));
    let error = failed(std::io::ErrorKind::NotFound);
    assert_eq!((error.is_users(), error.reason()), (true, "DatasetInvalid"));
}

#[test]
fn a_finished_job_leaves_its_adapter_and_no_checkpoint() {
    let fixture = fixture();
    go(&fixture.options, &Ear::default()).unwrap();
    let checkpoints = path_of_uri(&fixture.options.store).unwrap().join("checkpoints");
    let names = |path: std::path::PathBuf| -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let aliases = names(checkpoints.join("aliases"));
    assert!(matches!(aliases.as_slice(), [alias] if alias.ends_with("-trained")), "{aliases:?}");
    // The aliases, and the record of what the run ended with.
    assert_eq!(names(checkpoints).len(), 2);
}

#[test]
fn a_dataset_that_is_no_dataset_is_refused_with_its_line() {
    let fixture = fixture();
    let path = path_of_uri(&fixture.options.dataset).unwrap();
    std::fs::write(&path, "{\"question\": 1}\n").unwrap();
    let options = JobOptions { dataset_digest: Digest::of_bytes(b"{\"question\": 1}\n"), ..fixture.options.clone() };
    let error = go(&options, &Ear::default()).unwrap_err();
    assert!(error.is_users() && error.to_string().contains("line 1"), "{error}");
    assert!(matches!(error.event(), JobEvent::Failed { retriable: false, .. }));
}
