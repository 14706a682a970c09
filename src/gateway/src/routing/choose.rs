//! Which adapter answers a session: a pure function of the route and the session.

use genesis_ledger::types::generation::Arm;
use sha2::{Digest as _, Sha256};

use super::route::{ModelRoute, Served};

/// Buckets that sessions are dealt into; a weight of one percent is a hundred of them.
const BUCKETS: u64 = 10_000;

/// What was chosen for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The base or an adapter.
    pub served: Served,
    /// Which side of the canary it stands on.
    pub arm: Arm,
}

/// Chooses by a sticky hash: the same session gets the same answer for as long as the weight stands, a higher weight
/// only moves sessions to the canary, and another rollout (another `salt`) deals them out anew.
pub fn choose(route: &ModelRoute, tenant: &str, session: &str) -> Choice {
    let stable = || Choice { served: route.stable.clone(), arm: Arm::Stable };
    let Some(canary) = &route.canary else {
        return stable();
    };
    if bucket(&canary.salt, tenant, session) < u64::from(canary.weight.min(100)) * (BUCKETS / 100) {
        Choice { served: canary.served.clone(), arm: Arm::Canary }
    } else {
        stable()
    }
}

fn bucket(salt: &str, tenant: &str, session: &str) -> u64 {
    let mut hash = Sha256::new();
    // Each part with its length: "a" + "bc" must not fall together with "ab" + "c".
    for part in [salt, tenant, session] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte)) % BUCKETS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::routing::testing::{canary, route};

    fn share(weight: u8, salt: &str, sessions: u32) -> f64 {
        let route = route(Some(canary(weight, salt)));
        let taken = (0..sessions).filter(|i| choose(&route, "t", &format!("s{i}")).arm == Arm::Canary).count();
        taken as f64 / f64::from(sessions)
    }

    #[test]
    fn without_a_canary_everything_is_stable() {
        assert_eq!(choose(&route(None), "t", "s").arm, Arm::Stable);
    }

    #[test]
    fn shares_are_the_weights() {
        for weight in [0, 1, 10, 50, 99, 100] {
            let got = share(weight, "rollout-1", 20_000);
            let want = f64::from(weight) / 100.0;
            // Four standard errors of a binomial share.
            let tolerance = 4.0 * (want * (1.0 - want) / 20_000.0).sqrt();
            assert!((got - want).abs() <= tolerance, "{weight} %: {got}");
        }
    }

    #[test]
    fn another_rollout_deals_sessions_out_anew() {
        let (a, b) = (route(Some(canary(50, "a"))), route(Some(canary(50, "b"))));
        let moved =
            (0..1_000).filter(|i| choose(&a, "t", &i.to_string()).arm != choose(&b, "t", &i.to_string()).arm).count();
        assert!((400..600).contains(&moved), "{moved} of 1000");
    }

    proptest! {
        #[test]
        fn a_session_stays_and_a_higher_weight_never_moves_it_back(session in ".{0,20}", low in 0u8..=100, more in 0u8..=100) {
            let high = low.saturating_add(more).min(100);
            let (low, high) = (route(Some(canary(low, "r"))), route(Some(canary(high, "r"))));
            let first = choose(&low, "t", &session);
            prop_assert_eq!(&first, &choose(&low, "t", &session));
            if first.arm == Arm::Canary {
                prop_assert_eq!(choose(&high, "t", &session).arm, Arm::Canary);
            }
        }

        #[test]
        fn only_the_two_known_names_are_ever_served(session in ".{0,20}", weight: u8) {
            let route = route(Some(canary(weight, "r")));
            let served = choose(&route, "t", &session).served;
            prop_assert!(served == route.stable || Some(&served) == route.canary.as_ref().map(|c| &c.served));
        }
    }
}
