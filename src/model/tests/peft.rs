//! Golden tests: the decoder, LoRA and the optimiser against transformers and PEFT (`fixtures/peft/generate.py`).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use burn::backend::Autodiff;
use burn::tensor::{Int, Tensor, TensorData};
use genesis_model::adapter::{self, Adapter, AdapterSettings};
use genesis_model::backend::Cpu;
use genesis_model::batches::{Batch, Sequence};
use genesis_model::config::ModelConfig;
use genesis_model::decoder::Decoder;
use genesis_model::tensors::{TensorSet, to_vec};
use genesis_model::train::{LoraRecipe, LoraTrainer};
use serde::Deserialize;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/peft").join(name)
}

#[derive(Deserialize)]
struct Run {
    rows: Vec<Row>,
    rate: f64,
    losses: Vec<f64>,
    gradient_norms: Vec<f64>,
}

#[derive(Deserialize)]
struct Row {
    tokens: Vec<u32>,
    prompt: usize,
}

impl Run {
    fn read() -> Self {
        serde_json::from_str(&std::fs::read_to_string(fixture("run.json")).unwrap()).unwrap()
    }

    fn sequences(&self) -> Vec<Sequence> {
        self.rows.iter().map(|row| Sequence::new(&row.tokens[..row.prompt], &row.tokens[row.prompt..], 0.0)).collect()
    }

    /// The trainer in the state in which PEFT began: its adapter, all rows in one batch.
    fn trainer(&self) -> LoraTrainer<Cpu> {
        let epochs = self.losses.len();
        let recipe = LoraRecipe { rank: 4, alpha: 8.0, learning_rate: self.rate, epochs, batch_size: 3, seed: 1 };
        let mut trainer = LoraTrainer::new(&base(), self.sequences(), recipe).unwrap();
        trainer.set_adapter(peft_adapter().weights);
        trainer
    }
}

fn base() -> Decoder<Cpu> {
    Decoder::load(&fixture("base"), &Default::default()).unwrap()
}

fn peft_adapter() -> Adapter<Cpu> {
    let config = ModelConfig::load(&fixture("base")).unwrap();
    Adapter::load(&fixture("adapter"), &config, &Default::default()).unwrap()
}

/// ‖a − b‖ / ‖b‖ of each tensor; the largest.
fn worst_relative(ours: &TensorSet, theirs: &TensorSet) -> f64 {
    assert_eq!(ours.arrays.keys().collect::<Vec<_>>(), theirs.arrays.keys().collect::<Vec<_>>());
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let relative = theirs.arrays.iter().map(|(name, theirs)| {
        let ours = &ours.arrays[name];
        assert_eq!(ours.shape, theirs.shape, "{name}");
        norm(&mut ours.data.iter().zip(&theirs.data).map(|(a, b)| a - b)) / norm(&mut theirs.data.iter().copied())
    });
    relative.fold(0.0, f64::max)
}

#[test]
fn logits_equal_transformers() {
    let (base, adapter) = (base(), peft_adapter());
    let mut expected = TensorSet::read(&fixture("logits.safetensors")).unwrap();
    for (index, row) in Run::read().rows.iter().enumerate() {
        let length = row.tokens.len();
        let ids: Vec<i32> = row.tokens.iter().map(|token| *token as i32).collect();
        let ids = Tensor::<Cpu, 2, Int>::from_data(TensorData::new(ids, [1, length]), &Default::default());
        let logits = to_vec(&base.logits(base.hidden(ids, &base.rope(length), Some(&adapter.weights))));
        let expected = expected.take(&format!("logits.{index}"), &[length, 256]).unwrap();
        let worst = logits.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("row {index}: logits differ by up to {worst:.1e}");
        assert!(worst < 1e-4);
    }
}

#[test]
fn loss_and_every_gradient_equal_peft() {
    let run = Run::read();
    let sequences = run.sequences();
    let batch = Batch::<Autodiff<Cpu>>::new(&sequences.iter().collect::<Vec<_>>(), &Default::default());
    let (loss, gradients) = run.trainer().gradients(batch);
    assert!((loss - run.losses[0]).abs() < 1e-5, "{loss} {}", run.losses[0]);

    let mut gradients = gradients.into_iter();
    let gradients = peft_adapter().weights.map(|_| gradients.next().unwrap());
    let expected = TensorSet::read(&fixture("gradients.safetensors")).unwrap();
    let worst = worst_relative(&adapter::tensors(&gradients), &expected);
    println!("gradients differ by up to {worst:.1e} (relative, per tensor)");
    assert!(worst < 1e-3);

    let norm = gradients.tensors().map(|g| f64::from(g.clone().square().sum().into_scalar())).sum::<f64>().sqrt();
    assert!((norm / run.gradient_norms[0] - 1.0).abs() < 1e-5 && norm > 1.0, "the clip is not tested: {norm}");
}

#[test]
fn twenty_steps_equal_peft() {
    let run = Run::read();
    let mut trainer = run.trainer();
    for (step, expected) in run.losses.iter().enumerate() {
        let report = trainer.step().unwrap().unwrap();
        assert!((report.loss / expected - 1.0).abs() < 1e-4, "step {step}: {} {expected}", report.loss);
    }
    assert!(trainer.step().unwrap().is_none());
    let expected = TensorSet::read(&fixture("after_20_steps.safetensors")).unwrap();
    let worst = worst_relative(&adapter::tensors(trainer.adapter()), &expected);
    println!("weights after 20 steps differ by up to {worst:.1e} (relative, per tensor)");
    assert!(worst < 1e-4);
}

/// What we write has PEFT's files, tensors, shapes, number formats, metadata and settings.
#[test]
fn a_written_adapter_is_what_peft_writes() {
    let read = peft_adapter();
    let settings = AdapterSettings::new("base", 4, 8.0);
    let files = Adapter { settings: settings.clone(), weights: read.weights }.to_files().unwrap();
    // For `generate.py check`, which loads it with PEFT: only where that asks for it.
    if let Some(directory) = std::env::var_os("GENESIS_PEFT_ADAPTER").map(PathBuf::from) {
        std::fs::create_dir_all(&directory).unwrap();
        files.iter().for_each(|(name, bytes)| std::fs::write(directory.join(name), bytes).unwrap());
    }
    let ours = |name: &str| files.iter().find(|(file, _)| *file == name).unwrap().1.clone();
    let theirs = |name: &str| std::fs::read(fixture("adapter").join(name)).unwrap();

    // PEFT lists target modules in the order of a Python set, which is arbitrary.
    let mut values = [ours("adapter_config.json"), theirs("adapter_config.json")]
        .map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap());
    for value in &mut values {
        value["target_modules"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    }
    assert_eq!(values[0], values[1]);
    assert_eq!(read.settings, settings);

    let headers = [ours("adapter_model.safetensors"), theirs("adapter_model.safetensors")].map(|bytes| {
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let mut tensors: Vec<String> =
            header.tensors().iter().map(|(name, info)| format!("{name} {:?} {:?}", info.dtype, info.shape)).collect();
        tensors.sort();
        (tensors, header.metadata().clone())
    });
    assert_eq!(headers[0], headers[1]);
}
