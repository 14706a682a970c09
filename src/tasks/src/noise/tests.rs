use genesis_core::task::Split;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::universe::{DOCUMENT_LENGTHS, Universe};

fn share(noise: Noise, differs: fn(&Instance<'_>, &str) -> bool) -> f64 {
    let universe = Universe::load().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let draws = 4_000;
    let hits = (0..draws).filter(|_| {
        let family = universe.draw(Split::Pretraining, DOCUMENT_LENGTHS, &mut rng).unwrap();
        let instance = Instance::draw(&universe, family, &mut rng);
        let body = noise.body(&instance, &mut rng);
        differs(&instance, &body)
    });
    hits.count() as f64 / f64::from(draws)
}

fn lines(body: &str) -> usize {
    body.lines().count()
}

#[test]
fn without_noise_every_step_is_one_of_its_correct_templates() {
    let universe = Universe::load().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    for _ in 0..500 {
        let family = universe.draw(Split::Pretraining, &[(1, 1.0)], &mut rng).unwrap();
        let instance = Instance::draw(&universe, family, &mut rng);
        let written = Noise::NONE.body(&instance, &mut rng);
        let step = &instance.steps[0];
        assert!(step.form.correct.iter().any(|code| body(family.input, &[step.link(code)]) == written), "{written}");
    }
}

#[test]
fn a_lost_bracket_costs_one_character() {
    let unbalanced = |_: &Instance<'_>, body: &str| {
        body.matches('(').count() != body.matches(')').count() || body.matches('[').count() != body.matches(']').count()
    };
    assert_eq!(share(Noise::NONE, unbalanced), 0.0);
    let noise = Noise { syntax: 1.0, ..Noise::NONE };
    assert!(share(noise, unbalanced) > 0.7, "the others lose a colon, or had nothing to lose");
}

#[test]
fn a_skipped_step_makes_the_program_shorter() {
    let shorter = |instance: &Instance<'_>, body: &str| lines(body) < instance.steps.len();
    assert_eq!(share(Noise::NONE, shorter), 0.0);
    assert!(share(Noise { skip: 1.0, ..Noise::NONE }, shorter) > 0.4);
}

#[test]
fn scale_multiplies_every_rate_of_bugs() {
    let buggy = |instance: &Instance<'_>, written: &str| {
        instance.steps.len() == 1 && {
            let step = &instance.steps[0];
            step.form.buggy.iter().any(|code| body(instance.family.input, &[step.link(code)]) == written)
        }
    };
    assert_eq!(share(Noise::NONE, buggy), 0.0);
    let standard = share(Noise { scale: 1.0, ..Noise::NONE }, buggy);
    let all = share(Noise { scale: 100.0, ..Noise::NONE }, buggy);
    // 0.15 of the documents have one step; of those between 12 and 60 % are buggy.
    assert!((0.02..0.09).contains(&standard), "{standard}");
    assert!((0.12..0.18).contains(&all), "{all}");
}

#[test]
fn a_constant_off_by_one_shows() {
    let differs = |instance: &Instance<'_>, body: &str| body != instance.reference();
    let noise = Noise { constant: 1.0, ..Noise::NONE };
    assert!(share(noise, differs) > share(Noise::NONE, differs) + 0.1);
}
