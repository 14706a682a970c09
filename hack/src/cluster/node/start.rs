//! From an empty folder to a node that can be used.

use std::fs::{self, OpenOptions};
use std::io::PipeReader;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::layout::{CONTAINERD_SOCKET, Layout, NAME};
use super::plan::Plan;
use super::process::Held;
use super::{Node, images, objects};
use crate::cluster::binary;
use crate::cluster::processes::quiet;
use crate::paths;

const READY_WITHIN: Duration = Duration::from_mins(2);

impl Node {
    /// Starts the first process of new namespaces with this as its standard output, which tells it whether somebody
    /// still wants the node (see [`hold`](super::hold)), and waits until the node can be used.
    pub(super) fn launch(folder: &Path, out: Stdio, lifeline: Option<PipeReader>) -> Result<Self> {
        let hack = paths::binaries().join("hack");
        ensure!(hack.exists(), "{} is not built: cargo build --package hack", hack.display());
        let programs = Self::prepare()?;
        Self::stop(folder)?;
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("empty {}", folder.display()))?;
        }
        fs::create_dir_all(folder.join("log"))?;
        let layout = Layout::new(&folder.canonicalize()?);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (_, kubeconfig) = Plan::write(&layout, &programs, &format!("https://{}", listener.local_addr()?))?;

        let log = OpenOptions::new().create(true).append(true).open(layout.file("log/holder.log"))?;
        let mut child = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "--"])
            .arg(hack)
            .args(["cluster", "hold"])
            .arg(layout.folder())
            .stdin(OwnedFd::from(listener))
            .stdout(out)
            .stderr(log)
            // A terminal's interrupt is for the caller.
            .process_group(0)
            .spawn()
            .context("run unshare")?;
        let held = Held::of(&layout, &mut child)?;
        let owner = lifeline.map(|lifeline| (child, lifeline));
        let node = Self { layout, kubeconfig, programs, held, owner };
        match node.fill() {
            Ok(()) => Ok(node),
            Err(error) => {
                Self::stop(node.folder())?;
                Err(error)
            }
        }
    }

    /// Images and objects that every node has, and the wait until it can be used.
    fn fill(&self) -> Result<()> {
        let images = images::own(&self.layout.file("images"), &self.programs)?;
        self.wait("containerd", |node| Ok(node.held.has(CONTAINERD_SOCKET)))?;
        for image in &images {
            self.import(image)?;
        }
        let kube = binary()?;
        self.wait("the API server", |node| Ok(quiet(&kube, &node.kubeconfig, &["get", "--raw", "/readyz"])))?;
        self.apply("objects", &objects::all(&self.layout)?)?;
        let within = format!("--timeout={}s", READY_WITHIN.as_secs());
        for words in [
            ["--for=create", "serviceaccount/default", "--namespace=default"],
            ["--for=create", &format!("node/{NAME}"), "--namespace=default"],
            ["--for=condition=Ready", &format!("node/{NAME}"), "--namespace=default"],
            ["--for=condition=Available", "deployment/coredns", "--namespace=kube-system"],
        ] {
            let words = [&["wait", &within], words.as_slice()].concat();
            let out = self.kubectl(&words)?.output().context("run kubectl")?;
            let log = self.layout.file("log");
            ensure!(out.status.success(), "{}; see {}", String::from_utf8_lossy(&out.stderr).trim(), log.display());
        }
        Ok(())
    }

    pub(super) fn apply(&self, name: &str, objects: &str) -> Result<()> {
        let path = self.layout.write(&format!("settings/{name}.yaml"), objects)?;
        let out = self.kubectl(&["apply", "--server-side", "--filename"])?.arg(path).output().context("run kubectl")?;
        ensure!(out.status.success(), "kubectl apply: {}", String::from_utf8_lossy(&out.stderr));
        Ok(())
    }

    fn wait(&self, what: &str, ready: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        while !ready(self)? {
            let log = self.layout.file("log");
            if !self.held.lives() {
                let text = fs::read_to_string(log.join("holder.log")).unwrap_or_default();
                bail!("the node ended while it was started: {}", text.trim());
            }
            if start.elapsed() > READY_WITHIN {
                bail!("{what} was not ready within {} s; see {}", READY_WITHIN.as_secs(), log.display());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}
