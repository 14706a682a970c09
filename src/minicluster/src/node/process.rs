//! Child processes that cannot outlive the node.
//!
//! The kernel kills a child when the *thread* that started it ends, so one thread that lives as long as the node
//! starts them all.

use std::{
    convert::Infallible,
    fs::{File, OpenOptions},
    io,
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    sync::oneshot,
};

/// A log file larger than this is moved aside: when its container starts again, and while it runs.
const LOG_LIMIT_BYTES: u64 = 16 << 20;

/// How often the log of a running container is looked at.
const LOG_PERIOD: Duration = Duration::from_secs(5);

/// What to run.
#[derive(Clone, Debug)]
pub struct Program {
    /// Executable.
    pub path: PathBuf,
    /// Arguments after the name.
    pub arguments: Vec<String>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// Working directory.
    pub directory: PathBuf,
    /// File that standard output and error are appended to.
    pub log: PathBuf,
}

type Start = (Program, tokio::runtime::Handle, oneshot::Sender<io::Result<Child>>);

/// Starts processes from its own thread.
#[derive(Debug)]
pub struct Spawner {
    requests: mpsc::Sender<Start>,
}

impl Spawner {
    /// Starts the thread. It ends when the spawner is dropped, and with it every process it started.
    pub fn start() -> io::Result<Self> {
        let (requests, receiver) = mpsc::channel::<Start>();
        thread::Builder::new().name("node-spawner".to_owned()).spawn(move || {
            for (program, runtime, reply) in receiver {
                let _entered = runtime.enter();
                // A receiver that is gone drops the child, which kills it.
                reply.send(spawn(&program)).ok();
            }
        })?;
        Ok(Self { requests })
    }

    /// Starts a process.
    pub async fn spawn(&self, program: Program) -> io::Result<Process> {
        let (reply, started) = oneshot::channel();
        let gone = || io::Error::other("the node is stopping");
        let log = program.log.clone();
        self.requests.send((program, tokio::runtime::Handle::current(), reply)).map_err(|_| gone())?;
        let child = started.await.map_err(|_| gone())??;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).ok_or_else(gone)?;
        Ok(Process { child, pid: Pid::from_raw(pid), log })
    }
}

fn spawn(program: &Program) -> io::Result<Child> {
    let log = open_log(&program.log)?;
    let mut command = std::process::Command::new(&program.path);
    command
        .args(&program.arguments)
        .env_clear()
        .envs(program.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(&program.directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    die_with_parent(&mut command);
    Command::from(command).kill_on_drop(true).spawn()
}

/// Has the kernel kill the child when the spawner thread ends, however it ends.
#[allow(unsafe_code)]
fn die_with_parent(command: &mut std::process::Command) {
    let parent = nix::unistd::getpid();
    let prepare = move || -> io::Result<()> {
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the line above took effect.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: between fork and exec the closure makes two system calls and touches no memory of the parent.
    unsafe {
        command.pre_exec(prepare);
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    if path.metadata().is_ok_and(|m| m.len() > LOG_LIMIT_BYTES) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// Keeps the log of a running container from filling the disk, for as long as it is polled.
pub async fn keep_bounded(log: PathBuf) -> Infallible {
    loop {
        tokio::time::sleep(LOG_PERIOD).await;
        let log = log.clone();
        let bounded = tokio::task::spawn_blocking(move || bound_log(&log, LOG_LIMIT_BYTES)).await;
        if let Ok(Err(error)) = bounded {
            tracing::warn!(%error, "a log that is too long could not be moved aside");
        }
    }
}

/// Moves the text of a log that is longer than `limit` aside. The file itself stays: a process has it open and appends.
fn bound_log(log: &Path, limit: u64) -> io::Result<()> {
    if log.metadata()?.len() > limit {
        std::fs::copy(log, log.with_extension("log.1"))?;
        OpenOptions::new().write(true).open(log)?.set_len(0)?;
    }
    Ok(())
}

/// A running process and its group.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: Pid,
    log: PathBuf,
}

impl Process {
    /// Process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// File that it writes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits for the process and then ends what is left of its group.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.kill_group();
        Ok(status)
    }

    /// Asks the process to end.
    pub fn terminate(&self) {
        // The child is not reaped before `wait` returns, so the id is still its own.
        if self.child.id().is_some() {
            kill(self.pid, Signal::SIGTERM).ok();
        }
    }

    /// Ends the process and everything it started.
    pub fn kill_group(&self) {
        // ESRCH says that nobody is left.
        killpg(self.pid, Signal::SIGKILL).ok();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.kill_group();
        }
    }
}

/// Exit code as a container runtime reports it: 128 + signal for a killed process.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_log_is_moved_aside_under_the_process_that_writes_it() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("ns_pod_main.log");
        let mut writer = open_log(&log).unwrap();
        writer.write_all(b"long enough").unwrap();
        bound_log(&log, 100).unwrap();
        assert_eq!(std::fs::read(&log).unwrap(), b"long enough");
        bound_log(&log, 5).unwrap();
        writer.write_all(b"more").unwrap();
        assert_eq!(std::fs::read(&log).unwrap(), b"more");
        assert_eq!(std::fs::read(dir.path().join("ns_pod_main.log.1")).unwrap(), b"long enough");
    }
}
