//! Which work goes into the next step. Pure functions of numbers; the [engine](super::engine) acts on them.

/// Limits of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sequences that are generated at once.
    pub sequences: usize,
    /// Prompt tokens computed in one step, so that long prompts do not hold up answers that are being written.
    pub prompt_tokens: usize,
}

/// How many of the requests in the queue start now.
///
/// `waiting` are the samples each asks for, oldest first. A request starts when all its samples fit: they share one
/// computation of the prompt. Nobody overtakes, so a large request is never starved by small ones.
pub fn admitted(waiting: impl IntoIterator<Item = usize>, active: usize, limits: Limits) -> usize {
    let mut free = limits.sequences.saturating_sub(active);
    let fits = |samples: &usize| {
        let fits = *samples <= free;
        free -= if fits { *samples } else { 0 };
        fits
    };
    waiting.into_iter().take_while(fits).count()
}

/// How many prompt tokens each sequence that is still in its prompt computes in this step.
///
/// `remaining` are the tokens left and the most that one may take at once, oldest first.
pub fn prompt_shares(remaining: impl IntoIterator<Item = (usize, usize)>, limits: Limits) -> Vec<usize> {
    let mut budget = limits.prompt_tokens.max(1);
    let share = |(tokens, at_once): (usize, usize)| {
        let share = tokens.min(at_once).min(budget);
        budget -= share;
        share
    };
    remaining.into_iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { sequences: 8, prompt_tokens: 100 };

    #[test]
    fn requests_start_in_order_while_all_their_samples_fit() {
        for (waiting, active, want) in [
            (vec![], 0, 0),
            (vec![1, 1, 1], 0, 3),
            (vec![4, 4, 1], 0, 2),
            (vec![8], 0, 1),
            (vec![8], 1, 0),
            (vec![5, 1], 4, 0),
            (vec![4, 1], 4, 1),
            (vec![1], 9, 0),
        ] {
            assert_eq!(admitted(waiting.clone(), active, LIMITS), want, "{waiting:?} beside {active}");
        }
    }

    #[test]
    fn prompts_share_the_budget_oldest_first() {
        assert_eq!(prompt_shares([(30, 512), (60, 512), (50, 512)], LIMITS), [30, 60, 10]);
        assert_eq!(prompt_shares([(300, 512), (10, 512)], LIMITS), [100, 0]);
        assert_eq!(prompt_shares([(300, 64), (50, 512)], LIMITS), [64, 36]);
    }
}
