//! `genesis local` as a child process, watched over as a service manager would: it is started again if it dies.

use std::fs::{self, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Options;
use crate::paths;

/// More restarts than any test causes: a stack that cannot start does not try for ever.
const MOST_STARTS: u32 = 40;

/// The running stack.
#[derive(Debug)]
pub(crate) struct Stack {
    supervisor: Option<Supervisor>,
    /// For clients of the Kubernetes API.
    pub kubeconfig: PathBuf,
    /// Base address of the public API.
    pub api: String,
    log: PathBuf,
}

impl Stack {
    pub(crate) async fn start(options: &Options) -> Result<Self> {
        fs::create_dir_all(&options.data)?;
        let log = options.data.join("local.log");
        let ports = free_ports()?;
        let mut words: Vec<String> = vec!["local".into(), "--data".into(), options.data.display().to_string()];
        let flags = ["listen", "metrics-listen", "internal-listen", "operator-listen", "cluster-listen"];
        for (flag, port) in flags.iter().zip(ports) {
            words.extend([format!("--{flag}"), format!("127.0.0.1:{port}")]);
        }
        words.extend(["--models".into(), paths::root().join("src/model/models").display().to_string()]);
        if let Some(kubeconfig) = &options.kubeconfig {
            words.extend(["--kubeconfig".into(), kubeconfig.display().to_string()]);
        }
        let supervisor = Supervisor::start(words, log.clone())?;
        let kubeconfig = options.kubeconfig.clone().unwrap_or_else(|| options.data.join("kubeconfig"));
        let stack =
            Self { supervisor: Some(supervisor), kubeconfig, api: format!("http://127.0.0.1:{}", ports[0]), log };
        stack.wait_for_gateway().await?;
        Ok(stack)
    }

    /// Process id of `genesis local`; it changes when it is started again.
    pub(crate) fn process(&self) -> u32 {
        self.supervisor.as_ref().map_or(0, |supervisor| supervisor.process.load(Ordering::Relaxed))
    }

    /// Times that it had to be started again.
    pub(crate) fn restarts(&self) -> u32 {
        self.supervisor.as_ref().map_or(0, |supervisor| supervisor.starts.load(Ordering::Relaxed))
    }

    /// The gateway answers once everything before it does.
    async fn wait_for_gateway(&self) -> Result<()> {
        let start = Instant::now();
        let url = format!("{}/healthz", self.api);
        while !reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
            if self.supervisor.as_ref().is_none_or(|supervisor| supervisor.starts.load(Ordering::Relaxed) > 3) {
                bail!("genesis local does not stay up; the end of {}:\n{}", self.log.display(), self.tail());
            }
            if start.elapsed() > Duration::from_secs(90) {
                bail!("the gateway did not answer within 90 s; the end of {}:\n{}", self.log.display(), self.tail());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    fn tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(6).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Lets it run on after the demo has ended; from then on nobody starts it again.
    pub(crate) fn leave_running(mut self) {
        let process = self.process();
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.abandon();
        }
        println!("Left running (process {process}).");
        println!("  status page and API   {}/", self.api);
        println!("  API reference         {}/docs", self.api);
        println!("  Kubernetes            export KUBECONFIG={}", self.kubeconfig.display());
        println!("  end it with           kill {process}");
    }

    /// Ends it as a service manager would, and waits until it has gone.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.supervisor.take().context("it runs")?.stop()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            // Only where the demo failed; its error is what counts.
            let _ = supervisor.stop();
        }
    }
}

#[derive(Debug)]
struct Supervisor {
    ending: Arc<AtomicBool>,
    abandoned: Arc<AtomicBool>,
    process: Arc<AtomicU32>,
    starts: Arc<AtomicU32>,
    thread: JoinHandle<Result<()>>,
}

impl Supervisor {
    fn start(words: Vec<String>, log: PathBuf) -> Result<Self> {
        let ending = Arc::new(AtomicBool::new(false));
        let abandoned = Arc::new(AtomicBool::new(false));
        let (process, starts) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let first = spawn(&words, &log)?;
        process.store(first.id(), Ordering::Relaxed);
        let child = Arc::new(Mutex::new(first));
        let thread = std::thread::spawn({
            let (ending, abandoned, process, starts) =
                (ending.clone(), abandoned.clone(), process.clone(), starts.clone());
            move || loop {
                std::thread::sleep(Duration::from_millis(100));
                if abandoned.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let mut child = child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if child.try_wait()?.is_none() {
                    continue;
                }
                if ending.load(Ordering::Relaxed) || starts.fetch_add(1, Ordering::Relaxed) >= MOST_STARTS {
                    return Ok(());
                }
                *child = spawn(&words, &log)?;
                process.store(child.id(), Ordering::Relaxed);
            }
        });
        Ok(Self { ending, abandoned, process, starts, thread })
    }

    fn stop(self) -> Result<()> {
        self.ending.store(true, Ordering::Relaxed);
        let process = self.process.load(Ordering::Relaxed).to_string();
        Command::new("kill").arg(&process).status()?;
        let start = Instant::now();
        while !self.thread.is_finished() && start.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(50));
        }
        if !self.thread.is_finished() {
            Command::new("kill").args(["-9", &process]).status()?;
        }
        self.thread.join().map_err(|_| anyhow::anyhow!("the supervisor of genesis local failed"))?
    }

    fn abandon(self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }
}

fn spawn(words: &[String], log: &PathBuf) -> Result<Child> {
    let program = paths::binaries().join("genesis");
    let out = OpenOptions::new().create(true).append(true).open(log)?;
    Command::new(&program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
        .with_context(|| format!("start {}", program.display()))
}

/// Five ports, bound at once so that no two are the same.
fn free_ports() -> Result<[u16; 5]> {
    let listeners = (0..5).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<Vec<_>>>()?;
    let mut ports = [0; 5];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
