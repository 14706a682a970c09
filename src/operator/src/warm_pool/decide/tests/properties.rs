//! Whatever is seen, a plan keeps to these.

use proptest::prelude::*;

use super::*;

fn any_pod(place: usize) -> impl Strategy<Value = Pod> {
    let owner = prop_oneof![
        6 => Just(Owner::Pool("pool".into())),
        1 => Just(Owner::Pool("before".into())),
        1 => Just(Owner::Stranger),
        4 => (0..4_usize).prop_map(|index| Owner::Claim(format!("c{index}-uid"))),
    ];
    let phase = prop_oneof![6 => Just(Phase::Ready), 2 => Just(Phase::Starting), 1 => (0..9_i64).prop_map(|t| Phase::Over(at(t)))];
    let (old, other, deleted) = (prop::bool::weighted(0.1), prop::bool::weighted(0.1), prop::bool::weighted(0.2));
    (owner, phase, old, other, deleted, 0..9_i64).prop_map(move |(owner, phase, old, other, deleted, created)| {
        let template = if old { "before" } else { "t" }.to_owned();
        let model = if other { "other" } else { "coder" }.to_owned();
        Pod {
            owner,
            phase,
            deleted,
            template,
            tenant: Tenant { model, ..tenant() },
            created: at(created),
            ..super::pod(place)
        }
    })
}

fn any_claim(index: usize) -> impl Strategy<Value = Claim> {
    let assigned = prop::collection::btree_set(0..8_usize, 0..3);
    (assigned, 0..3_usize, prop::bool::weighted(0.2), 0..9_i64).prop_map(move |(assigned, more, over, created)| {
        let places: Vec<usize> = assigned.into_iter().collect();
        let claim = claim(&format!("c{index}"), places.len() + more, &places);
        Claim { over, created: at(created), ..claim }
    })
}

fn any_observed() -> impl Strategy<Value = Observed> {
    let pods: Vec<_> = (0..8).map(|place| prop::option::of(any_pod(place))).collect();
    let claims: Vec<_> = (0..4).map(|index| prop::option::weighted(0.7, any_claim(index))).collect();
    (pods, claims, prop::collection::btree_set(0..8_usize, 0..3), 0..4_usize).prop_map(|(pods, claims, asked, size)| {
        let mut observed = observed(pods.into_iter().flatten().collect(), claims.into_iter().flatten().collect());
        observed.pool.size = size;
        for place in asked {
            observed.expectations.creating(&place_name("coder", place));
        }
        observed
    })
}

fn pod_of<'a>(observed: &'a Observed, key: &PodKey) -> Option<&'a Pod> {
    observed.pods.iter().find(|pod| pod.key == *key)
}

proptest! {
    #[test]
    fn a_plan_gives_away_only_what_is_free_and_makes_only_what_is_missing(observed in any_observed()) {
        let plan = decide(&observed, at(1_000));
        let promised: BTreeSet<PodKey> =
            observed.claims.iter().filter(|claim| !claim.over).flat_map(|claim| claim.assigned.clone()).collect();
        let (mut given, mut created) = (BTreeSet::new(), BTreeSet::new());
        for action in &plan.actions {
            match action {
                PoolAction::Assign { claim, pods, .. } => {
                    let claim = observed.claims.iter().find(|found| found.key == *claim).unwrap();
                    prop_assert!(pods.len() <= claim.wanted && !claim.over);
                    for key in pods.iter().filter(|key| !claim.assigned.contains(key)) {
                        let pod = pod_of(&observed, key).unwrap();
                        prop_assert!(given.insert(key.clone()) && !promised.contains(key), "{key:?} is given twice");
                        prop_assert!(pod.phase == Phase::Ready && !pod.deleted && pod.template == "t");
                        prop_assert!(pod.owner == Owner::Pool("pool".into()) && pod.tenant == claim.tenant);
                    }
                }
                PoolAction::Adopt { pod, version, claim } => {
                    let found = pod_of(&observed, pod).unwrap();
                    prop_assert!(found.version == *version && found.owner == Owner::Pool("pool".into()));
                    prop_assert!(observed.claims.iter().any(|c| c.key.uid == *claim && c.assigned.contains(pod)));
                }
                PoolAction::Delete { pod, version } => {
                    let found = pod_of(&observed, pod).unwrap();
                    prop_assert!(found.version == *version && found.owner == Owner::Pool("pool".into()));
                    prop_assert!(!given.contains(pod) && (!promised.contains(pod) || matches!(found.phase, Phase::Over(_))));
                }
                PoolAction::Release { pod, .. } => {
                    let found = pod_of(&observed, pod).unwrap();
                    prop_assert!(matches!(found.owner, Owner::Claim(_)) && found.tenant == tenant());
                }
                PoolAction::Create { name, .. } => {
                    prop_assert!(created.insert(name.clone()) && observed.pods.iter().all(|pod| pod.key.name != *name));
                }
            }
        }
        let living = |pod: &&Pod| pod.tenant == tenant() && pod.owner != Owner::Stranger && !matches!(pod.phase, Phase::Over(_));
        let expected = observed.expectations.after(&observed.pods, observed.version);
        let new = created.iter().filter(|name| !expected.awaits(name)).count();
        let wanted: usize = observed.claims.iter().filter(|claim| !claim.over).map(|claim| claim.wanted).sum();
        let there = observed.pods.iter().filter(living).count() + expected.pending();
        prop_assert!(new == 0 || there + new <= observed.pool.size + wanted, "{there} and {new} are too many");
    }

    #[test]
    fn the_order_in_which_things_are_listed_does_not_matter(observed in any_observed()) {
        let mut turned = observed.clone();
        turned.pods.reverse();
        turned.claims.reverse();
        let sorted = |observed: &Observed| {
            let mut words: Vec<String> = decide(observed, at(1_000)).actions.iter().map(|a| format!("{a:?}")).collect();
            words.sort();
            words
        };
        prop_assert_eq!(sorted(&observed), sorted(&turned));
    }
}
