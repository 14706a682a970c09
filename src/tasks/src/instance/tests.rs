use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

use super::*;

fn fixed() -> Parameters {
    Parameters { k: 7, m: 3, t: 2, c: 9, a: 'e', b: 's', j: "-" }
}

fn instance<'u>(universe: &'u Universe, family: &str, forms: &[usize]) -> Instance<'u> {
    let family = universe.family(family).unwrap();
    let steps = family.steps.iter().zip(forms).map(|(&position, &form)| {
        let operation = &universe.operations()[position];
        Step { operation, form: &operation.forms[form], parameters: fixed() }
    });
    Instance { family, steps: steps.collect() }
}

#[test]
fn a_chain_becomes_a_function() {
    let universe = Universe::load().unwrap();
    let instance = instance(&universe, "L:f_mult>skip>count_cmp", &[0, 0, 1]);
    assert_eq!(
        instance.reference(),
        "    xs = [x for x in xs if x % 3 == 0]\n    xs = xs[2:]\n    return sum(1 for x in xs if x < 7)\n"
    );
}

#[test]
fn blocks_hand_their_result_on() {
    let universe = Universe::load().unwrap();
    let chain = instance(&universe, "L:dedupe>cumsum>prod", &[0, 0, 0]);
    let lines = [
        "out = []",
        "for x in xs:",
        "    if x not in out:",
        "        out.append(x)",
        "res = []",
        "total = 0",
        "for x in out:",
        "    total += x",
        "    res.append(total)",
        "total = 1",
        "for x in res:",
        "    total *= x",
        "return total",
    ];
    assert_eq!(chain.reference(), lines.map(|line| format!("    {line}\n")).concat());
}

#[test]
fn a_prompt_is_a_signature_and_one_sentence() {
    let universe = Universe::load().unwrap();
    let chain = instance(&universe, "L:f_mult>skip>count_cmp", &[0, 0, 1]);
    let mut prompts: Vec<String> = (0..2_000).map(|seed| chain.prompt(&mut ChaCha8Rng::seed_from_u64(seed))).collect();
    assert!(
        prompts.contains(
            &"def solve(xs: list[int]) -> int:\n    \"\"\"For a list of integers, first keep numbers divisible by 3, \
          then drop the first 2 elements, then count how many are less than 7.\"\"\"\n"
                .to_owned()
        )
    );
    prompts.sort();
    prompts.dedup();
    // 4 sentences, 3 nouns, 2 phrasings of each step.
    assert_eq!(prompts.len(), 4 * 3 * 2 * 2 * 2);
}

#[test]
fn every_sentence_fits_one_step_and_several() {
    let clauses = ["sort it".to_owned(), "halve it".to_owned(), "add 1".to_owned()];
    let written = |sentence: Sentence, count: usize| sentence.write("a list", &clauses[..count]);
    assert_eq!(written(Sentence::Given, 2), "Given a list, sort it, then halve it.");
    assert_eq!(written(Sentence::Return, 2), "Given a list: sort it; halve it. Return the result.");
    assert_eq!(written(Sentence::Take, 1), "Take a list, sort it and return it.");
    assert_eq!(written(Sentence::Take, 3), "Take a list, sort it, halve it, then add 1 and return it.");
    assert_eq!(written(Sentence::First, 1), "For a list, sort it.");
    assert_eq!(written(Sentence::First, 2), "For a list, first sort it, then halve it.");
}

/// The shipped base model was trained on these texts; whoever changes one has to train it again.
#[test]
fn the_texts_of_the_table_are_the_ones_the_base_model_knows() {
    let universe = Universe::load().unwrap();
    let mut operations: Vec<&Operation> = universe.operations().iter().collect();
    operations.sort_by(|left, right| left.kind.cmp(&right.kind));
    let mut hash = Sha256::new();
    for operation in operations {
        for form in &operation.forms {
            for phrasing in &form.phrasings {
                let clause = phrasing.fill(&fixed(), Variables { input: "", output: "" });
                hash.update(format!("{}\n{clause}\n", operation.kind));
            }
            for code in form.correct.iter().chain(&form.buggy) {
                let parameters = fixed();
                let link = Link::Step { code, parameters: &parameters, output: operation.output };
                hash.update(body(operation.input, &[link]));
            }
        }
    }
    assert_eq!(hex(hash), "024c52e3cb40255759640d61a99d815d5dd15da06982565c88a3a63a352848a1");
}

#[test]
fn the_programs_of_all_families_are_the_ones_the_base_model_knows() {
    let universe = Universe::load().unwrap();
    let mut families: Vec<&Family> = universe.families().iter().collect();
    families.sort_by(|left, right| left.id.cmp(&right.id));
    let mut hash = Sha256::new();
    for family in families {
        let forms: Vec<usize> = family.steps.iter().map(|&step| universe.operations()[step].forms.len() - 1).collect();
        let chain = instance(&universe, &family.id, &forms);
        let last: Vec<Link<'_>> =
            chain.steps.iter().map(|step| step.link(&step.form.correct[step.form.correct.len() - 1])).collect();
        for program in [chain.reference(), body(family.input, &last)] {
            hash.update(format!("{}\n{program}", family.id));
        }
    }
    assert_eq!(hex(hash), "059b961cacec809d2edca234d32869f3f8ada85b5dd3dbdaf6217a216a251c0f");
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
