use genesis_core::task::{TestCase, TestSuite};
use genesis_ledger::types::generation::Pathway;

use super::*;
use crate::app::scope;
use crate::generate::request::Asked;
use crate::generate::testing::START;
use crate::routing::RouteTable;
use crate::routing::testing::canary;
use crate::testing::{Harness, ready_route};

fn tested() -> Asked {
    let cases = vec![TestCase { args: vec!["[1, 2]".into()], expected: "2".into() }];
    let tests = Some(TestSuite::Calls { entry: "solve".into(), cases });
    Asked { prompt: START.into(), use_patterns: true, tests, ..Asked::default() }
}

fn task(number: usize) -> Asked {
    let prompt = START.replace("Count.", &format!("Count the integers of the list, variant {number}."));
    Asked { prompt, task_id: Some(format!("t{number}")), family: Some("count".into()), ..tested() }
}

async fn ask(harness: &Harness, asked: Asked, key: &str) -> Result<Answer, GenerateError> {
    let request = Request::new(asked, Some(key.into()), None, String::new).unwrap();
    harness.app.pipeline.generate(harness.route(), request, 1_000).await
}

async fn answer(harness: &Harness, asked: Asked, key: &str) -> Answer {
    ask(harness, asked, key).await.unwrap()
}

#[tokio::test]
async fn a_program_that_passes_its_tests_answers_and_is_learned_from() {
    let harness = Harness::new().await;
    let got = answer(&harness, task(1), "k").await;
    assert!(got.verified && got.quality >= 0.9, "{got:#?}");
    assert_eq!(got.completion.as_deref(), Some("    return len(xs)\n"));
    assert_eq!(got.candidates.len(), 1, "equal samples are one candidate");
    assert_eq!(got.candidates[0].samples, 4);
    assert!(!got.id.is_empty());
    let learned = harness.app.pipeline.ledger.learning_snapshot(&scope(&harness.route().key), 0, 4).await.unwrap();
    assert_eq!((learned.total, learned.verified_rows), (0, 1));
    assert_eq!(harness.app.pipeline.ledger.top_patterns(&scope(&harness.route().key), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_tests_the_answer_is_unverified_and_never_enters_the_corpus() {
    let harness = Harness::new().await;
    let got = answer(&harness, Asked { tests: None, ..task(1) }, "k").await;
    assert!(!got.verified && got.outcome == Outcome::Unverified && got.code.is_some());
    let learned = harness.app.pipeline.ledger.learning_snapshot(&scope(&harness.route().key), 0, 4).await.unwrap();
    assert_eq!(learned.verified_rows, 0);
}

#[tokio::test]
async fn what_fails_is_captured_and_a_third_pass_is_tried() {
    let harness = Harness::new().await;
    harness.model.answers(|request| {
        let third = request.prompt.ends_with("    n = 0\n");
        let last = if third {
            "    return len(xs)\n"
        } else if request.temperature < 0.5 {
            "    return 1\n"
        } else {
            "    return 2\n"
        };
        let shared = if third { "" } else { "    n = 0\n" };
        Ok(vec![format!("{shared}{last}"); request.n as usize])
    });
    let got = answer(&harness, task(1), "k").await;
    assert!(got.verified, "{got:#?}");
    assert_eq!(got.completion.as_deref(), Some("    n = 0\n    return len(xs)\n"));
    let pathways: Vec<Pathway> = got.candidates.iter().map(|candidate| candidate.pathway).collect();
    assert_eq!(pathways, [Pathway::Analytical, Pathway::Creative, Pathway::Fusion]);
    let learned = harness.app.pipeline.ledger.recent_learnings("default", None, 9).await.unwrap();
    assert_eq!(learned.len(), 2);
    let arms = harness.app.pipeline.ledger.arm_statistics(&scope(&harness.route().key), 0).await.unwrap();
    assert_eq!((arms[0].verified, arms[0].passed), (1, 0), "an arm is judged by its first sample");
}

#[tokio::test]
async fn one_sample_is_the_analytical_pathway_alone() {
    let harness = Harness::new().await;
    harness.model.says("    return 1\n");
    let got = answer(&harness, Asked { samples: Some(1), ..task(1) }, "k").await;
    assert_eq!((got.outcome, harness.model.asked().len()), (Outcome::Fail, 1));
}

#[tokio::test]
async fn patterns_are_shown_for_prompts_like_theirs_and_judged_by_what_comes_of_it() {
    let harness = Harness::new().await;
    answer(&harness, task(1), "k1").await;
    harness.settle().await;
    harness.model.asked();
    let got = answer(&harness, task(2), "k2").await;
    let asked = harness.model.asked();
    let analytical = asked.iter().find(|request| request.temperature < 0.5).unwrap();
    assert!(
        analytical
            .prompt
            .starts_with("def solve(xs: list[int]) -> int:\n    \"\"\"Count the integers of the list, variant 1.")
    );
    assert!(analytical.prompt.ends_with(&task(2).prompt));
    assert_eq!(got.patterns_used.len(), 1);
    let pattern = harness.app.pipeline.ledger.pattern("default", &got.patterns_used[0]).await.unwrap().unwrap();
    let observed = pattern.uses as f64 + pattern.standing.withheld_successes;
    let creative = f64::from(harness.route().settings.creative.samples);
    // Older observations count a little less than new ones.
    assert!((observed - creative).abs() < 0.1, "each creative sample is an observation: {pattern:?}");
    harness.model.asked();
    answer(&harness, Asked { use_patterns: false, ..task(3) }, "k3").await;
    assert!(harness.model.asked().iter().all(|request| request.prompt == task(3).prompt));
}

#[tokio::test]
async fn a_repeat_of_a_key_gets_the_first_answer_and_counts_nothing() {
    let harness = Harness::new().await;
    let first = answer(&harness, task(1), "k").await;
    harness.model.says("    return 1\n");
    assert_eq!(answer(&harness, task(1), "k").await, first);
    assert!(matches!(ask(&harness, task(2), "k").await, Err(GenerateError::KeyReused)));
    let statistics = harness.app.pipeline.ledger.feedback_statistics(&scope(&harness.route().key)).await.unwrap();
    assert_eq!(statistics.generations, 1);
}

#[tokio::test]
async fn repeats_that_come_together_count_once() {
    let harness = Harness::new().await;
    let (first, second) = tokio::join!(answer(&harness, task(1), "k"), answer(&harness, task(1), "k"));
    assert_eq!(first, second);
    let statistics = harness.app.pipeline.ledger.feedback_statistics(&scope(&harness.route().key)).await.unwrap();
    assert_eq!(statistics.generations, 1);
}

#[tokio::test]
async fn an_infra_outcome_is_retried_once_and_then_counts_for_nobody() {
    let harness = Harness::new().await;
    harness.sandbox.next.lock().unwrap().push_back(ExecutionVerdict::Infra);
    assert!(answer(&harness, task(1), "once").await.verified);
    harness.sandbox.next.lock().unwrap().extend([ExecutionVerdict::Infra; 2]);
    assert!(matches!(ask(&harness, task(2), "twice").await, Err(GenerateError::Infra)));
    let statistics = harness.app.pipeline.ledger.feedback_statistics(&scope(&harness.route().key)).await.unwrap();
    assert_eq!((statistics.failed, statistics.infra, statistics.learnings), (0, 1, 0));
    assert!(answer(&harness, task(2), "twice").await.verified, "the key is free for the next attempt");
}

#[tokio::test]
async fn where_one_could_not_be_judged_the_failures_of_the_others_count_for_nobody() {
    let harness = Harness::new().await;
    harness.model.answers(|request| {
        let value = if request.temperature < 0.5 { 1 } else { 2 };
        Ok(vec![format!("    return {value}\n"); request.n as usize])
    });
    let verdicts = [ExecutionVerdict::WrongAnswer, ExecutionVerdict::Infra, ExecutionVerdict::Infra];
    harness.sandbox.next.lock().unwrap().extend(verdicts);
    assert!(matches!(ask(&harness, task(1), "k").await, Err(GenerateError::Infra)));
    let statistics = harness.app.pipeline.ledger.feedback_statistics(&scope(&harness.route().key)).await.unwrap();
    assert_eq!((statistics.failed, statistics.infra, statistics.learnings), (0, 1, 0));
    let arms = harness.app.pipeline.ledger.arm_statistics(&scope(&harness.route().key), 0).await.unwrap();
    assert_eq!((arms[0].requests, arms[0].verified, arms[0].infra), (0, 0, 1));
}

#[tokio::test]
async fn beyond_the_room_for_waiting_requests_are_told_to_come_back() {
    let harness = Harness::with(|config| (config.max_generations, config.max_waiting) = (1, 1)).await;
    let first = answer(&harness, task(1), "k").await;
    let room = Arc::clone(&harness.app.pipeline.admitted).try_acquire_many_owned(2).unwrap();
    assert!(matches!(ask(&harness, task(2), "other").await, Err(GenerateError::Busy)));
    assert_eq!(answer(&harness, task(1), "k").await, first, "a repeat needs no room");
    drop(room);
    assert!(answer(&harness, task(2), "other").await.verified);
}

#[tokio::test]
async fn tests_that_cannot_be_run_are_the_consumer_s_and_count_for_nobody() {
    let harness = Harness::new().await;
    harness.sandbox.next.lock().unwrap().push_back(ExecutionVerdict::Rejected);
    assert!(matches!(ask(&harness, task(1), "k").await, Err(GenerateError::Tests { .. })));
    let statistics = harness.app.pipeline.ledger.feedback_statistics(&scope(&harness.route().key)).await.unwrap();
    assert_eq!((statistics.generations, statistics.learnings), (0, 0));
}

#[tokio::test]
async fn a_sandbox_that_is_down_is_an_infra_outcome() {
    let harness = Harness::new().await;
    *harness.sandbox.down.lock().unwrap() = true;
    assert!(matches!(ask(&harness, task(1), "k").await, Err(GenerateError::Infra)));
}

#[tokio::test]
async fn what_the_gate_refuses_never_runs_and_never_answers() {
    let harness = Harness::new().await;
    harness.model.says("    import subprocess\n    subprocess.call('ls', shell=True)\n    return len(xs)\n");
    let got = answer(&harness, task(1), "k").await;
    assert_eq!((got.code, got.outcome, *harness.sandbox.executed.lock().unwrap()), (None, Outcome::Fail, 0));
    assert!(got.candidates[0].reason.starts_with("refused by the gate: "), "{:?}", got.candidates);
}

#[tokio::test]
async fn a_replica_without_the_canary_lets_the_stable_model_answer_outside_both_arms() {
    let harness = Harness::new().await;
    let candidate = canary(100, "r");
    let name = candidate.served.name.clone();
    harness.announce.send_replace(Arc::new(RouteTable::new([ModelRoute {
        canary: Some(candidate),
        ..ready_route(&harness.data)
    }])));
    assert_eq!(answer(&harness, task(1), "k1").await.served_name, name);
    harness.model.answers(move |request| {
        if request.model == name {
            return Err(ModelError::UnknownName { name: request.model.clone() });
        }
        Ok(vec!["    return len(xs)\n".to_owned(); request.n as usize])
    });
    let got = answer(&harness, task(2), "k2").await;
    assert_eq!((got.served_name.as_str(), got.arm, got.canary_fallback), ("seedling", Arm::Stable, true));
    let arms = harness.app.pipeline.ledger.arm_statistics(&scope(&harness.route().key), 0).await.unwrap();
    assert!(arms.iter().all(|arm| arm.served_name != "seedling"), "{arms:?}");
}

#[tokio::test]
async fn a_prompt_beyond_the_window_is_refused() {
    let harness = Harness::new().await;
    let long = Asked { prompt: format!("{START}    # {}\n", "x".repeat(4_000)), ..tested() };
    assert!(matches!(ask(&harness, long, "k").await, Err(GenerateError::Prompt(_))));
}

#[tokio::test]
async fn many_requests_at_once_share_few_batches() {
    let harness = Harness::new().await;
    let all = (0..500).map(|i| {
        let harness = &harness;
        async move { answer(harness, Asked { samples: Some(2), ..task(i) }, &format!("k{i}")).await.verified }
    });
    let verified: Vec<bool> =
        futures::StreamExt::collect(futures::StreamExt::buffer_unordered(futures::stream::iter(all), 64)).await;
    assert!(verified.len() == 500 && verified.into_iter().all(|verified| verified));
    let (programs, batches) = (*harness.sandbox.executed.lock().unwrap(), *harness.sandbox.batches.lock().unwrap());
    assert!(programs == 500 && batches < programs, "{programs} programs in {batches} batches");
}
