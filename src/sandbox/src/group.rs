//! What the processes of a cell may use together and have used: by control groups, or by counting.

mod counted;

use genesis_core::execution::Limits;

use crate::cgroup::{self, CgroupError};
use counted::Counted;

/// Stack of a thread, bytes.
pub(crate) const STACK: u64 = 8 << 20;

/// The account of one cell.
#[derive(Debug)]
pub(crate) enum Group {
    /// The kernel bounds and counts.
    Control(cgroup::Group),
    /// Each process is bounded by itself, and the supervisor counts.
    Counted(Counted),
}

/// What a process may have beyond the program's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Address space, bytes.
    pub(crate) space: u64,
    /// Processes and threads of the same user.
    pub(crate) processes: u64,
}

/// What has been used since the cell exists.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    /// Processor time, nanoseconds.
    pub(crate) processor_ns: u64,
    /// Processes that were killed because memory ran out.
    pub(crate) kills: u64,
    /// Processes and threads that were refused.
    pub(crate) refusals: u64,
    /// Memory now, bytes, where the kernel puts no bound on it.
    pub(crate) resident: u64,
    /// Processes and threads now, where the kernel puts no bound on them.
    pub(crate) tasks: u64,
}

impl Group {
    /// An account without control groups.
    pub(crate) fn counted() -> Self {
        Self::Counted(Counted::default())
    }

    /// Takes pid 1 of the cell, and so everything it will fork, into the account.
    pub(crate) fn add(&mut self, process: i32) -> Result<(), CgroupError> {
        match self {
            Self::Control(group) => group.add(process),
            Self::Counted(counted) => {
                counted.watch(process);
                Ok(())
            }
        }
    }

    /// Puts bounds on what the processes of the cell use together: bytes of memory, and how many there are.
    pub(crate) fn limit(&mut self, bytes: u64, processes: u64) -> Result<(), CgroupError> {
        match self {
            Self::Control(group) => {
                group.limit_memory(bytes)?;
                group.limit_processes(processes)?;
                group.reset_peak()
            }
            Self::Counted(counted) => {
                // Each process puts the bounds on itself: see `allowance`.
                counted.forget_peak();
                Ok(())
            }
        }
    }

    /// What a process may use beyond the program's bounds when it bounds itself.
    pub(crate) fn allowance(&self, limits: &Limits) -> Result<Allowance, CgroupError> {
        Ok(match self {
            // The group bounds more closely. Address space costs nothing there; threads reserve much of it.
            Self::Control(_) => Allowance { space: limits.processes * STACK + (4 << 30), processes: 4 },
            // Address space is what gVisor counts, and the bound on processes counts all of the pod's user.
            Self::Counted(counted) => Allowance {
                space: counted.space().map_err(CgroupError::Processes)?,
                processes: counted::threads_in_sight().map_err(CgroupError::Processes)?,
            },
        })
    }

    /// Whether the kernel holds the bounds of the cell as a whole, and counts who met them. Otherwise the supervisor
    /// has to look often.
    pub(crate) fn is_bounded_by_the_kernel(&self) -> bool {
        matches!(self, Self::Control(_))
    }

    /// What has been used until now.
    pub(crate) fn counters(&self) -> Result<Counters, CgroupError> {
        match self {
            Self::Control(group) => Ok(Counters {
                processor_ns: group.processor_ns()?,
                kills: group.kills()?,
                refusals: group.refusals()?,
                ..Counters::default()
            }),
            Self::Counted(counted) => counted.counters().map_err(CgroupError::Processes),
        }
    }

    /// Memory in use, bytes.
    pub(crate) fn memory(&self) -> Result<u64, CgroupError> {
        match self {
            Self::Control(group) => group.memory(),
            // What programs use is counted without the first process's own.
            Self::Counted(_) => Ok(0),
        }
    }

    /// Peak memory since the bounds were set, bytes; 0 where it is unknown.
    pub(crate) fn peak(&self) -> Result<u64, CgroupError> {
        match self {
            Self::Control(group) => group.peak(),
            Self::Counted(counted) => Ok(counted.peak()),
        }
    }

    /// The processes of the cell, with the supervisor's numbers.
    pub(crate) fn members(&self) -> Result<Vec<i32>, CgroupError> {
        match self {
            Self::Control(group) => group.members(),
            Self::Counted(counted) => counted.members().map_err(CgroupError::Processes),
        }
    }
}
