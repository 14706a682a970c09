use super::*;
use crate::backend::Cpu;
use crate::batches::Sequence;
use crate::testing::tiny_decoder;

const RECIPE: LoraRecipe = LoraRecipe { rank: 2, alpha: 4.0, learning_rate: 1e-2, epochs: 8, batch_size: 4, seed: 7 };

fn identity(recipe: LoraRecipe) -> RunIdentity {
    let digest = |text: &str| Digest::of_bytes(text.as_bytes());
    RunIdentity { base_model: "builtin://seedling".into(), base: digest("base"), dataset: digest("data"), recipe }
}

fn trainer(recipe: LoraRecipe) -> LoraTrainer<Cpu> {
    let rows = (0..4u32).map(|i| Sequence::new(&[1, 3 + i], &[20 - i, 2], 0.0)).collect();
    LoraTrainer::new(&tiny_decoder(5), rows, recipe).unwrap()
}

fn advance(trainer: &mut LoraTrainer<Cpu>, losses: &mut LossRecord, steps: usize) {
    for _ in 0..steps {
        losses.add(trainer.step().unwrap().unwrap().loss);
    }
}

/// A store with checkpoints at steps 2, 4 and 6.
fn store_with_three() -> (tempfile::TempDir, Store, Vec<ArtifactRef>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    let identity = identity(RECIPE);
    let (mut trainer, mut losses) = (trainer(RECIPE), LossRecord::default());
    let saved = (0..3)
        .map(|_| {
            advance(&mut trainer, &mut losses, 2);
            Checkpoints::new(&store, &identity).save(&trainer, &losses).unwrap()
        })
        .collect();
    (folder, store, saved)
}

fn resumed_step(store: &Store, recipe: LoraRecipe) -> usize {
    let mut trainer = trainer(recipe);
    Checkpoints::new(store, &identity(recipe)).resume(&mut trainer, |_, _| ());
    trainer.steps_done()
}

fn damage(checkpoint: &ArtifactRef) {
    let state = genesis_artifacts::path_of_uri(&checkpoint.uri).unwrap().join(STATE_FILE);
    let mut bytes = std::fs::read(&state).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(state, bytes).unwrap();
}

#[test]
fn a_run_goes_on_from_its_newest_checkpoint() {
    let (_folder, store, _) = store_with_three();
    assert_eq!(resumed_step(&store, RECIPE), 6);
    let mut resumed = trainer(RECIPE);
    let mut losses = Checkpoints::new(&store, &identity(RECIPE)).resume(&mut resumed, |_, _| ());
    advance(&mut resumed, &mut losses, 2);
    let (mut straight, mut straight_losses) = (trainer(RECIPE), LossRecord::default());
    advance(&mut straight, &mut straight_losses, 8);
    assert_eq!(resumed.state(), straight.state());
    assert!((losses.first_mean() - straight_losses.first_mean()).abs() < 1e-12);
}

#[test]
fn one_flipped_bit_costs_two_steps_and_two_cost_the_run_so_far() {
    let (_folder, store, saved) = store_with_three();
    damage(&saved[2]);
    assert_eq!(resumed_step(&store, RECIPE), 4);
    damage(&saved[1]);
    assert_eq!(resumed_step(&store, RECIPE), 0);
    let mut passed_over = Vec::new();
    Checkpoints::new(&store, &identity(RECIPE)).resume(&mut trainer(RECIPE), |found, error| {
        passed_over.push((found.uri.clone(), error.to_string()));
    });
    let uris: Vec<&String> = passed_over.iter().map(|(uri, _)| uri).collect();
    assert_eq!(uris, [&saved[2].uri, &saved[1].uri], "each is told, the newest first");
    assert!(passed_over.iter().all(|(_, why)| why.contains("damaged")), "{passed_over:?}");
}

#[test]
fn a_missing_file_is_damage_too() {
    let (_folder, store, saved) = store_with_three();
    std::fs::remove_file(genesis_artifacts::path_of_uri(&saved[2].uri).unwrap().join(DESCRIPTION_FILE)).unwrap();
    assert_eq!(resumed_step(&store, RECIPE), 4);
}

#[test]
fn only_two_checkpoints_are_kept() {
    let (_folder, _, saved) = store_with_three();
    let exists = |saved: &ArtifactRef| genesis_artifacts::path_of_uri(&saved.uri).unwrap().exists();
    assert_eq!(saved.iter().map(exists).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn another_recipe_is_another_run() {
    let (_folder, store, _) = store_with_three();
    assert_eq!(resumed_step(&store, LoraRecipe { seed: 8, ..RECIPE }), 0);
    assert_eq!(resumed_step(&store, LoraRecipe { rank: 4, ..RECIPE }), 0);
}

#[test]
fn a_checkpoint_under_another_runs_name_is_not_taken() {
    let (_folder, store, saved) = store_with_three();
    let other = identity(LoraRecipe { seed: 8, ..RECIPE });
    store.alias(Kind::Checkpoint, &format!("{}-latest", other.name()), &saved[2].digest).unwrap();
    assert_eq!(resumed_step(&store, LoraRecipe { seed: 8, ..RECIPE }), 0);
}

#[test]
fn a_finished_run_is_remembered_while_its_adapter_is_whole() {
    let (_folder, store, _) = store_with_three();
    let identity = identity(RECIPE);
    let checkpoints = Checkpoints::new(&store, &identity);
    assert!(checkpoints.finished().is_none());
    let adapter = store.put_adapter(&[("adapter_config.json", b"{}")]).unwrap();
    let path = genesis_artifacts::path_of_uri(&adapter.uri).unwrap();
    let trained = JobEvent::Trained { adapter, rank: 2, size_bytes: 2, first_loss: 1.5, last_loss: 0.5, steps: 8 };
    checkpoints.finish(&trained).unwrap();
    assert_eq!(checkpoints.finished(), Some(trained));
    std::fs::write(path.join("adapter_config.json"), b"[]").unwrap();
    assert!(checkpoints.finished().is_none());
}

#[test]
fn the_loss_record_keeps_both_ends() {
    let mut record = LossRecord::default();
    for loss in 0..30 {
        record.add(f64::from(loss));
    }
    assert_eq!((record.first_mean(), record.last_mean()), (4.5, 24.5));
}
