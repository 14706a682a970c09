//! A container as a process in a group of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::Error;

/// What to start.
#[derive(Debug)]
pub struct Launch<'a> {
    /// Program and arguments, expanded.
    pub words: &'a [String],
    /// Variables; nothing else of this process's environment is passed on but `PATH` and `HOME`.
    pub environment: &'a BTreeMap<String, String>,
    /// Working folder.
    pub folder: Option<&'a str>,
    /// Where commands without a slash are looked up first.
    pub binaries: &'a Path,
    /// Output is appended to this file.
    pub log: &'a Path,
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: Pid,
}

impl Process {
    /// Starts it. It dies with the thread of this process that started it: nothing outlives a killed node.
    pub fn start(launch: &Launch<'_>) -> Result<Self, Error> {
        let program = launch.words.first().cloned().unwrap_or_default();
        let failed = |source| Error::Spawn { program: program.clone(), source };
        let log = OpenOptions::new().create(true).append(true).open(launch.log).map_err(Error::data(launch.log))?;
        let mut command = Command::new(locate(&program, launch.binaries));
        command
            .args(&launch.words[1.min(launch.words.len())..])
            .env_clear()
            .env("PATH", search_path(launch.binaries))
            .envs(std::env::var_os("HOME").map(|home| ("HOME", home)))
            .envs(launch.environment)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .process_group(0);
        if let Some(folder) = launch.folder {
            command.current_dir(folder);
        }
        die_with_parent(&mut command);
        let child = command.spawn().map_err(failed)?;
        let group = Pid::from_raw(child.id().map_or(0, |id| id as i32));
        Ok(Self { child, group })
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to end, and ends the whole group once the grace period is over.
    pub async fn terminate(mut self, grace: Duration) -> Option<ExitStatus> {
        self.signal(Signal::SIGTERM);
        let status = tokio::time::timeout(grace, self.child.wait()).await.ok().and_then(Result::ok);
        self.signal(Signal::SIGKILL);
        match status {
            Some(status) => Some(status),
            None => self.child.wait().await.ok(),
        }
    }

    /// Ends what a process left behind in its group.
    pub fn sweep(&self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(&self, signal: Signal) {
        // Group 0 would be our own. A group that is gone already is no error.
        if self.group.as_raw() > 1 {
            let _ = killpg(self.group, signal);
        }
    }
}

/// The exit code as a kubelet gives it: 128 and the signal's number where a signal ended it.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn locate(program: &str, binaries: &Path) -> PathBuf {
    let own = binaries.join(program);
    if !program.contains('/') && own.is_file() { own } else { PathBuf::from(program) }
}

fn search_path(binaries: &Path) -> OsString {
    let mut path = binaries.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into()));
    path
}

#[allow(unsafe_code)]
fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    // SAFETY: between fork and exec only two system calls are made; both are async-signal-safe and allocate nothing.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // The parent may have gone in between; then nobody would send the signal.
            if libc::getppid() as u32 != parent {
                return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
}
