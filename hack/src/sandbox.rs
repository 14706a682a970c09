//! A sandbox pool of its own for checks that run outside a cluster.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use genesis_sandbox::client::Client;

use crate::paths;

/// A running `genesis-sandbox serve`; it ends when this is dropped.
#[derive(Debug)]
pub struct OwnPool {
    child: Child,
    address: SocketAddr,
}

impl OwnPool {
    /// Starts a pool on a free loopback port and waits until it takes work.
    pub fn start() -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let program = paths::binaries().join("genesis-sandbox");
        let child = Command::new(&program)
            .args(["serve", "--listen", &address.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let mut pool = Self { child, address };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = pool.child.try_wait()? {
                bail!("the sandbox pool ended with {status}: it says above what this machine does not grant");
            }
            if start.elapsed() > Duration::from_secs(30) {
                bail!("the sandbox pool did not open {address} within 30 s");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(pool)
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }
}

impl Drop for OwnPool {
    fn drop(&mut self) {
        // It holds nothing worth saving; its sandboxes end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
