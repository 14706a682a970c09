//! A worker: one cell for programs, one for test programs, one program at a time.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use genesis_core::execution::{ExecutionRecord, ExecutionRequest, ExecutionVerdict, Termination};

use crate::admission::{Program, Tests, admit};
use crate::cell::{Blueprint, BlueprintError, Cell, CellError, Identity, IdentityError, LaunchError, Stage};
use crate::cgroup::{CgroupError, Hierarchy, Version};
use crate::group::Group;
use crate::judge::{self, Judgement};
use crate::record;
use crate::runtime::{Runtime, RuntimeError};
use crate::session::{self, Broken};
use crate::surroundings::Surroundings;

/// How often a program is run when the sandbox fails under it.
const ATTEMPTS: usize = 2;

/// What all workers of a pool share; read-only.
#[derive(Debug)]
pub(crate) struct Workshop {
    blueprint: Blueprint,
    /// None in gVisor.
    hierarchy: Option<Hierarchy>,
    surroundings: Surroundings,
    python: String,
    isolation: String,
    cells: AtomicU64,
}

/// Why the machine cannot run programs.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No usable Python.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// No way to describe a cell.
    #[error(transparent)]
    Blueprint(#[from] BlueprintError),
    /// No control groups.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// No users for a cell.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A protection is not granted.
    #[error(transparent)]
    Launch(#[from] LaunchError),
}

impl SetupError {
    /// Whether the machine does not grant a protection, as opposed to a set-up that is wrong or broken.
    pub fn is_not_granted(&self) -> bool {
        match self {
            Self::Launch(LaunchError::NotGranted { stage, .. }) => *stage != Stage::Interpreter,
            Self::Cgroup(_) | Self::Identity(_) | Self::Launch(LaunchError::Mapping(_) | LaunchError::Cgroup(_)) => {
                true
            }
            Self::Launch(LaunchError::Interpreter(_) | LaunchError::System(_) | LaunchError::Cell(_))
            | Self::Runtime(_)
            | Self::Blueprint(_) => false,
        }
    }
}

impl Workshop {
    /// Prepares everything that cells have in common.
    pub(crate) fn open(python: &std::path::Path) -> Result<Self, SetupError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let runtime = Runtime::discover(python)?;
        let surroundings = Surroundings::detect();
        let hierarchy = match surroundings {
            Surroundings::Linux => Some(Hierarchy::create(COUNTER.fetch_add(1, Ordering::Relaxed))?),
            Surroundings::Gvisor => None,
        };
        let isolation = match hierarchy.as_ref().map(Hierarchy::version) {
            Some(Version::V1) => "namespaces+cgroup-v1+seccomp+landlock",
            Some(Version::V2) => "namespaces+cgroup-v2+seccomp+landlock",
            None => "gvisor+namespaces+seccomp",
        };
        Ok(Self {
            blueprint: Blueprint::new(&runtime, surroundings)?,
            hierarchy,
            surroundings,
            python: runtime.version,
            isolation: isolation.to_owned(),
            cells: AtomicU64::new(0),
        })
    }

    /// The isolation in force, as records carry it.
    pub(crate) fn isolation(&self) -> &str {
        &self.isolation
    }

    /// The kernel around.
    pub(crate) fn surroundings(&self) -> Surroundings {
        self.surroundings
    }

    /// Version of the interpreter.
    pub(crate) fn python(&self) -> &str {
        &self.python
    }

    /// Where the groups of the cells are.
    #[cfg(test)]
    pub(crate) fn hierarchy_path(&self) -> std::path::PathBuf {
        self.hierarchy.as_ref().map(Hierarchy::path).unwrap_or_default()
    }

    fn launch(&self) -> Result<Cell, SetupError> {
        let number = self.cells.fetch_add(1, Ordering::Relaxed);
        let (group, identity) = match &self.hierarchy {
            Some(hierarchy) => (Group::Control(hierarchy.group(&format!("cell-{number}"))?), Some(Identity::next()?)),
            None => (Group::counted(), None),
        };
        Ok(Cell::launch(&self.blueprint, group, identity)?)
    }
}

/// One worker. It must stay on the thread that made it: its cells die with that thread.
#[derive(Debug)]
pub(crate) struct Worker {
    // Before the workshop, so that the cells' groups are gone when their parent is removed.
    programs: Option<Cell>,
    tests: Option<Cell>,
    workshop: Arc<Workshop>,
}

impl Worker {
    /// A worker with a cell that is ready. The cell for test programs is started when one comes.
    pub(crate) fn start(workshop: Arc<Workshop>) -> Result<Self, SetupError> {
        let programs = Some(workshop.launch()?);
        Ok(Self { programs, tests: None, workshop })
    }

    /// Runs one program and judges it.
    pub(crate) fn execute(&mut self, request: &ExecutionRequest) -> ExecutionRecord {
        let isolation = self.workshop.isolation().to_owned();
        let program = match admit(request) {
            Ok(program) => program,
            Err(refusal) => {
                return record::not_run(request, ExecutionVerdict::Rejected, refusal.to_string(), &isolation);
            }
        };
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            match self.attempt(&program) {
                Ok(outcome) => {
                    let record = record::ran(request, &program, outcome, &isolation);
                    if record.verdict != ExecutionVerdict::Infra {
                        return record;
                    }
                    why = record.reason;
                }
                Err(Broken { out_of_memory: true, .. }) => {
                    self.discard();
                    let verdict = ExecutionVerdict::MemoryLimit;
                    let reason = "out of memory, and the fork server with it".to_owned();
                    return record::bare(request, verdict, Termination::Memory, reason, &isolation);
                }
                Err(broken) => {
                    // It was stopped for good reason, and then its cell could not be cleared: no way out of a verdict.
                    if let Some(Judgement { verdict, termination, reason }) = broken.stop.and_then(judge::of_stop) {
                        self.discard();
                        return record::bare(request, verdict, termination, reason, &isolation);
                    }
                    why = broken.to_string();
                }
            }
            // Whatever happened in them, the next attempt and the next program get new ones.
            self.discard();
        }
        record::not_run(request, ExecutionVerdict::Infra, why, &isolation)
    }

    fn attempt(&mut self, program: &Program) -> Result<session::Outcome, Broken> {
        let not_started = |why: String| Broken { error: CellError::NotStarted(why), out_of_memory: false, stop: None };
        let workshop = Arc::clone(&self.workshop);
        let fill = |place: &mut Option<Cell>| -> Result<(), Broken> {
            if place.is_none() {
                *place = Some(workshop.launch().map_err(|error| not_started(error.to_string()))?);
            }
            Ok(())
        };
        fill(&mut self.programs)?;
        let scripted = matches!(program.tests, Tests::Script { .. });
        if scripted {
            fill(&mut self.tests)?;
        }
        let tests = if scripted { self.tests.as_mut() } else { None };
        match self.programs.as_mut() {
            Some(cell) => session::run(cell, tests, program),
            None => Err(not_started("there is none".to_owned())),
        }
    }

    fn discard(&mut self) {
        self.programs = None;
        self.tests = None;
    }

    /// The kernel around.
    pub(crate) fn surroundings(&self) -> Surroundings {
        self.workshop.surroundings()
    }

    /// The zygote of the cell for programs, as a pid of the host.
    pub(crate) fn zygote(&self) -> Option<i32> {
        self.programs.as_ref().map(Cell::zygote)
    }
}
