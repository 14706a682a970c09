//! Enforcing memory limits without cgroups: the resident memory of a container's process group is read twice a second.

use std::{fs, time::Duration};

/// How often memory is looked at. Only containers with a limit are.
const PERIOD: Duration = Duration::from_millis(500);

/// Resolves when the processes of group `pgid` together use more than `limit_bytes` of resident memory.
pub async fn exceeded(pgid: i32, limit_bytes: Option<u64>) {
    let Some(limit) = limit_bytes else { return std::future::pending().await };
    loop {
        tokio::time::sleep(PERIOD).await;
        if resident_kib(pgid) * 1024 > limit {
            return;
        }
    }
}

/// Resident memory of a process group in KiB; shared pages count once for each process.
fn resident_kib(pgid: i32) -> u64 {
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let of_process =
        |entry: fs::DirEntry| resident_in_group(&fs::read_to_string(entry.path().join("status")).ok()?, pgid);
    processes.flatten().filter_map(of_process).sum()
}

/// `VmRSS` of proc(5)'s `/proc/<pid>/status`, if the process is in the group.
fn resident_in_group(status: &str, pgid: i32) -> Option<u64> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    // Seen from this namespace; ids in nested namespaces follow.
    let group: i32 = field("NSpgid:")?.split_whitespace().next()?.parse().ok()?;
    (group == pgid).then(|| field("VmRSS:")?.split_whitespace().next()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_file_is_read() {
        let status = "Name:\ta\nNSpgid:\t42\nVmRSS:\t    1284 kB\n";
        assert_eq!(resident_in_group(status, 42), Some(1284));
        assert_eq!(resident_in_group(status, 7), None);
        let own = nix::unistd::getpgrp().as_raw();
        assert!(resident_kib(own) > 0);
    }
}
