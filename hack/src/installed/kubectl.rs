//! kubectl, as a person uses it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::cluster;

/// How long a forwarded port may take to open.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// kubectl for one namespace of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Kubectl {
    kubeconfig: PathBuf,
    namespace: String,
}

impl Kubectl {
    pub(super) fn new(kubeconfig: &Path, namespace: &str) -> Self {
        Self { kubeconfig: kubeconfig.to_owned(), namespace: namespace.to_owned() }
    }

    /// Standard output of a command that must not fail.
    pub(super) fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.command(words)?.output().context("run kubectl")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "kubectl {} failed: {}", words.join(" "), stderr.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Exit code, standard output and standard error of a command that may fail.
    pub(super) fn attempt(&self, words: &[&str]) -> Result<(i32, String)> {
        let output = self.command(words)?.output().context("run kubectl")?;
        let both = [output.stdout, output.stderr].concat();
        Ok((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&both).trim().to_owned()))
    }

    /// Writes `object` to a file and applies that.
    pub(super) fn apply(&self, folder: &Path, name: &str, object: &serde_json::Value) -> Result<()> {
        let path = folder.join(format!("{name}.json"));
        fs::write(&path, serde_json::to_vec(object)?).with_context(|| format!("write {}", path.display()))?;
        self.run(&["apply", "--filename", &path.display().to_string()]).map(drop)
    }

    /// Forwards `port` of a service to a free port of loopback for as long as the answer lives.
    pub(super) fn forward(&self, service: &str, port: u16, log: &Path) -> Result<Forwarded> {
        let out = fs::File::create(log).with_context(|| format!("create {}", log.display()))?;
        let child = self
            .command(&["port-forward", &format!("service/{service}"), &format!(":{port}")])?
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .context("start kubectl port-forward")?;
        let mut forwarded = Forwarded { child, address: String::new() };
        let start = Instant::now();
        while start.elapsed() < OPEN_WITHIN {
            let said = fs::read_to_string(log).unwrap_or_default();
            // "Forwarding from 127.0.0.1:40123 -> 8000"
            if let Some(address) = said.lines().find_map(|line| line.strip_prefix("Forwarding from 127.0.0.1:")) {
                let local = address.split(' ').next().unwrap_or_default();
                forwarded.address = format!("http://127.0.0.1:{local}");
                return Ok(forwarded);
            }
            if let Some(status) = forwarded.child.try_wait()? {
                bail!("kubectl port-forward ended with {status}: {}", said.trim());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("kubectl port-forward opened no port within {} s", OPEN_WITHIN.as_secs())
    }

    fn command(&self, words: &[&str]) -> Result<std::process::Command> {
        let mut command = cluster::kubectl(&self.kubeconfig)?;
        command.args(["--namespace", &self.namespace]).args(words);
        Ok(command)
    }
}

/// A forwarded port; it closes when this is dropped.
#[derive(Debug)]
pub(super) struct Forwarded {
    child: Child,
    /// Base address on this machine.
    pub(super) address: String,
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        // It holds nothing worth saving.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
