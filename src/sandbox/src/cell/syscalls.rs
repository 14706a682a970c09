//! The system calls a cell may make: an allow-list, so that a call the list does not know is refused.
//!
//! Everything else fails with EPERM: among others mount and its family, `ptrace`, `process_vm_*`,
//! `pidfd_getfd`, `bpf`, `perf_event_open`, `userfaultfd`, keys, `unshare`, `setns`, `io_uring_*`, modules,
//! `kexec_load`, `reboot`, swap, `open_by_handle_at`, System V and POSIX queues, file locks (a channel
//! between cells that share read-only files), `setxattr`, `personality`, and every call of a foreign ABI.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

use crate::surroundings::Surroundings;

/// Allowed with any arguments, on every processor.
#[rustfmt::skip]
const ALLOWED: &[i64] = &[
    // Files.
    libc::SYS_read, libc::SYS_write, libc::SYS_readv, libc::SYS_writev, libc::SYS_pread64, libc::SYS_pwrite64,
    libc::SYS_preadv, libc::SYS_pwritev, libc::SYS_preadv2, libc::SYS_pwritev2, libc::SYS_openat, libc::SYS_openat2,
    libc::SYS_close, libc::SYS_close_range, libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_statfs,
    libc::SYS_fstatfs, libc::SYS_lseek, libc::SYS_faccessat, libc::SYS_faccessat2, libc::SYS_readlinkat,
    libc::SYS_getdents64, libc::SYS_getcwd, libc::SYS_chdir, libc::SYS_fchdir, libc::SYS_renameat, libc::SYS_renameat2,
    libc::SYS_mkdirat, libc::SYS_unlinkat, libc::SYS_linkat, libc::SYS_symlinkat, libc::SYS_fchmod, libc::SYS_fchmodat,
    libc::SYS_fchmodat2, libc::SYS_fchown, libc::SYS_fchownat, libc::SYS_umask, libc::SYS_utimensat, libc::SYS_fsync,
    libc::SYS_fdatasync, libc::SYS_truncate, libc::SYS_ftruncate, libc::SYS_fallocate, libc::SYS_fadvise64,
    libc::SYS_sendfile, libc::SYS_copy_file_range, libc::SYS_getxattr, libc::SYS_lgetxattr, libc::SYS_fgetxattr,
    libc::SYS_listxattr, libc::SYS_llistxattr, libc::SYS_flistxattr, libc::SYS_memfd_create,
    // Descriptors and waiting for them.
    libc::SYS_dup, libc::SYS_dup3, libc::SYS_pipe2, libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2, libc::SYS_eventfd2, libc::SYS_signalfd4,
    libc::SYS_timerfd_create, libc::SYS_timerfd_settime, libc::SYS_timerfd_gettime,
    // Local sockets; `socket` and `socketpair` are conditional.
    libc::SYS_connect, libc::SYS_accept, libc::SYS_accept4, libc::SYS_bind, libc::SYS_listen, libc::SYS_sendto,
    libc::SYS_recvfrom, libc::SYS_sendmsg, libc::SYS_recvmsg, libc::SYS_shutdown, libc::SYS_getsockname,
    libc::SYS_getpeername, libc::SYS_setsockopt, libc::SYS_getsockopt,
    // Memory.
    libc::SYS_mmap, libc::SYS_mprotect, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_brk, libc::SYS_madvise,
    libc::SYS_msync, libc::SYS_mincore, libc::SYS_membarrier,
    // Processes, threads and signals; `clone` and what sends a signal are conditional, `clone3` is answered as unknown.
    libc::SYS_clone3, libc::SYS_execve, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_wait4, libc::SYS_waitid,
    libc::SYS_pidfd_send_signal,
    libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getpgid, libc::SYS_setpgid, libc::SYS_getsid,
    libc::SYS_setsid, libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity, libc::SYS_sched_getparam, libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min, libc::SYS_getcpu, libc::SYS_futex,
    libc::SYS_set_tid_address, libc::SYS_set_robust_list, libc::SYS_get_robust_list, libc::SYS_rseq,
    libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn, libc::SYS_rt_sigpending,
    libc::SYS_rt_sigtimedwait, libc::SYS_rt_sigsuspend, libc::SYS_sigaltstack, libc::SYS_restart_syscall,
    // Identity: without capabilities these only give up what is left.
    libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid, libc::SYS_getresuid,
    libc::SYS_getresgid, libc::SYS_getgroups, libc::SYS_setgroups, libc::SYS_setresuid, libc::SYS_setresgid,
    libc::SYS_capget,
    // Limits, time and the machine.
    libc::SYS_getrusage, libc::SYS_times, libc::SYS_sysinfo, libc::SYS_uname,
    libc::SYS_nanosleep, libc::SYS_clock_nanosleep, libc::SYS_clock_gettime, libc::SYS_clock_getres,
    libc::SYS_gettimeofday, libc::SYS_getitimer, libc::SYS_setitimer, libc::SYS_timer_create,
    libc::SYS_timer_settime, libc::SYS_timer_gettime, libc::SYS_timer_getoverrun, libc::SYS_timer_delete,
    libc::SYS_getrandom,
];

/// Older forms of allowed calls, which only x86-64 has.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_HERE: &[i64] = &[
    libc::SYS_open, libc::SYS_creat, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_readlink,
    libc::SYS_getdents, libc::SYS_rename, libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_unlink, libc::SYS_link,
    libc::SYS_symlink, libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes,
    libc::SYS_futimesat, libc::SYS_dup2, libc::SYS_pipe, libc::SYS_poll, libc::SYS_select, libc::SYS_epoll_create,
    libc::SYS_epoll_wait, libc::SYS_eventfd, libc::SYS_signalfd, libc::SYS_fork, libc::SYS_vfork, libc::SYS_getpgrp,
    libc::SYS_alarm, libc::SYS_pause, libc::SYS_time, libc::SYS_getrlimit, libc::SYS_setrlimit, libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// Commands of `fcntl` that copy descriptors and their flags: not the ones that lock or lease files.
const FCNTL: [i32; 8] = [
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_ADD_SEALS,
    libc::F_GET_SEALS,
];
/// Requests of `ioctl` that the interpreter makes of files, pipes and sockets.
const IOCTL: [u64; 6] = [libc::TCGETS, libc::TIOCGWINSZ, libc::FIONREAD, libc::FIONBIO, libc::FIOCLEX, libc::FIONCLEX];
/// Options of `prctl` that name a thread, tie a process to its parent, or name memory.
const PRCTL: [i32; 5] =
    [libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_SET_PDEATHSIG, libc::PR_GET_DUMPABLE, libc::PR_SET_VMA];
/// Flags of `clone` that make namespaces.
const NAMESPACES: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The filters, in the order in which they are installed. The strictest answer of all counts.
///
/// # Errors
/// Where the processor is not one that the filter can be built for.
pub(super) fn filters(surroundings: Surroundings) -> Result<Vec<BpfProgram>, BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = |errno: i32| SeccompAction::Errno(errno as u32);
    // glibc asks for clone3 first; its flags are in memory, where a filter cannot see them, so it is unknown here.
    let unknown = Rules::from([(libc::SYS_clone3, Vec::new())]);
    let unknown = SeccompFilter::new(unknown, SeccompAction::Allow, refused(libc::ENOSYS), architecture)?;
    let allowed = SeccompFilter::new(rules(surroundings)?, refused(libc::EPERM), SeccompAction::Allow, architecture)?;
    Ok(vec![unknown.try_into()?, allowed.try_into()?])
}

fn rules(surroundings: Surroundings) -> Result<Rules, BackendError> {
    let mut rules: Rules = ALLOWED.iter().chain(ALLOWED_HERE).map(|&number| (number, Vec::new())).collect();
    let local = [libc::AF_UNIX as u64];
    rules.insert(libc::SYS_socket, any_of(0, &local)?);
    rules.insert(libc::SYS_socketpair, any_of(0, &local)?);
    rules.insert(libc::SYS_fcntl, any_of(1, &FCNTL.map(|command| command as u64))?);
    rules.insert(libc::SYS_ioctl, any_of(1, &IOCTL)?);
    // Itself only, and never pid 1: in gVisor the fork server is of the program's user, and killed like any other.
    rules.insert(libc::SYS_prlimit64, any_of(0, &[0])?);
    for number in [libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_pidfd_open] {
        let other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 1)?;
        rules.insert(number, vec![SeccompRule::new(vec![other])?]);
    }
    rules.insert(libc::SYS_prctl, any_of(0, &PRCTL.map(|option| option as u64))?);
    // Processes of one's own, which end with SIGCHLD, and threads, which end silently: a child made for the parent
    // could send pid 1 another signal by ending.
    let never = u64::from(NAMESPACES as u32) | libc::CLONE_PARENT as u64;
    let with = |mask: u64, value: u64| -> Result<SeccompRule, BackendError> {
        let flags = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value)?;
        SeccompRule::new(vec![flags])
    };
    let (signal, thread) = (0xff, libc::CLONE_THREAD as u64);
    rules.insert(
        libc::SYS_clone,
        vec![with(never | signal, libc::SIGCHLD as u64)?, with(never | signal | thread, thread)?],
    );
    // The nice value of pid 1 would be a word for every program after this one.
    for number in [libc::SYS_getpriority, libc::SYS_setpriority] {
        rules.insert(number, any_of(1, &[0])?);
    }
    if surroundings == Surroundings::Gvisor {
        // The time of a child that nobody waits for is counted nowhere there.
        let other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, libc::SIGCHLD as u64)?;
        let asked = SeccompCondition::new(1, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
        rules.insert(libc::SYS_rt_sigaction, vec![SeccompRule::new(vec![other])?, SeccompRule::new(vec![asked])?]);
        // Its memory belongs to no process there, and is bounded by nothing but the pod.
        rules.remove(&libc::SYS_memfd_create);
    }
    Ok(rules)
}

/// One rule for each value that argument `index` may have.
fn any_of(index: u8, values: &[u64]) -> Result<Vec<SeccompRule>, BackendError> {
    let one = |&value| {
        let equal = SeccompCondition::new(index, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?;
        SeccompRule::new(vec![equal])
    };
    values.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn no_call_that_changes_the_machine_is_on_the_list() {
        let rules = rules(Surroundings::Linux).unwrap();
        for number in [
            libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_chroot, libc::SYS_open_tree,
            libc::SYS_move_mount, libc::SYS_fsopen, libc::SYS_ptrace, libc::SYS_process_vm_readv,
            libc::SYS_process_vm_writev, libc::SYS_pidfd_getfd, libc::SYS_bpf, libc::SYS_perf_event_open,
            libc::SYS_userfaultfd, libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key, libc::SYS_unshare,
            libc::SYS_setns, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_kexec_load,
            libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_delete_module, libc::SYS_reboot,
            libc::SYS_swapon, libc::SYS_open_by_handle_at, libc::SYS_shmget, libc::SYS_semget, libc::SYS_msgget,
            libc::SYS_mq_open, libc::SYS_flock, libc::SYS_setxattr, libc::SYS_personality, libc::SYS_seccomp,
        ] {
            assert!(!rules.contains_key(&number), "system call {number} is allowed");
        }
    }

    #[test]
    fn the_filters_fit_the_kernel() {
        for surroundings in [Surroundings::Linux, Surroundings::Gvisor] {
            for filter in filters(surroundings).unwrap() {
                assert!((1..4_096).contains(&filter.len()));
            }
        }
    }
}
