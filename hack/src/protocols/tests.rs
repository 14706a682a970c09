//! The models that are explored in some seconds each, and every known bug. `cargo dev protocols` explores the others too.

use super::*;

#[test]
fn every_property_holds_and_every_known_bug_is_found() {
    for case in cases().into_iter().filter(|case| !case.large) {
        let proof = case.run();
        assert!(proof.is_right(), "{proof:#?}");
        assert!(proof.bug.is_some() || proof.explored.states > 1_000, "too little can happen: {proof:#?}");
    }
}
