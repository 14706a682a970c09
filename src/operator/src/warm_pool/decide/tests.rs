mod properties;

use super::*;
use crate::model::testing::at;
use crate::warm_pool::{ClaimKey, Pool, Tenant, place_name};

fn tenant() -> Tenant {
    Tenant { namespace: "ns".into(), model: "coder".into() }
}

/// The pod of a place, ready and the pool's.
fn pod(place: usize) -> Pod {
    Pod {
        key: PodKey { name: place_name("coder", place), uid: format!("u{place}") },
        version: 10 + place as u64,
        tenant: tenant(),
        template: "t".into(),
        owner: Owner::Pool("pool".into()),
        phase: Phase::Ready,
        deleted: false,
        created: at(0),
    }
}

fn claim(name: &str, wanted: usize, assigned: &[usize]) -> Claim {
    Claim {
        key: ClaimKey { name: name.into(), uid: format!("{name}-uid"), version: 1 },
        tenant: tenant(),
        created: at(0),
        wanted,
        over: false,
        assigned: assigned.iter().map(|place| pod(*place).key).collect(),
    }
}

fn held(place: usize, claim: &str) -> Pod {
    Pod { owner: Owner::Claim(format!("{claim}-uid")), ..pod(place) }
}

fn observed(pods: Vec<Pod>, claims: Vec<Claim>) -> Observed {
    let pool = Pool { tenant: tenant(), uid: "pool".into(), template: "t".into(), size: 2, failure_cap: 3 };
    Observed { pool, pods, version: 100, claims, expectations: Expectations::default() }
}

fn actions(observed: &Observed) -> Vec<PoolAction> {
    decide(observed, at(0)).actions
}

fn created(observed: &Observed) -> Vec<usize> {
    let place = |action| if let PoolAction::Create { place, .. } = action { Some(place) } else { None };
    actions(observed).into_iter().filter_map(place).collect()
}

#[test]
fn an_empty_pool_is_filled_once() {
    let mut empty = observed(vec![], vec![]);
    assert_eq!(created(&empty), [0, 1]);
    empty.expectations.creating(&place_name("coder", 0));
    empty.expectations.created(&place_name("coder", 0), 101);
    assert_eq!(created(&empty), [1], "what the cache does not show yet counts");
    empty.expectations.creating(&place_name("coder", 1));
    assert_eq!(created(&empty), [1], "nobody knows of this one: it is asked for again under its name");
    empty.version = 101;
    assert_eq!(created(&empty), [1, 0], "a list that is newer than a creation knows that the pod is gone");
    empty.expectations.refused(&place_name("coder", 1));
    assert_eq!(created(&empty), [0, 1]);
}

#[test]
fn a_claim_is_given_pods_in_two_writes() {
    let first = observed(vec![pod(0), pod(1)], vec![claim("a", 1, &[])]);
    let assign = PoolAction::Assign { claim: claim("a", 1, &[]).key, pods: vec![pod(0).key], absent: vec![] };
    let plan = decide(&first, at(0));
    assert_eq!(plan.actions, [assign, PoolAction::Create { place: 2, name: place_name("coder", 2) }]);
    assert_eq!((plan.status.ready, plan.status.unmet), (1, 0));
    let second = observed(vec![pod(0), pod(1), pod(2)], vec![claim("a", 1, &[0])]);
    let adopt = PoolAction::Adopt { pod: pod(0).key, version: 10, claim: "a-uid".into() };
    assert_eq!(actions(&second), [adopt]);
    let third = observed(vec![held(0, "a"), pod(1), pod(2)], vec![claim("a", 1, &[0])]);
    assert_eq!(actions(&third), []);
}

#[test]
fn older_claims_come_first_and_get_all_they_want() {
    let young = Claim { created: at(5), ..claim("a", 1, &[]) };
    let both = observed(vec![pod(0), pod(1)], vec![young, claim("b", 3, &[])]);
    let plan = decide(&both, at(0));
    assert_eq!(plan.status.unmet, 2);
    assert!(matches!(&plan.actions[0], PoolAction::Assign { claim, pods, .. } if claim.name == "b" && pods.len() == 2));
    assert_eq!(created(&both), [2, 3], "as many as claims wait for");
}

#[test]
fn an_assignment_that_was_written_down_is_kept() {
    // A newer pod would be ready, but the one that was promised comes.
    let due = Pod { phase: Phase::Starting, ..pod(0) };
    let kept = observed(vec![due, pod(1), pod(2)], vec![claim("a", 1, &[0])]);
    assert!(matches!(&actions(&kept)[..], [PoolAction::Adopt { pod, .. }] if pod.name == "coder-warm-0"));
    // That it is not shown says nothing before it was read; nor that another one of its name is, which may be the one
    // before it.
    let another = Pod { key: PodKey { uid: "another".into(), ..pod(0).key }, ..held(0, "b") };
    for view in [vec![pod(1), pod(2)], vec![another, pod(1), pod(2)]] {
        let unseen = observed(view, vec![claim("a", 1, &[0]), claim("b", 0, &[])]);
        let PoolAction::Assign { pods, absent, .. } = &actions(&unseen)[0] else { panic!("it is replaced") };
        assert_eq!((pods.as_slice(), absent.as_slice()), ([pod(1).key].as_slice(), [pod(0).key].as_slice()));
    }
}

#[test]
fn what_cannot_come_any_more_is_replaced() {
    let over = Pod { phase: Phase::Over(at(0)), ..held(0, "a") };
    for lost in [held(0, "b"), over, Pod { deleted: true, ..pod(0) }] {
        let seen = observed(vec![lost.clone(), pod(1), pod(2)], vec![claim("a", 1, &[0]), claim("b", 0, &[])]);
        let assign = actions(&seen).into_iter().find(|action| matches!(action, PoolAction::Assign { .. }));
        let Some(PoolAction::Assign { pods, absent, .. }) = assign else { panic!("{lost:?} is not replaced") };
        assert!(pods.len() == 1 && pods[0] != pod(0).key && absent.is_empty(), "{lost:?}: {pods:?}");
    }
}

#[test]
fn pods_that_are_not_the_pools_are_left_alone() {
    let other = Tenant { model: "other".into(), ..tenant() };
    let strangers = [
        Pod { owner: Owner::Stranger, ..pod(0) },
        Pod { owner: Owner::Pool("a pool that had this name before".into()), ..pod(0) },
        Pod { tenant: other.clone(), ..pod(0) },
        Pod { phase: Phase::Starting, ..pod(0) },
        Pod { deleted: true, ..pod(0) },
    ];
    for stranger in strangers {
        let seen = observed(vec![stranger.clone()], vec![claim("a", 1, &[])]);
        let given = actions(&seen).into_iter().any(|action| !matches!(action, PoolAction::Create { .. }));
        assert!(!given, "{stranger:?}: {:?}", actions(&seen));
    }
    let foreign = Claim { tenant: other, ..claim("a", 1, &[]) };
    assert_eq!(actions(&observed(vec![pod(0), pod(1)], vec![foreign])), [], "nor are pods given to another tenant");
}

#[test]
fn pods_are_deleted_with_their_claim_and_never_handed_on() {
    let over = Claim { over: true, ..claim("a", 1, &[0]) };
    let ended = observed(vec![held(0, "a"), pod(1), pod(2)], vec![over, claim("b", 0, &[])]);
    assert_eq!(actions(&ended), [PoolAction::Release { pod: pod(0).key, absent: None }]);
    let unseen = observed(vec![held(0, "a"), pod(1), pod(2)], vec![]);
    let release = PoolAction::Release { pod: pod(0).key, absent: Some("a-uid".into()) };
    assert_eq!(actions(&unseen), [release], "that a claim is not shown says nothing before it was read");
}

#[test]
fn what_is_being_terminated_takes_room() {
    let leaving = |place| Pod { deleted: true, ..pod(place) };
    assert_eq!(created(&observed(vec![leaving(0), leaving(1)], vec![])), [0_usize; 0]);
    assert_eq!(created(&observed(vec![leaving(1)], vec![])), [0]);
    let mut asked = observed(vec![pod(0), pod(1)], vec![]);
    asked.expectations.deleted("u0");
    assert_eq!(actions(&asked), [], "it is being deleted, and still there");
}

#[test]
fn too_many_and_older_ones_are_deleted() {
    let starting = Pod { phase: Phase::Starting, ..pod(1) };
    let many = observed(vec![pod(0), starting.clone(), pod(2)], vec![]);
    assert_eq!(actions(&many), [PoolAction::Delete { pod: starting.key, version: 11 }]);
    let old = Pod { template: "before".into(), ..pod(0) };
    let promised = observed(vec![old.clone(), pod(1), pod(2)], vec![claim("a", 1, &[0])]);
    assert!(matches!(&actions(&promised)[..], [PoolAction::Adopt { .. }]), "what is promised is not taken away");
    let changed = observed(vec![old, pod(1)], vec![]);
    assert_eq!(actions(&changed)[0], PoolAction::Delete { pod: pod(0).key, version: 10 });
}

#[test]
fn failures_slow_the_refill_down_and_stop_it() {
    let failed = |place| Pod { phase: Phase::Over(at(100)), created: at(50), ..pod(place) };
    let plan = |pods: Vec<Pod>, seconds| decide(&observed(pods, vec![]), at(seconds));
    assert_eq!(plan(vec![failed(0)], 101).look_again, Some(std::time::Duration::from_secs(1)));
    assert!(plan(vec![failed(0)], 101).actions.is_empty());
    assert_eq!(plan(vec![failed(0)], 102).actions.len(), 2, "the failed one stays, and does not count");
    assert_eq!(plan(vec![failed(0), failed(1)], 103).look_again, Some(std::time::Duration::from_secs(1)));
    let three = plan(vec![failed(0), failed(1), failed(2)], 10_000);
    assert!(three.actions.is_empty() && three.status.failed == 3, "{three:?}");
    assert!(three.status.waiting.is_some_and(|why| why.contains("3 pods failed")));
    let younger = Pod { created: at(60), ..pod(3) };
    let overcome = plan(vec![failed(0), failed(1), failed(2), younger], 10_000);
    assert_eq!(overcome.actions.len(), 3, "a pod became ready: the others go, and make room: {overcome:?}");
}
