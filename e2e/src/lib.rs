//! End-to-end tests: real processes, a real model that learns, a real API server.
//!
//! The binaries must have been built (`make build`); the tests run them from the folder they are built into.

pub mod killer;
pub mod room;

use std::path::Path;

use hack::demo::Options;

/// A turn of the loop that is as small as one can be that still shows a gain beyond doubt.
pub fn small_turn(data: &Path, seed: u64) -> Options {
    Options {
        seed,
        data: data.to_owned(),
        kubeconfig: None,
        keep: false,
        control: false,
        loop_families: 50,
        sealed_families: 30,
    }
}
