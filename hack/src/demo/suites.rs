//! The tasks of the demo, proved in the sandbox and put into the artifact store.

use anyhow::Result;
use genesis_artifacts::{Kind, Store};
use genesis_core::task::{Suite, Task};
use genesis_tasks::{StandardSizes, SuiteSize, Universe, standard};

use super::Options;
use crate::sandbox::OwnPool;

/// What was made.
#[derive(Debug)]
pub(crate) struct Suites {
    /// The tasks that the client will send.
    pub loop_tasks: Vec<Task>,
    /// How many dev tasks.
    pub dev: usize,
    /// How many sealed tasks.
    pub sealed: usize,
    /// Mutants that the tests kill.
    pub killed: usize,
    /// Mutants in all.
    pub mutants: usize,
}

pub(crate) fn make(options: &Options) -> Result<Suites> {
    let pool = OwnPool::start()?;
    let client = pool.client();
    let universe = Universe::load()?;
    let sizes = StandardSizes {
        sealed: SuiteSize { families: options.sealed_families, tasks_per_family: 5 },
        dev: SuiteSize { families: 20, tasks_per_family: 4 },
        training: SuiteSize { families: options.loop_families, tasks_per_family: 6 },
    };
    let suites = standard(&universe, options.seed, sizes, &mut |requests| client.execute(&requests))?;
    let store = Store::at(&options.data.join("store"))?;
    for suite in [&suites.sealed.suite, &suites.dev.suite] {
        keep(&store, suite)?;
    }
    let built = [&suites.sealed, &suites.dev, &suites.training];
    Ok(Suites {
        killed: built.iter().map(|suite| suite.killed).sum(),
        mutants: built.iter().map(|suite| suite.mutants).sum(),
        dev: suites.dev.suite.tasks.len(),
        sealed: suites.sealed.suite.tasks.len(),
        loop_tasks: suites.training.suite.tasks,
    })
}

fn keep(store: &Store, suite: &Suite) -> Result<()> {
    let kept = store.put(Kind::Suite, &serde_json::to_vec(suite)?)?;
    store.alias(Kind::Suite, &suite.name, &kept.digest)?;
    Ok(())
}
