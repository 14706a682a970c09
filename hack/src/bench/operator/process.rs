//! `genesis operator` as a process, and what the system and its own server say about it.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::scrape::Scrape;
use super::stage::{SYSTEM, Stage, TOKEN};
use crate::paths;

/// A running operator. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Operator {
    child: Child,
    listen: SocketAddr,
    http: reqwest::Client,
}

impl Operator {
    /// Starts one; with an identity it acts only while it holds the Lease.
    pub(super) fn start(stage: &Stage, name: &str, identity: Option<&str>) -> Result<Self> {
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let path = stage.folder.join(format!("operator-{name}.log"));
        let log = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        let mut command = Command::new(paths::binaries().join("genesis"));
        command
            .arg("operator")
            .env("KUBECONFIG", &stage.operator_kubeconfig)
            .env("GENESIS_SERVICE_TOKEN", TOKEN)
            .env("GENESIS_GATEWAY_URL", &stage.gateway_url)
            .env("GENESIS_OPERATOR_LISTEN", listen.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some(identity) = identity {
            command.env("GENESIS_LEASE_NAMESPACE", SYSTEM).env("GENESIS_IDENTITY", identity);
        }
        let child = command.spawn().context("start genesis operator: is the whole workspace built?")?;
        Ok(Self { child, listen, http: reqwest::Client::new() })
    }

    /// Its numbers.
    pub(super) async fn scrape(&self) -> Result<Scrape> {
        let answer = self.http.get(format!("http://{}/metrics", self.listen)).send().await?;
        Ok(Scrape::parse(&answer.error_for_status()?.text().await?))
    }

    /// Fails where it says that a watch is stalled.
    pub(super) async fn healthy(&self) -> Result<()> {
        let answer = self.http.get(format!("http://{}/healthz", self.listen)).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "the operator is not healthy: {text}");
        Ok(())
    }

    /// Fails where it has ended.
    pub(super) fn runs(&mut self) -> Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "the operator ended: {ended:?}");
        Ok(())
    }

    /// Its resident memory now.
    pub(super) fn rss_mib(&self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// The most that was ever resident.
    pub(super) fn peak_mib(&self) -> Result<f64> {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).context("the operator runs")?;
        let line =
            text.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("{field} is there"))?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// Processor time that it has used, seconds.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).context("the operator runs")?;
        let after_name = text.rsplit_once(')').context("stat has a name")?.1;
        let mut ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        let (user, system) = (ticks.next().context("utime")??, ticks.next().context("stime")??);
        // USER_HZ is 100 on every architecture that this runs on.
        Ok((user + system) / 100.0)
    }
}

impl Drop for Operator {
    /// As SIGKILL would: nothing is handed back.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
