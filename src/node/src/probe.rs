//! Probes as a kubelet makes them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::net::TcpStream;
use tokio::process::Command;

/// Until a probe has succeeded once it is asked this often, however long its period: starting is quick here.
const EAGER: Duration = Duration::from_millis(200);

/// One probe with the times it is made at.
#[derive(Clone, Debug)]
pub struct Prober {
    probe: Probe,
    address: Ipv4Addr,
    ports: BTreeMap<String, i32>,
    http: reqwest::Client,
}

impl Prober {
    /// A prober for a container at an address.
    pub fn new(probe: &Probe, container: &Container, address: Ipv4Addr, http: &reqwest::Client) -> Self {
        let named = container.ports.iter().flatten().filter_map(|port| Some((port.name.clone()?, port.container_port)));
        Self { probe: probe.clone(), address, ports: named.collect(), http: http.clone() }
    }

    /// Wait before the next probe.
    pub fn pause(&self, succeeded_before: bool) -> Duration {
        let period = Duration::from_secs(self.probe.period_seconds.unwrap_or(10).max(1) as u64);
        if succeeded_before { period } else { period.min(EAGER) }
    }

    /// Failures in a row that count.
    pub fn failure_threshold(&self) -> i32 {
        self.probe.failure_threshold.unwrap_or(3).max(1)
    }

    /// Wait before the first probe.
    pub fn initial_delay(&self) -> Duration {
        Duration::from_secs(self.probe.initial_delay_seconds.unwrap_or(0).max(0) as u64)
    }

    /// Asks once.
    pub async fn ask(&self) -> bool {
        let limit = Duration::from_secs(self.probe.timeout_seconds.unwrap_or(1).max(1) as u64);
        tokio::time::timeout(limit, self.answer()).await.unwrap_or(false)
    }

    async fn answer(&self) -> bool {
        if let Some(get) = &self.probe.http_get {
            let host = get.host.clone().unwrap_or_else(|| self.address.to_string());
            let Some(port) = self.port(&get.port) else { return false };
            let path = get.path.as_deref().unwrap_or("/");
            let answer = self.http.get(format!("http://{host}:{port}{path}")).send().await;
            return answer.is_ok_and(|answer| (200..400).contains(&answer.status().as_u16()));
        }
        if let Some(socket) = &self.probe.tcp_socket {
            let host = socket.host.clone().unwrap_or_else(|| self.address.to_string());
            let Some(port) = self.port(&socket.port) else { return false };
            return TcpStream::connect(format!("{host}:{port}")).await.is_ok();
        }
        if let Some([program, arguments @ ..]) = self.probe.exec.as_ref().and_then(|exec| exec.command.as_deref()) {
            let status = Command::new(program).args(arguments).kill_on_drop(true).status().await;
            return status.is_ok_and(|status| status.success());
        }
        // A probe of a kind that this node does not know must not make a pod look ready.
        false
    }

    fn port(&self, port: &IntOrString) -> Option<i32> {
        match port {
            IntOrString::Int(port) => Some(*port),
            IntOrString::String(name) => self.ports.get(name).copied().or_else(|| name.parse().ok()),
        }
    }
}
