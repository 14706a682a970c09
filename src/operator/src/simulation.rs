//! The four reconcilers against a world that lets everything happen at the worst moment.
//!
//! The world holds what the Kubernetes API, the store, the gateway and the inference servers hold. A step looks and
//! decides; another one, later, does what was decided, perhaps only its first actions, and writes the status only if the
//! object is still the one that was read. In between, trainers end, pods restart, people abort, pin and suspend.

mod carry;
mod invariants;
mod look;
mod objects;
mod steps;
mod world;

use proptest::prelude::*;

use self::invariants::Invariants;
use self::look::Target;
use self::steps::{Step, step};
use self::world::World;

/// Every object is looked at, and what was decided is done, until nothing changes any more.
fn settle(world: &mut World) {
    for _ in 0..40 {
        world.sync_gateway();
        for target in world.targets() {
            if let Some(decided) = world.look(&target) {
                world.carry_out(decided, None);
            }
        }
        world.now += 1;
    }
}

#[test]
fn one_turn_of_the_loop_ends_with_a_better_champion() {
    let mut world = World::new();
    world.learn(500);
    settle(&mut world);
    assert_eq!(world.names(), ["run coder-r1"], "enough was learned: a TrainingRun");
    world.finish_training(0);
    settle(&mut world);
    assert_eq!(world.names(), ["run coder-r1", "evaluation coder-r1"]);
    world.finish_evaluation(0, 0.3);
    settle(&mut world);
    assert_eq!(world.rollouts.len(), 1, "it passed: a Rollout");
    assert_eq!(world.rollouts[0].canary_weight(), 10);
    for _ in 0..3 {
        world.traffic(40, 0.9, 0.7);
        world.now += 100;
        settle(&mut world);
    }
    let champion = world.champion().expect("a champion");
    assert_eq!(champion.adapter.digest, world.rollouts[0].spec.candidate.digest);
    assert_eq!(champion.score.as_ref().map(genesis_api::Decimal::as_str), Some("0.8000"));
    assert!(world.rollouts[0].is_finished());
    let status = world.model.status.as_ref().expect("a status");
    assert_eq!(status.history[0].outcome.to_string(), "Promoted");
    assert_eq!((status.updated_replicas, status.consecutive_rejections), (1, 0));

    // The next turn is judged against the new champion.
    world.learn(500);
    world.now += 1_000;
    settle(&mut world);
    world.finish_training(1);
    settle(&mut world);
    assert_eq!(
        world.evaluations[1].spec.baseline,
        world.rollouts.first().map(|rollout| rollout.spec.candidate.clone())
    );
}

#[test]
fn a_candidate_that_is_not_better_changes_nothing() {
    for gain in [0.0, -0.4] {
        let mut world = World::new();
        world.learn(500);
        settle(&mut world);
        world.finish_training(0);
        settle(&mut world);
        world.finish_evaluation(0, gain);
        settle(&mut world);
        assert!(world.rollouts.is_empty() && world.champion().is_none());
        let status = world.model.status.as_ref().expect("a status");
        assert_eq!((status.history[0].outcome.to_string(), status.consecutive_rejections), ("Rejected".to_owned(), 1));
        assert!(
            world.loaded.iter().all(std::collections::BTreeMap::is_empty) || world.now < 60,
            "it is unloaded after a while"
        );
    }
}

#[test]
fn a_candidate_that_hurts_is_taken_off_and_unlearned() {
    let mut world = World::rolling_out();
    world.traffic(60, 0.05, 0.95);
    settle(&mut world);
    let rollout = &world.rollouts[0];
    assert_eq!(
        rollout.status.as_ref().and_then(|status| status.completion_status).map(|end| format!("{end}")),
        Some("RolledBack".into())
    );
    assert_eq!(world.reverted, std::slice::from_ref(&rollout.spec.candidate.digest));
    assert!(world.champion().is_none());
    world.now += 60;
    settle(&mut world);
    assert!(world.loaded.iter().all(std::collections::BTreeMap::is_empty), "nobody needs the candidate any more");
}

#[test]
fn a_newer_candidate_waits_until_the_older_one_has_given_its_traffic_back() {
    let mut world = World::rolling_out();
    world.now += 5;
    world.person_rolls_out(99);
    // The gateway is slow: until it says that the older one takes nothing, the newer one takes nothing either.
    for _ in 0..10 {
        for target in world.targets() {
            if let Some(decided) = world.look(&target) {
                world.carry_out(decided, None);
            }
        }
    }
    assert!(!world.rollouts[0].is_finished() && world.rollouts[0].canary_weight() == 0);
    assert_eq!(world.rollouts[1].canary_weight(), 0);
    settle(&mut world);
    let end = world.rollouts[0].status.as_ref().and_then(|status| status.completion_status);
    assert_eq!(end.map(|end| format!("{end}")), Some("Superseded".into()));
    assert_eq!(world.rollouts[1].canary_weight(), 10);
}

#[test]
fn a_suspended_loop_stands_still_and_goes_on_where_it_stood() {
    let mut world = World::rolling_out();
    world.model.spec.suspend = true;
    world.changed_spec();
    settle(&mut world);
    assert!(world.rollouts[0].spec.paused, "the rollout is held with its model");
    world.traffic(200, 0.9, 0.7);
    world.learn(5_000);
    world.now += 10_000;
    settle(&mut world);
    assert_eq!((world.rollouts[0].canary_weight(), world.runs.len()), (10, 1), "nothing moved");
    assert_eq!(world.model.status.as_ref().map(|status| status.ready_replicas), Some(1), "serving goes on");
    world.model.spec.suspend = false;
    world.changed_spec();
    settle(&mut world);
    assert!(
        !world.rollouts[0].spec.paused && world.rollouts[0].canary_weight() > 0 && !world.rollouts[0].is_finished()
    );
}

#[test]
fn a_pinned_adapter_serves_and_holds_the_loop() {
    let mut world = World::rolling_out();
    world.model.spec.pinned_adapter = Some(crate::model::testing::adapter(7));
    world.changed_spec();
    settle(&mut world);
    assert_eq!(
        world.champion().map(|champion| champion.adapter.digest.clone()),
        Some(crate::model::testing::adapter(7).digest)
    );
    let end = world.rollouts[0].status.as_ref().and_then(|status| status.completion_status);
    assert_eq!(end.map(|end| format!("{end}")), Some("Aborted".into()));
}

#[test]
fn many_rejections_stop_the_loop_until_someone_cares() {
    let mut world = World::new();
    for _ in 0..5 {
        world.learn(500);
        world.now += 1_000;
        settle(&mut world);
        world.finish_training(world.runs.len() - 1);
        settle(&mut world);
        world.finish_evaluation(world.evaluations.len() - 1, -0.4);
        settle(&mut world);
    }
    world.learn(500);
    world.now += 10_000;
    settle(&mut world);
    assert_eq!(world.loop_reason(), "RejectionLimit");
    let names = world.names();
    let expected = ["run coder-r3", "run coder-r4", "run coder-r5"];
    assert_eq!(names[..3], expected, "older turns are deleted: {names:?}");
    world.model.spec.triggers.min_verified_rows = 10;
    world.changed_spec();
    settle(&mut world);
    assert_eq!(world.loop_reason(), "Training");
}

#[test]
fn a_pod_that_restarts_at_the_last_moment_does_not_blur_the_record() {
    let mut world = World::rolling_out();
    world.rollouts[0].spec.desired_outcome = genesis_api::rollout::DesiredOutcome::Promote;
    for target in [Target::Rollout("coder-r1".into()), Target::Model] {
        let decided = world.look(&target).expect("it is there");
        world.carry_out(decided, None);
    }
    world.loaded[0].clear();
    let decided = world.look(&Target::Rollout("coder-r1".into())).expect("it is there");
    world.carry_out(decided, None);
    let status = world.rollouts[0].status.clone().expect("a status");
    assert!(
        status.completion_status.is_some()
            && status.served_digest == Some(world.rollouts[0].spec.candidate.digest.clone())
    );
}

#[test]
fn a_pod_that_restarts_before_the_hand_over_does_not_stop_it() {
    let mut world = World::rolling_out();
    world.rollouts[0].spec.desired_outcome = genesis_api::rollout::DesiredOutcome::Promote;
    let decided = world.look(&Target::Rollout("coder-r1".into())).expect("it is there");
    world.carry_out(decided, None);
    assert_eq!(world.rollouts[0].canary_weight(), 100);
    world.loaded[0].clear();
    let decided = world.look(&Target::Rollout("coder-r1".into())).expect("it is there");
    world.carry_out(decided, None);
    settle(&mut world);
    assert!(world.rollouts[0].is_finished() && world.champion().is_some(), "{:?}", world.rollouts[0].status);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// Whatever happens, in whatever order: see `Invariants`.
    #[test]
    fn nothing_that_happens_breaks_the_promises(steps in prop::collection::vec(step(), 1..250)) {
        let mut world = World::new();
        let mut invariants = Invariants::default();
        for next in steps {
            let said = format!("{next:?}");
            Step::take(next, &mut world, &mut invariants);
            invariants.check(&world).map_err(|broken| TestCaseError::fail(format!("after {said}: {broken}")))?;
        }
        settle(&mut world);
        invariants::decided_ends_come(&world).map_err(TestCaseError::fail)?;
    }
}
