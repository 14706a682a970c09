//! Routes for tests.

use genesis_core::{AdapterRef, Digest};

use super::route::{Canary, LoopState, ModelKey, ModelRoute, Served};
use crate::generate::settings::Settings;

pub fn adapter(content: &str) -> AdapterRef {
    AdapterRef { uri: format!("file:///adapters/{content}"), digest: Digest::of_bytes(content.as_bytes()) }
}

pub fn canary(weight: u8, salt: &str) -> Canary {
    Canary { served: Served::of("seedling", Some(&adapter("candidate"))), weight, salt: salt.into() }
}

pub fn route(canary: Option<Canary>) -> ModelRoute {
    ModelRoute {
        key: ModelKey::new("default", "seedling"),
        base: "seedling".into(),
        stable: Served::of("seedling", None),
        canary,
        settings: Settings::default(),
        max_per_task: 4,
        storage: "file:///nowhere".into(),
        loop_state: LoopState::default(),
        serving: Vec::new(),
        sandboxes: Vec::new(),
    }
}
