//! How many pods each ReplicaSet of a Deployment should have. Pure.

use k8s_openapi::{
    api::apps::v1::{Deployment, ReplicaSet},
    apimachinery::pkg::util::intstr::IntOrString,
};

/// The strategy with its numbers resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strategy {
    /// Wanted pods.
    pub desired: i32,
    /// Whether old pods go before new ones come.
    pub recreate: bool,
    /// Pods there may be beyond `desired`.
    pub max_surge: i32,
    /// Pods that may be missing from `desired`.
    pub max_unavailable: i32,
}

impl Strategy {
    /// The strategy of a deployment. Surge rounds up, unavailability down, and they are not both zero.
    pub fn of(deployment: &Deployment) -> Self {
        let spec = deployment.spec.clone().unwrap_or_default();
        let desired = spec.replicas.unwrap_or(1);
        let strategy = spec.strategy.unwrap_or_default();
        if strategy.type_.as_deref() == Some("Recreate") {
            return Self { desired, recreate: true, max_surge: 0, max_unavailable: desired };
        }
        let rolling = strategy.rolling_update.unwrap_or_default();
        let max_surge = resolve(rolling.max_surge.as_ref(), desired, true);
        let max_unavailable = resolve(rolling.max_unavailable.as_ref(), desired, false).min(desired);
        let max_unavailable = if max_surge == 0 && max_unavailable == 0 { 1 } else { max_unavailable };
        Self { desired, recreate: false, max_surge, max_unavailable }
    }
}

fn resolve(value: Option<&IntOrString>, of: i32, up: bool) -> i32 {
    let percent = |p: f64| {
        let exact = p * f64::from(of) / 100.0;
        (if up { exact.ceil() } else { exact.floor() }) as i32
    };
    match value {
        None => percent(25.0),
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(text)) => text.trim_end_matches('%').parse().map_or(0, percent),
    }
}

/// One ReplicaSet as the plan sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Whether it has the current template.
    pub current: bool,
    /// Pods it should have.
    pub replicas: i32,
    /// Pods it has.
    pub existing: i32,
    /// Pods that take requests.
    pub available: i32,
}

impl Scale {
    /// Reads a ReplicaSet.
    pub fn of(set: &ReplicaSet, current: bool) -> Self {
        let status = set.status.clone().unwrap_or_default();
        Self {
            current,
            replicas: set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1),
            existing: status.replicas,
            available: status.available_replicas.unwrap_or_default(),
        }
    }
}

/// The replicas of each set, one step further towards the strategy's end.
pub fn plan(strategy: &Strategy, sets: &[Scale]) -> Vec<i32> {
    let mut replicas: Vec<i32> = sets.iter().map(|set| set.replicas).collect();
    let Some(current) = sets.iter().position(|set| set.current) else { return replicas };
    let old = |i: &usize| *i != current;
    let indices: Vec<usize> = (0..sets.len()).filter(old).collect();
    if strategy.recreate {
        let any_left = indices.iter().any(|i| sets[*i].existing > 0 || sets[*i].replicas > 0);
        indices.iter().for_each(|i| replicas[*i] = 0);
        replicas[current] = if any_left { replicas[current].min(strategy.desired) } else { strategy.desired };
        return replicas;
    }
    let total: i32 = replicas.iter().sum();
    let room = (strategy.desired + strategy.max_surge - total).max(0);
    let missing = strategy.desired - replicas[current];
    replicas[current] += missing.min(room);
    // Old pods may go as far as enough pods stay available; those that are not available go first.
    let total: i32 = sets.iter().map(|set| set.replicas).sum();
    let least = strategy.desired - strategy.max_unavailable;
    let new_unavailable = (sets[current].replicas - sets[current].available).max(0);
    let mut may_go = (total - least - new_unavailable).max(0);
    for i in &indices {
        let unhealthy = (sets[*i].replicas - sets[*i].available).clamp(0, may_go);
        replicas[*i] -= unhealthy;
        may_go -= unhealthy;
    }
    let available: i32 = sets.iter().map(|set| set.available.min(set.replicas)).sum();
    let mut healthy_may_go = (available - least).clamp(0, may_go);
    for i in &indices {
        let goes = replicas[*i].min(healthy_may_go);
        replicas[*i] -= goes;
        healthy_may_go -= goes;
    }
    replicas
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn set(current: bool, replicas: i32, available: i32) -> Scale {
        Scale { current, replicas, existing: replicas, available }
    }

    #[test]
    fn a_rolling_update_surges_before_it_shrinks() {
        let strategy = Strategy { desired: 4, recreate: false, max_surge: 1, max_unavailable: 0 };
        assert_eq!(plan(&strategy, &[set(false, 4, 4), set(true, 0, 0)]), [4, 1]);
        assert_eq!(plan(&strategy, &[set(false, 4, 4), set(true, 1, 0)]), [4, 1]);
        assert_eq!(plan(&strategy, &[set(false, 4, 4), set(true, 1, 1)]), [3, 1]);
        assert_eq!(plan(&strategy, &[set(false, 3, 3), set(true, 1, 1)]), [3, 2]);
    }

    #[test]
    fn recreate_waits_for_the_old_pods_to_go() {
        let strategy = Strategy { desired: 2, recreate: true, max_surge: 0, max_unavailable: 2 };
        assert_eq!(plan(&strategy, &[set(false, 2, 2), set(true, 0, 0)]), [0, 0]);
        let gone = Scale { existing: 0, ..set(false, 0, 0) };
        assert_eq!(plan(&strategy, &[gone, set(true, 0, 0)]), [0, 2]);
    }

    proptest! {
        /// Whatever becomes available when, a rollout ends, and never has too many or too few pods.
        #[test]
        fn rollouts_end_within_their_bounds(
            desired in 1..8i32, surge in 0..4i32, unavailable in 0..4i32, ready in any::<u64>(),
        ) {
            let max_unavailable = if surge == 0 { unavailable.max(1) } else { unavailable }.min(desired);
            let max_surge = if max_unavailable == 0 { surge.max(1) } else { surge };
            let strategy = Strategy { desired, recreate: false, max_surge, max_unavailable };
            let mut sets = [set(false, desired, desired), set(true, 0, 0)];
            for step in 0..200u32 {
                let wanted = plan(&strategy, &sets);
                prop_assert!(wanted.iter().sum::<i32>() <= desired + max_surge);
                for (set, replicas) in sets.iter_mut().zip(&wanted) {
                    set.replicas = *replicas;
                    set.existing = *replicas;
                    set.available = set.available.min(*replicas);
                }
                let available: i32 = sets.iter().map(|s| s.available).sum();
                prop_assert!(available >= desired - max_unavailable);
                if sets[1].available < sets[1].replicas && (step > 100 || ready >> (step % 64) & 1 == 1) {
                    sets[1].available += 1;
                }
            }
            prop_assert_eq!((sets[0].replicas, sets[1].replicas), (0, desired));
        }
    }
}
