use super::*;
use crate::backend::Cpu;
use crate::tensors::Precision;
use crate::testing::{difference, tiny_decoder};

const RECIPE: LoraRecipe = LoraRecipe { rank: 4, alpha: 8.0, learning_rate: 2e-2, epochs: 3, batch_size: 4, seed: 7 };

/// Eight sequences of which each answer depends on its prompt.
fn sequences() -> Vec<Sequence> {
    (0..8u32).map(|i| Sequence::new(&[1, 3 + i, 20 - i], &[12 + i, 30 - i, 5 + (3 * i) % 7, 2], 0.0)).collect()
}

/// Larger numbers than fresh weights: through a small frozen embedding no logit could ever be large.
fn base() -> Decoder<Cpu> {
    tiny_decoder(5).map(|matrix| matrix.clone() * 20.0, Clone::clone)
}

fn trainer(recipe: LoraRecipe) -> LoraTrainer<Cpu> {
    LoraTrainer::new(&base(), sequences(), recipe).unwrap()
}

fn run(trainer: &mut LoraTrainer<Cpu>, steps: usize) -> Vec<f64> {
    (0..steps).map_while(|_| trainer.step().unwrap()).map(|report| report.loss).collect()
}

#[test]
fn eight_samples_are_learned_by_heart() {
    let recipe = LoraRecipe { rank: 8, alpha: 16.0, epochs: 200, batch_size: 8, ..RECIPE };
    // The norm before the frozen embedding bounds every logit: what is to be learned by heart must be sayable.
    let mut base = base();
    base.norm = base.norm * 5.0;
    let mut trainer = LoraTrainer::new(&base, sequences(), recipe).unwrap();
    let losses = run(&mut trainer, usize::MAX);
    assert_eq!(losses.len(), 200);
    assert!(losses[0] > 2.0 && losses[199] < 0.05, "{} → {}", losses[0], losses[199]);
}

#[test]
fn the_first_loss_is_the_bases_own() {
    let mut trainer = trainer(LoraRecipe { batch_size: 8, ..RECIPE });
    let rows = sequences();
    let base = base();
    let batch = Batch::<Cpu>::new(&rows.iter().collect::<Vec<_>>(), &Default::default());
    let loss = base.loss(batch, &base.rope(8), None).into_scalar();
    let first = trainer.step().unwrap().unwrap().loss;
    assert!((first - f64::from(loss)).abs() < 1e-6);
}

#[test]
fn a_mask_off_by_one_would_change_the_loss() {
    let base = base();
    let loss = |shift: usize| {
        let rows: Vec<Sequence> = sequences()
            .into_iter()
            .map(|mut sequence| {
                sequence.weights.rotate_left(shift);
                sequence
            })
            .collect();
        let batch = Batch::<Cpu>::new(&rows.iter().collect::<Vec<_>>(), &Default::default());
        base.loss(batch, &base.rope(8), None).into_scalar()
    };
    assert!((loss(0) - loss(1)).abs() > 1e-3);
}

#[test]
fn the_same_seed_gives_the_same_adapter() {
    let adapter = |seed| {
        let mut trainer = trainer(LoraRecipe { seed, ..RECIPE });
        run(&mut trainer, 4);
        trainer.state()
    };
    assert_eq!(adapter(1), adapter(1));
    assert_ne!(adapter(1), adapter(2));
}

#[test]
fn resuming_at_any_step_equals_a_straight_run() {
    let mut straight = trainer(RECIPE);
    let losses = run(&mut straight, usize::MAX);
    for at in [0, 1, 3] {
        let mut first = trainer(RECIPE);
        run(&mut first, at);
        let file = first.state().to_bytes(Precision::F32).unwrap();
        let mut second = trainer(RECIPE);
        second.restore(TensorSet::from_bytes(&file, "checkpoint".into()).unwrap(), at).unwrap();
        assert_eq!(run(&mut second, usize::MAX), losses[at..]);
        assert_eq!(second.state(), straight.state());
    }
}

#[test]
fn a_checkpoint_of_another_run_changes_nothing() {
    let mut mine = trainer(RECIPE);
    let before = mine.state();
    let other = trainer(LoraRecipe { rank: 2, ..RECIPE });
    let error = mine.restore(other.state(), 1).unwrap_err().to_string();
    assert!(error.contains("expected [16, 4]"), "{error}");
    assert!(mine.restore(before.clone(), 99).unwrap_err().to_string().contains("step 99"));
    assert_eq!((mine.state(), mine.steps_done()), (before, 0));
}

#[test]
fn recipes_that_cannot_work_are_refused_with_the_rule() {
    let refusal = |recipe: LoraRecipe| LoraTrainer::new(&base(), sequences(), recipe).err().unwrap().to_string();
    assert!(refusal(LoraRecipe { rank: 0, ..RECIPE }).contains("from 1 to 8"));
    assert!(refusal(LoraRecipe { rank: 9, ..RECIPE }).contains("from 1 to 8"));
    assert!(refusal(LoraRecipe { learning_rate: f64::NAN, ..RECIPE }).contains("learning-rate is NaN"));
    assert!(refusal(LoraRecipe { epochs: 0, ..RECIPE }).contains("at least 1"));
}

#[test]
fn a_run_that_diverges_says_so() {
    let mut trainer = trainer(RECIPE);
    let broken = trainer.adapter().map(|factor| factor.clone() + f32::NAN);
    trainer.set_adapter(broken);
    assert!(trainer.step().unwrap_err().to_string().contains("diverged"));
}

/// The decoder with `W + s·A·B` in place of every adapted W.
fn merged(mut base: Decoder<Cpu>, adapter: &LoraWeights<Cpu>) -> Decoder<Cpu> {
    for (block, layer) in base.blocks.iter_mut().zip(&adapter.layers) {
        for projection in Projection::ALL {
            if let Some(pair) = layer.get(projection) {
                let weight = block.projection_mut(projection);
                *weight = weight.clone() + pair.a.clone().matmul(pair.b.clone()) * adapter.scale;
            }
        }
    }
    base
}

#[test]
fn merged_weights_give_the_adapters_logits() {
    let mut trainer = trainer(RECIPE);
    run(&mut trainer, 4);
    let base = base();
    let ids = || Tensor::from_data([[1, 4, 19, 13, 30]], &Default::default());
    let logits = |decoder: &Decoder<Cpu>, adapter| decoder.logits(decoder.hidden(ids(), &decoder.rope(5), adapter));
    let adapted = logits(&base, Some(trainer.adapter()));
    assert!(difference(&adapted, &logits(&merged(base.clone(), trainer.adapter()), None)) < 1e-5);
    assert!(difference(&adapted, &logits(&base, None)) > 1e-3);
}
