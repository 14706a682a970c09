//! Counting the processes of a cell in `/proc`, where there are no control groups.
//!
//! All processes of a cell descend from its pid 1: orphans of a pid namespace fall to it, and the dead leave it their
//! processor time. So the cell is the tree below that process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use super::Counters;

/// Length of a tick of the clocks in `/proc`, nanoseconds (USER_HZ is 100 on every Linux, and in gVisor).
const TICK_NS: u64 = 10_000_000;

/// Bytes of a page of memory, on both architectures that cells are built for.
const PAGE: u64 = 4 << 10;

/// The processes below one.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    first: i32,
    peak: AtomicU64,
}

/// One line of `/proc/PID/stat`, as far as it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    id: i32,
    parent: i32,
    zombie: bool,
    /// Address space, bytes.
    space: u64,
    /// Memory, bytes.
    resident: u64,
    /// Its own time and that of children it has waited for.
    ticks: u64,
}

impl Counted {
    /// Counts `first` and everything below it.
    pub(super) fn watch(&mut self, first: i32) {
        self.first = first;
    }

    /// Processor time. Nobody kills for memory, and who is refused a process cannot be seen from outside.
    pub(super) fn counters(&self) -> Counters {
        let cell = self.cell();
        let resident: u64 = cell.iter().map(|process| process.resident).sum();
        self.peak.fetch_max(resident, Ordering::Relaxed);
        Counters {
            processor_ns: cell.iter().map(|process| process.ticks).sum::<u64>() * TICK_NS,
            kills: 0,
            refusals: 0,
        }
    }

    /// Forgets the peak.
    pub(super) fn forget_peak(&mut self) {
        self.peak = AtomicU64::new(0);
    }

    /// The most memory that a look at the processor clock has seen, bytes: short peaks are missed.
    pub(super) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Memory of all processes, bytes. What forks share is counted for each.
    pub(super) fn resident(&self) -> u64 {
        self.cell().iter().map(|process| process.resident).sum()
    }

    /// Address space of the first process, bytes: its forks begin with as much.
    pub(super) fn space(&self) -> u64 {
        self.cell().first().map_or(0, |process| process.space)
    }

    /// Processes that are alive.
    pub(super) fn members(&self) -> Vec<i32> {
        self.cell().into_iter().filter(|process| !process.zombie).map(|process| process.id).collect()
    }

    fn cell(&self) -> Vec<Process> {
        below(self.first, &all())
    }
}

fn all() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    // One that ends meanwhile is not there.
    numbers.filter_map(|id| read(id, &std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)).collect()
}

/// Threads of all processes that this one sees. They are of one user, so the bound on its processes counts them all.
pub(super) fn threads_in_sight() -> u64 {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok()));
    processes.map(|entry| std::fs::read_dir(entry.path().join("task")).map_or(0, |tasks| tasks.count() as u64)).sum()
}

/// Reads a line of stat (proc(5)): the name, field 2, may hold anything, so the fields are counted from its end.
fn read(id: i32, stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Process {
        id,
        parent: fields.get(1)?.parse().ok()?,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        space: number(23)?,
        resident: number(24)? * PAGE,
        ticks: (14..=17).filter_map(number).sum(),
    })
}

/// `first` and every process below it.
fn below(first: i32, all: &[Process]) -> Vec<Process> {
    let mut children: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(*process);
    }
    let mut cell: Vec<Process> = all.iter().filter(|process| process.id == first).copied().collect();
    let (mut at, mut seen) = (0, BTreeSet::from([first]));
    while let Some(process) = cell.get(at) {
        // The list was not read in one moment: a number that was given out again must not lead in a circle.
        let new = children.get(&process.id).into_iter().flatten().filter(|child| seen.insert(child.id));
        let new: Vec<Process> = new.copied().collect();
        cell.extend(new);
        at += 1;
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: i32, parent: i32) -> Process {
        Process { id, parent, zombie: false, space: 0, resident: 0, ticks: 1 }
    }

    #[test]
    fn a_line_is_read_whatever_the_name_is() {
        let stat = "7 (a) Z b) R 3 7 7 0 -1 0 0 0 0 0 11 2 30 4 20 0 5 0 123 8192 2 0";
        let seen = read(7, stat).unwrap();
        assert_eq!(seen, Process { id: 7, parent: 3, zombie: false, space: 8192, resident: 8192, ticks: 47 });
        assert_eq!(read(7, "7 (x"), None);
    }

    #[test]
    fn a_cell_is_the_tree_below_its_first_process() {
        let all = [process(1, 0), process(5, 1), process(6, 5), process(7, 6), process(8, 1), process(9, 9)];
        let ids: Vec<i32> = below(5, &all).iter().map(|process| process.id).collect();
        assert_eq!(ids, [5, 6, 7]);
        assert!(below(10, &all).is_empty());
        assert_eq!(below(9, &all).len(), 1);
    }

    #[test]
    fn the_time_of_a_child_counts_while_it_lives_and_after() {
        let mut counted = Counted::default();
        counted.watch(std::process::id() as i32);
        let burn = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass";
        let mut child = std::process::Command::new("/usr/bin/python3").args(["-c", burn]).spawn().unwrap();
        assert!(counted.members().contains(&(child.id() as i32)));
        let before = counted.counters().processor_ns;
        child.wait().unwrap();
        assert!(counted.counters().processor_ns >= before + 100_000_000);
        assert!(!counted.members().contains(&(child.id() as i32)));
    }
}
