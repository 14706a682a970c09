use proptest::prelude::*;

use super::*;
use crate::family::family_split;

fn documents(universe: &Universe, plan: CorpusPlan, forbidden: &BTreeSet<String>) -> Vec<Document> {
    universe.corpus(plan, forbidden).collect()
}

#[test]
fn a_corpus_is_the_same_for_a_seed_and_grows_at_its_end() {
    let universe = Universe::load().unwrap();
    let nothing = BTreeSet::new();
    let long = documents(&universe, CorpusPlan::new(7, 300), &nothing);
    assert_eq!(long.len(), 300);
    assert_eq!(documents(&universe, CorpusPlan::new(7, 100), &nothing), long[..100]);
    assert_ne!(documents(&universe, CorpusPlan::new(8, 100), &nothing), long[..100]);
}

#[test]
fn forbidden_prompts_do_not_occur() {
    let universe = Universe::load().unwrap();
    let plan = CorpusPlan { example_share: 1.0, ..CorpusPlan::new(7, 200) };
    let before = documents(&universe, plan, &BTreeSet::new());
    let forbidden: BTreeSet<String> = before.iter().step_by(2).map(|document| document.prompt.clone()).collect();
    let after = documents(&universe, plan, &forbidden);
    assert_eq!(after.len(), before.len());
    for document in &after {
        assert!(!forbidden.contains(&document.prompt));
        let context = document.context.as_deref().unwrap();
        assert!(forbidden.iter().all(|prompt| !context.starts_with(prompt)));
    }
}

#[test]
fn all_documents_and_examples_are_of_the_pretraining_split() {
    let universe = Universe::load().unwrap();
    for document in documents(&universe, CorpusPlan::new(3, 1_000), &BTreeSet::new()) {
        assert_eq!(family_split(&document.family), Ok(Split::Pretraining));
    }
}

#[test]
fn an_example_stands_before_about_fifteen_percent() {
    let universe = Universe::load().unwrap();
    let documents = documents(&universe, CorpusPlan::new(5, 4_000), &BTreeSet::new());
    let with: Vec<&Document> = documents.iter().filter(|document| document.context.is_some()).collect();
    let share = with.len() as f64 / documents.len() as f64;
    assert!((share - 0.15).abs() < 0.02, "{share}");
    for document in with {
        let context = document.context.as_deref().unwrap();
        assert!(context.starts_with("def solve(") && context.ends_with('\n') && context.contains("    return "));
        assert_eq!(document.text(), format!("{context}\n{}{}", document.prompt, document.body));
    }
}

#[test]
fn without_examples_a_document_is_prompt_and_body() {
    let universe = Universe::load().unwrap();
    let plan = CorpusPlan { example_share: 0.0, ..CorpusPlan::new(5, 50) };
    for document in documents(&universe, plan, &BTreeSet::new()) {
        assert_eq!(document.context, None);
        assert_eq!(document.text(), document.prompt.clone() + &document.body);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_seed_gives_the_same_documents_twice(seed in any::<u64>()) {
        let universe = Universe::load().unwrap();
        let nothing = BTreeSet::new();
        let plan = CorpusPlan::new(seed, 20);
        prop_assert_eq!(documents(&universe, plan, &nothing), documents(&universe, plan, &nothing));
    }
}
