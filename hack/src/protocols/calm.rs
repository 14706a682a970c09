//! To what end a state comes once nothing fails any more.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::{Arc, Mutex, PoisonError};

/// Most steps that it may take until nothing changes any more.
const STEPS: usize = 500;

/// States of which it is known whether they come right. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub(super) struct Calm(Arc<Mutex<HashMap<u64, bool>>>);

/// The hash by which states are known.
pub(super) fn hash(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

impl Calm {
    /// Follows `next`, the one thing that happens, until nothing does any more; then everything must be right.
    ///
    /// Each state has one successor here, so what was found of it once holds for all that come through it.
    pub(super) fn comes_right<S: Clone + Hash>(
        &self,
        state: &S,
        next: impl Fn(&S) -> Option<S>,
        is_right: impl Fn(&S) -> bool,
    ) -> bool {
        let (mut state, mut passed) = (state.clone(), Vec::new());
        let end = loop {
            let key = hash(&state);
            if let Some(end) = self.known(key) {
                break end;
            }
            passed.push(key);
            match next(&state) {
                None => break is_right(&state),
                Some(_) if passed.len() > STEPS => break false,
                Some(follows) => state = follows,
            }
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(passed.into_iter().map(|key| (key, end)));
        end
    }

    fn known(&self, key: u64) -> Option<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied()
    }
}
