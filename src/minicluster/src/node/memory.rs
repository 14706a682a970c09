//! Enforcing memory limits without cgroups: the resident memory of the containers' process groups is read twice a second.

use std::{collections::HashMap, convert::Infallible, fs, sync::Arc, time::Duration};

use tokio::sync::watch;

/// How often memory is looked at. Only containers with a limit are.
const PERIOD: Duration = Duration::from_millis(500);

/// Resident bytes by process group; shared pages count once for each process.
type Readings = HashMap<i32, u64>;

/// What the containers of a node use.
#[derive(Debug, Default)]
pub struct Memory {
    readings: watch::Sender<Arc<Readings>>,
}

impl Memory {
    /// Reads the memory of all processes, once a period for all containers, for as long as it is polled.
    ///
    /// `/proc` is read on a thread that may block: it takes milliseconds, and more on a busy machine.
    pub async fn keep_reading(&self) -> Infallible {
        loop {
            tokio::time::sleep(PERIOD).await;
            if self.readings.receiver_count() > 0
                && let Ok(readings) = tokio::task::spawn_blocking(read).await
            {
                self.readings.send_replace(Arc::new(readings));
            }
        }
    }

    /// Resolves when the processes of group `pgid` together use more than `limit_bytes` of resident memory.
    pub async fn exceeded(&self, pgid: i32, limit_bytes: Option<u64>) {
        let Some(limit) = limit_bytes else { return std::future::pending().await };
        let mut readings = self.readings.subscribe();
        let beyond = |readings: &Arc<Readings>| readings.get(&pgid).is_some_and(|bytes| *bytes > limit);
        // A reading from before this container may be about another one that had its number.
        readings.mark_unchanged();
        while readings.changed().await.is_ok() {
            if beyond(&readings.borrow_and_update()) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

/// Reads what every process group uses now.
fn read() -> Readings {
    let mut readings = Readings::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(status) = fs::read_to_string(entry.path().join("status")) else { continue };
        if let Some((group, bytes)) = resident(&status) {
            *readings.entry(group).or_default() += bytes;
        }
    }
    readings
}

/// Group and `VmRSS` of proc(5)'s `/proc/<pid>/status`.
fn resident(status: &str) -> Option<(i32, u64)> {
    let field = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name))?;
        // Seen from this namespace; ids in nested namespaces, and the unit, follow.
        value.split_whitespace().next()
    };
    let kib: u64 = field("VmRSS:")?.parse().ok()?;
    Some((field("NSpgid:")?.parse().ok()?, kib * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_file_is_read() {
        let status = "Name:\ta\nNSpgid:\t42\t7\nVmRSS:\t    1284 kB\n";
        assert_eq!(resident(status), Some((42, 1284 * 1024)));
        assert_eq!(resident("Name:\tkernel\nNSpgid:\t0\n"), None);
        assert!(read()[&nix::unistd::getpgrp().as_raw()] > 0);
    }

    #[tokio::test]
    async fn one_reading_serves_every_container() {
        let memory = Memory::default();
        let own = nix::unistd::getpgrp().as_raw();
        tokio::select! {
            never = memory.keep_reading() => match never {},
            () = memory.exceeded(own, None) => panic!("there is no limit"),
            () = memory.exceeded(own, Some(u64::MAX)) => panic!("nobody uses that much"),
            () = async { tokio::join!(memory.exceeded(own, Some(1)), memory.exceeded(own, Some(2))); } => {}
        }
    }
}
