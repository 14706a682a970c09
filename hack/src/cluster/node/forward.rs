//! From the machine's loopback to the API server, which listens in another network.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::layout::API_PORT;

/// Passes every connection on. The socket belongs to the network it was made in, the connections are made in this one.
pub(super) async fn serve(listener: TcpListener) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        // A client that gave up before it was accepted is no reason to stop.
        let Ok((mut client, _)) = listener.accept().await else { continue };
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, API_PORT)).await {
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}

/// Waits until the API server says that it is ready.
pub(super) async fn api_ready(kubeconfig: &Path) {
    while !is_ready(kubeconfig).await.unwrap_or(false) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn is_ready(kubeconfig: &Path) -> Result<bool> {
    let config = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
    let request = http::Request::get("/readyz").body(Vec::new())?;
    Ok(Client::try_from(config)?.request_text(request).await? == "ok")
}
