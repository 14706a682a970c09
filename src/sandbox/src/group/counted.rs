//! Counting the processes of a cell in `/proc`, where there are no control groups.
//!
//! All processes of a cell descend from its pid 1: orphans of a pid namespace fall to it, and the dead leave it their
//! processor time. So the cell is the tree below that process.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
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
    threads: u64,
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

    /// What the cell's processes use now. Nobody kills for memory, and who is refused a process cannot be seen.
    pub(super) fn counters(&self) -> io::Result<Counters> {
        let cell = self.cell()?;
        let own = cell.first().map_or(0, |first| first.resident);
        // What a fork has not written to is the first process's own.
        let resident = cell.iter().skip(1).map(|process| process.resident.saturating_sub(own)).sum();
        self.peak.fetch_max(resident, Ordering::Relaxed);
        Ok(Counters {
            processor_ns: cell.iter().map(|process| process.ticks).sum::<u64>() * TICK_NS,
            resident,
            tasks: cell.iter().skip(1).map(|process| process.threads).sum(),
            ..Counters::default()
        })
    }

    /// Forgets the peak.
    pub(super) fn forget_peak(&mut self) {
        self.peak = AtomicU64::new(0);
    }

    /// The most memory beyond the first process's own that a look has seen, bytes: short peaks are missed.
    pub(super) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Address space of the first process, bytes: its forks begin with as much.
    pub(super) fn space(&self) -> io::Result<u64> {
        Ok(self.cell()?.first().map_or(0, |process| process.space))
    }

    /// Processes, the dead that nobody has waited for among them: some of their threads may live.
    pub(super) fn members(&self) -> io::Result<Vec<i32>> {
        Ok(self.cell()?.into_iter().map(|process| process.id).collect())
    }

    /// The first process and everything below it. Without it nothing could be said of the others.
    fn cell(&self) -> io::Result<Vec<Process>> {
        let cell = below(self.first, &all()?);
        if cell.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(cell) }
    }
}

fn all() -> io::Result<Vec<Process>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        match std::fs::read(format!("/proc/{id}/stat")) {
            // A process may call itself anything: its name need not be text.
            Ok(stat) => all.push(read(id, &String::from_utf8_lossy(&stat)).ok_or(io::ErrorKind::InvalidData)?),
            // One that has ended meanwhile is not there.
            Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Threads of all processes that this one sees. They are of one user, so the bound on its processes counts them all.
pub(super) fn threads_in_sight() -> io::Result<u64> {
    Ok(all()?.iter().map(|process| process.threads).sum())
}

/// Reads a line of stat (proc(5)): the name, field 2, may hold anything, so the fields are counted from its end.
fn read(id: i32, stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Process {
        id,
        parent: fields.get(1)?.parse().ok()?,
        threads: number(20)?,
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
        Process { id, parent, threads: 1, space: 0, resident: 0, ticks: 1 }
    }

    #[test]
    fn a_line_is_read_whatever_the_name_is() {
        let stat = "7 (a) Z b) R 3 7 7 0 -1 0 0 0 0 0 11 2 30 4 20 0 5 0 123 8192 2 0";
        let seen = read(7, stat).unwrap();
        assert_eq!(seen, Process { id: 7, parent: 3, threads: 5, space: 8192, resident: 8192, ticks: 47 });
        assert_eq!(read(7, "7 (x"), None);
    }

    #[test]
    fn a_cell_without_its_first_process_is_an_error_and_not_empty() {
        let mut counted = Counted::default();
        counted.watch(i32::MAX);
        assert!(counted.members().is_err() && counted.counters().is_err());
    }

    #[test]
    fn a_name_that_is_no_text_hides_nobody() {
        let stat =
            String::from_utf8_lossy(b"7 (\xff) R 3 7 7 0 -1 0 0 0 0 0 11 2 30 4 20 0 5 0 123 8192 2 0").into_owned();
        assert_eq!(read(7, &stat).unwrap().parent, 3);
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
        assert!(counted.members().unwrap().contains(&(child.id() as i32)));
        let before = counted.counters().unwrap().processor_ns;
        child.wait().unwrap();
        assert!(counted.counters().unwrap().processor_ns >= before + 100_000_000);
        assert!(!counted.members().unwrap().contains(&(child.id() as i32)));
    }
}
