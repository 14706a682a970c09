//! One group: bounds, counters and members.

use std::path::PathBuf;

use super::{CgroupError, Directories, Version, read, remove, write};

/// Length of the period in which the processor quota is given, microseconds.
const PERIOD_US: u64 = 100_000;

/// The group of one cell; removed with it.
#[derive(Debug)]
pub(crate) struct Group {
    directories: Directories,
    memory_limit: u64,
    process_limit: u64,
}

impl Group {
    /// Takes over directories that were just made, and bounds the processor to one core.
    pub(super) fn new(directories: Directories) -> Result<Self, CgroupError> {
        let group = Self { directories, memory_limit: u64::MAX, process_limit: u64::MAX };
        match group.directories.version {
            Version::V1 => {
                write(&group.directories.cpu.join("cpu.cfs_period_us"), &PERIOD_US.to_string())?;
                write(&group.directories.cpu.join("cpu.cfs_quota_us"), &PERIOD_US.to_string())?;
            }
            Version::V2 => write(&group.directories.cpu.join("cpu.max"), &format!("{PERIOD_US} {PERIOD_US}"))?,
        }
        Ok(group)
    }

    fn pick(&self, version_1: &str, version_2: &str, directory: impl Fn(&Directories) -> &PathBuf) -> PathBuf {
        let name = if self.directories.version == Version::V1 { version_1 } else { version_2 };
        directory(&self.directories).join(name)
    }

    /// Moves a process into the group.
    pub(crate) fn add(&self, process: i32) -> Result<(), CgroupError> {
        for directory in self.directories.distinct() {
            write(&directory.join("cgroup.procs"), &process.to_string())?;
        }
        Ok(())
    }

    /// Bounds memory, and with it swap, to `bytes`.
    pub(crate) fn limit_memory(&mut self, bytes: u64) -> Result<(), CgroupError> {
        if self.memory_limit == bytes {
            return Ok(());
        }
        let memory = self.pick("memory.limit_in_bytes", "memory.max", |all| &all.memory);
        let swap = self.pick("memory.memsw.limit_in_bytes", "memory.swap.max", |all| &all.memory);
        match self.directories.version {
            // The bound on memory may not exceed the one on memory and swap, so the order depends on the direction.
            Version::V1 if swap.exists() && bytes > self.memory_limit => {
                write(&swap, &bytes.to_string()).and_then(|()| write(&memory, &bytes.to_string()))
            }
            Version::V1 => {
                write(&memory, &bytes.to_string())?;
                if swap.exists() { write(&swap, &bytes.to_string()) } else { Ok(()) }
            }
            Version::V2 => {
                if swap.exists() {
                    write(&swap, "0")?;
                }
                write(&memory, &bytes.to_string())
            }
        }?;
        self.memory_limit = bytes;
        Ok(())
    }

    /// Bounds the number of processes and threads.
    pub(crate) fn limit_processes(&mut self, count: u64) -> Result<(), CgroupError> {
        if self.process_limit != count {
            write(&self.directories.pids.join("pids.max"), &count.to_string())?;
            self.process_limit = count;
        }
        Ok(())
    }

    /// Processor time that the group has used since it exists, nanoseconds.
    pub(crate) fn processor_ns(&self) -> Result<u64, CgroupError> {
        Ok(match self.directories.version {
            Version::V1 => read(&self.directories.cpuacct.join("cpuacct.usage"))?.trim().parse().unwrap_or(0),
            Version::V2 => keyed(&read(&self.directories.cpu.join("cpu.stat"))?, "usage_usec") * 1_000,
        })
    }

    /// Memory in use, bytes.
    pub(crate) fn memory(&self) -> Result<u64, CgroupError> {
        let path = self.pick("memory.usage_in_bytes", "memory.current", |all| &all.memory);
        Ok(read(&path)?.trim().parse().unwrap_or(0))
    }

    /// Forgets the peak, where the interface can.
    pub(crate) fn reset_peak(&self) -> Result<(), CgroupError> {
        match self.directories.version {
            Version::V1 => write(&self.directories.memory.join("memory.max_usage_in_bytes"), "0"),
            Version::V2 => Ok(()),
        }
    }

    /// Peak memory since the last reset, bytes; 0 where the interface cannot forget an earlier peak.
    pub(crate) fn peak(&self) -> Result<u64, CgroupError> {
        match self.directories.version {
            Version::V1 => {
                Ok(read(&self.directories.memory.join("memory.max_usage_in_bytes"))?.trim().parse().unwrap_or(0))
            }
            Version::V2 => Ok(0),
        }
    }

    /// How often a process of the group was killed because memory ran out.
    pub(crate) fn kills(&self) -> Result<u64, CgroupError> {
        let path = self.pick("memory.oom_control", "memory.events", |all| &all.memory);
        Ok(keyed(&read(&path)?, "oom_kill"))
    }

    /// How often a process or thread was refused.
    pub(crate) fn refusals(&self) -> Result<u64, CgroupError> {
        Ok(keyed(&read(&self.directories.pids.join("pids.events"))?, "max"))
    }

    /// How many processes are in the group, as pids of the host.
    pub(crate) fn members(&self) -> Result<Vec<i32>, CgroupError> {
        let text = read(&self.directories.pids.join("cgroup.procs"))?;
        Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        remove(&self.directories);
    }
}

/// The number after `key` in a file of lines `key number`.
fn keyed(text: &str, key: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}
