//! Liveness, readiness and startup probes.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use k8s_openapi::{
    api::core::v1::{Container, HTTPGetAction, Probe},
    apimachinery::pkg::util::intstr::IntOrString,
};
use tokio::net::TcpStream;

use super::environment;

/// A probe's counters: consecutive results against its thresholds. Pure.
#[derive(Clone, Debug)]
pub struct Threshold {
    success_threshold: i32,
    failure_threshold: i32,
    successes: i32,
    failures: i32,
}

impl Threshold {
    /// Counters of a probe that has not run.
    pub fn new(probe: &Probe) -> Self {
        Self {
            success_threshold: probe.success_threshold.unwrap_or(1).max(1),
            failure_threshold: probe.failure_threshold.unwrap_or(3).max(1),
            successes: 0,
            failures: 0,
        }
    }

    /// Counts a result; says whether the probe has now passed or failed, or leaves it open.
    pub fn count(&mut self, success: bool) -> Option<bool> {
        if success {
            self.failures = 0;
            self.successes += 1;
            (self.successes >= self.success_threshold).then_some(true)
        } else {
            self.successes = 0;
            self.failures += 1;
            (self.failures >= self.failure_threshold).then_some(false)
        }
    }
}

/// Where probes of one container go.
#[derive(Clone, Debug)]
pub struct ProbeTarget {
    /// Address of the pod.
    pub pod_ip: String,
    /// The container's environment, for exec probes.
    pub environment: Vec<(String, String)>,
    /// The container's working directory.
    pub directory: std::path::PathBuf,
    /// Where programs are looked up.
    pub bin_dir: std::path::PathBuf,
}

/// Waits before the first run of a probe.
pub async fn initial_delay(probe: &Probe) {
    tokio::time::sleep(seconds(probe.initial_delay_seconds.unwrap_or(0))).await;
}

/// Time between runs.
pub fn period(probe: &Probe) -> Duration {
    seconds(probe.period_seconds.unwrap_or(10).max(1))
}

/// Runs a probe once.
///
/// # Errors
/// Says why it failed, as the `Unhealthy` event tells it.
pub async fn run(probe: &Probe, container: &Container, target: &ProbeTarget) -> Result<(), String> {
    let timeout = seconds(probe.timeout_seconds.unwrap_or(1).max(1));
    let attempt = async {
        if let Some(get) = &probe.http_get {
            http_get(get, container, target).await
        } else if let Some(tcp) = &probe.tcp_socket {
            let host = tcp.host.clone().unwrap_or_else(|| target.pod_ip.clone());
            let port = port_number(&tcp.port, container)?;
            TcpStream::connect((host.as_str(), port))
                .await
                .map(drop)
                .map_err(|e| format!("dial tcp {host}:{port}: {e}"))
        } else if let Some(exec) = &probe.exec {
            execute(exec.command.as_deref().unwrap_or_default(), target).await
        } else {
            Err("this node runs httpGet, tcpSocket and exec probes only".to_owned())
        }
    };
    let expired = || Err(format!("probe timed out after {timeout:?}"));
    tokio::time::timeout(timeout, attempt).await.unwrap_or_else(|_| expired())
}

async fn http_get(get: &HTTPGetAction, container: &Container, target: &ProbeTarget) -> Result<(), String> {
    let host = get.host.clone().unwrap_or_else(|| target.pod_ip.clone());
    let port = port_number(&get.port, container)?;
    let path = get.path.as_deref().filter(|p| !p.is_empty()).unwrap_or("/");
    let url = format!("http://{host}:{port}{path}");
    let failed = |e: &dyn std::fmt::Display| format!("Get {url:?}: {e}");
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|e| failed(&e))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| failed(&e))?;
    let mut request = http::Request::get(path)
        .header(http::header::HOST, format!("{host}:{port}"))
        .header(http::header::USER_AGENT, "kube-probe/1.35");
    for header in get.http_headers.iter().flatten() {
        request = request.header(header.name.as_str(), header.value.as_str());
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|e| failed(&e))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|e| failed(&e))?;
        let status = response.status();
        // The body is read so that the server sees a whole exchange; what it says does not matter.
        response.into_body().collect().await.ok();
        Ok::<_, String>(status)
    };
    let mut exchange = std::pin::pin!(exchange);
    let status = tokio::select! {
        status = &mut exchange => status?,
        ended = connection => {
            ended.map_err(|e| failed(&e))?;
            exchange.await?
        }
    };
    if (200..400).contains(&status.as_u16()) {
        Ok(())
    } else {
        Err(format!("HTTP probe failed with statuscode: {}", status.as_u16()))
    }
}

async fn execute(command: &[String], target: &ProbeTarget) -> Result<(), String> {
    let (word, arguments) = command.split_first().ok_or("the probe names no command")?;
    let path = target.environment.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value.as_str());
    let program = environment::find_executable(word, Path::new(&target.bin_dir), path)
        .ok_or_else(|| format!("executable {word:?} not found"))?;
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(target.environment.iter().map(|(n, v)| (n, v)))
        .current_dir(&target.directory)
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|e| e.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stdout).trim().to_owned()) }
}

fn port_number(port: &IntOrString, container: &Container) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => name.parse().ok().or_else(|| {
            let named = container.ports.iter().flatten().find(|p| p.name.as_ref() == Some(name));
            named.map(|p| p.container_port)
        }),
    };
    number.and_then(|n| u16::try_from(n).ok()).ok_or_else(|| format!("the container has no port {port:?}"))
}

fn seconds(n: i32) -> Duration {
    Duration::from_secs(u64::try_from(n).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_count_consecutive_results() {
        let probe = Probe { failure_threshold: Some(2), success_threshold: Some(1), ..Probe::default() };
        let mut threshold = Threshold::new(&probe);
        let results: Vec<_> = [false, true, false, false, true].map(|r| threshold.count(r)).into();
        assert_eq!(results, [None, Some(true), None, Some(false), Some(true)]);
    }
}
