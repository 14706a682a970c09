use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::certificates::Certificates;
use super::{binary, flags};

const READY_WITHIN: Duration = Duration::from_mins(2);

/// A running control plane. Dropping it ends its processes, unless they were told to stay.
#[derive(Debug)]
pub struct ControlPlane {
    folder: PathBuf,
    kubeconfig: PathBuf,
    children: Vec<(&'static str, Child)>,
    stays: bool,
}

impl ControlPlane {
    /// Starts everything with fresh data under `folder` and waits until the API server is ready and the default
    /// service account is there.
    pub fn start(folder: &Path) -> Result<Self> {
        Self::start_without(folder, &[])
    }

    /// The same without some of the controllers.
    pub fn start_without(folder: &Path, controllers_left_out: &[&str]) -> Result<Self> {
        let kube = binary()?;
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("empty {}", folder.display()))?;
        }
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let certificates = Certificates::create(&folder.join("certificates"))?;
        let [client, peer, api, controllers, scheduler] = free_ports()?;
        let server = format!("https://127.0.0.1:{api}");
        let kubeconfig = certificates.kubeconfig(&server, "admin", "admin", Some("system:masters"))?;
        let mut plane = Self { folder, kubeconfig: kubeconfig.clone(), children: Vec::new(), stays: false };

        // Nothing but this machine reaches it, and no pod looks for it by a Service.
        let loopback =
            [("bind-address", "127.0.0.1"), ("advertise-address", "127.0.0.1"), ("endpoint-reconciler-type", "none")];
        plane.spawn(&kube, "etcd", flags::etcd(&plane.folder, client, peer))?;
        plane.spawn(&kube, "apiserver", flags::apiserver(&certificates, client, api, &loopback))?;
        // The controller manager gives up where the API server is not ready yet.
        plane.wait("the API server", || Ok(plane_ready(&kube, &kubeconfig)))?;
        let of = |user: &str| certificates.kubeconfig(&server, user, &format!("system:{user}"), None);
        let manager = of("kube-controller-manager")?;
        let mut manager = flags::controller_manager(&certificates, &manager, controllers);
        let run: String = controllers_left_out.iter().map(|name| format!(",-{name}")).collect();
        manager.push(format!("--controllers=*{run}"));
        plane.spawn(&kube, "controller-manager", manager)?;
        let planner = of("kube-scheduler")?;
        plane.spawn(&kube, "scheduler", flags::scheduler(&planner, scheduler))?;
        plane.wait("the default service account", || Ok(default_account(&kube, &kubeconfig)))?;
        Ok(plane)
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Leaves the processes running and writes their ids for [`ControlPlane::stop`].
    pub fn leave_running(mut self) -> Result<()> {
        let ids: Vec<String> = self.children.iter().map(|(_, child)| child.id().to_string()).collect();
        fs::write(self.folder.join("pids"), ids.join("\n"))?;
        self.stays = true;
        Ok(())
    }

    /// Ends the processes that [`ControlPlane::leave_running`] left. Stopping twice is no error.
    pub fn stop(folder: &Path) -> Result<usize> {
        let path = folder.join("pids");
        let Ok(text) = fs::read_to_string(&path) else { return Ok(0) };
        let mut stopped = 0;
        for id in text.lines().rev() {
            // A number may have been given to another process since: only what still is ours is ended.
            let ours = fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|line| line.contains("kube"));
            if ours && Command::new("kill").arg(id).status().is_ok_and(|status| status.success()) {
                stopped += 1;
            }
        }
        fs::remove_file(path)?;
        Ok(stopped)
    }

    fn spawn(&mut self, kube: &Path, part: &'static str, flags: Vec<String>) -> Result<()> {
        let log = self.folder.join(format!("{part}.log"));
        let out = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let child = Command::new(kube)
            .arg(part)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("start {part}"))?;
        self.children.push((part, child));
        Ok(())
    }

    fn wait(&mut self, what: &str, ready: impl Fn() -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        while !ready()? {
            for (part, child) in &mut self.children {
                if let Some(status) = child.try_wait()? {
                    let log = self.folder.join(format!("{part}.log"));
                    let text = fs::read_to_string(&log).unwrap_or_default();
                    let tail: Vec<&str> = text.lines().rev().take(5).collect();
                    bail!("{part} ended with {status}; the end of {}:\n{}", log.display(), tail.join("\n"));
                }
            }
            if start.elapsed() > READY_WITHIN {
                bail!("{what} was not ready within {} s; see {}", READY_WITHIN.as_secs(), self.folder.display());
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        Ok(())
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        if !self.stays {
            for (_, child) in self.children.iter_mut().rev() {
                // Nothing is to be saved: the data folder is thrown away.
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

fn plane_ready(kube: &Path, kubeconfig: &Path) -> bool {
    quiet(kube, kubeconfig, &["get", "--raw", "/readyz"])
}

fn default_account(kube: &Path, kubeconfig: &Path) -> bool {
    quiet(kube, kubeconfig, &["get", "serviceaccount", "default"])
}

pub(super) fn quiet(kube: &Path, kubeconfig: &Path, words: &[&str]) -> bool {
    Command::new(kube)
        .arg("kubectl")
        .args(words)
        .env("KUBECONFIG", kubeconfig)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn free_ports() -> Result<[u16; 5]> {
    // All are bound at once, so that no two are the same.
    let listeners = (0..5).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<Vec<_>>>()?;
    let mut ports = [0; 5];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}
