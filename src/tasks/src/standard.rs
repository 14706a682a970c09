//! The standard suites of one turn of the loop.

use genesis_core::task::Split;

use crate::suite::{BuiltSuite, Runner, SuiteError, SuitePlan, Taken, build};
use crate::universe::Universe;

/// How many families a suite has, and how many tasks each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuiteSize {
    /// Families.
    pub families: usize,
    /// Tasks of each.
    pub tasks_per_family: usize,
}

/// Sizes of the standard suites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandardSizes {
    /// Tasks that only judge.
    pub sealed: SuiteSize,
    /// Tasks an evaluation may choose by.
    pub dev: SuiteSize,
    /// Tasks that consumers send.
    pub training: SuiteSize,
}

impl Default for StandardSizes {
    /// 360 sealed, 160 dev and 720 loop tasks.
    fn default() -> Self {
        Self {
            sealed: SuiteSize { families: 72, tasks_per_family: 5 },
            dev: SuiteSize { families: 40, tasks_per_family: 4 },
            training: SuiteSize { families: 120, tasks_per_family: 6 },
        }
    }
}

/// The standard suites. No prompt occurs in two of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardSuites {
    /// Named `sealed`.
    pub sealed: BuiltSuite,
    /// Named `dev`.
    pub dev: BuiltSuite,
    /// Named `loop`.
    pub training: BuiltSuite,
    /// What they took: pass it on to make more suites, and its prompts to [`Universe::corpus`].
    pub taken: Taken,
}

/// Makes the standard suites, deterministic for a seed and a sandbox.
pub fn standard<E>(
    universe: &Universe,
    seed: u64,
    sizes: StandardSizes,
    run: &mut Runner<'_, E>,
) -> Result<StandardSuites, SuiteError<E>> {
    let mut taken = Taken::default();
    let mut suite = |name, split, size: SuiteSize| {
        let plan = SuitePlan::draw(name, split, size.families, size.tasks_per_family, seed);
        build(universe, &plan, &mut taken, run)
    };
    let sealed = suite("sealed", Split::Sealed, sizes.sealed)?;
    let dev = suite("dev", Split::Dev, sizes.dev)?;
    let training = suite("loop", Split::Loop, sizes.training)?;
    Ok(StandardSuites { sealed, dev, training, taken })
}
