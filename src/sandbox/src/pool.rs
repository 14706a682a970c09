//! The pool: workers behind a TCP port.

mod batch;
mod clients;
mod connection;
mod paced;
mod queue;
mod workers;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::client::Client;
use crate::proof::Proof;
use crate::surroundings::Surroundings;
use crate::worker::{SetupError, Workshop};
use clients::Clients;
use queue::Queue;
use workers::Workers;

/// How a pool is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// How many programs run at a time, at least 1.
    pub workers: usize,
    /// The interpreter that programs run on.
    pub python: PathBuf,
    /// The kernel that must be around; nothing: either.
    pub require: Option<Surroundings>,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 0).into(), workers: 2, python: "/usr/bin/python3".into(), require: None }
    }
}

/// Why a pool does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The machine cannot run programs at all.
    #[error("the sandbox refuses to start: {0}")]
    Setup(#[from] SetupError),
    /// A protection is not in force.
    #[error("the sandbox refuses to start, because it would run programs with less protection than it promises: {}", missing(.0))]
    Unprotected(Vec<Proof>),
    /// Another kernel answers than the one that was asked for.
    #[error(
        "the sandbox refuses to start: it must run under {wanted}, and this is {found}; bind the pod's RuntimeClass to runsc (handler of containerd), or leave --require out"
    )]
    Surroundings {
        /// The kernel asked for.
        wanted: Surroundings,
        /// The kernel that answers.
        found: Surroundings,
    },
    /// The address cannot be used.
    #[error("the sandbox pool cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A worker's thread ended before it was ready.
    #[error("the sandbox refuses to start: {ready} of {wanted} workers were ready, the others ended silently")]
    Silent {
        /// Workers that were ready.
        ready: usize,
        /// Workers asked for.
        wanted: usize,
    },
    /// A thread cannot be started.
    #[error("the sandbox pool cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl StartError {
    /// Whether the machine does not grant a protection, as opposed to a set-up that is wrong or broken.
    pub fn is_not_granted(&self) -> bool {
        match self {
            Self::Setup(error) => error.is_not_granted(),
            Self::Unprotected(_) => true,
            Self::Surroundings { .. } | Self::Listen { .. } | Self::Silent { .. } | Self::Thread(_) => false,
        }
    }
}

fn missing(proofs: &[Proof]) -> String {
    let lines: Vec<String> = proofs.iter().filter(|proof| !proof.granted).map(ToString::to_string).collect();
    lines.join("; ")
}

/// A running pool. Dropping it ends every process it started.
#[derive(Debug)]
pub struct Pool {
    address: SocketAddr,
    isolation: String,
    python: String,
    queue: Arc<Queue>,
    clients: Arc<Clients>,
    accepting: Option<JoinHandle<()>>,
    // Ends when it is dropped, after the clients.
    _workers: Workers,
}

impl Pool {
    /// Starts workers, proves every protection, and only then listens.
    ///
    /// # Errors
    /// Where a protection is not granted or not in force: the pool never runs programs with less.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        let workshop = Arc::new(Workshop::open(&options.python)?);
        let found = workshop.surroundings();
        if let Some(wanted) = options.require.filter(|wanted| *wanted != found) {
            return Err(StartError::Surroundings { wanted, found });
        }
        let queue = Arc::default();
        let workers = Workers::start(&workshop, &queue, options.workers.max(1))?;
        let listener = TcpListener::bind(options.listen)
            .map_err(|source| StartError::Listen { address: options.listen, source })?;
        let address = listener.local_addr()?;
        let clients: Arc<Clients> = Arc::default();
        let accept = {
            let (queue, clients) = (Arc::clone(&queue), Arc::clone(&clients));
            move || clients::accept(&listener, &queue, &clients)
        };
        let accepting = std::thread::Builder::new().name("accept".to_owned()).spawn(accept)?;
        Ok(Self {
            address,
            isolation: workshop.isolation().to_owned(),
            python: workshop.python().to_owned(),
            queue,
            clients,
            accepting: Some(accepting),
            _workers: workers,
        })
    }

    /// Where the pool listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client of this pool.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// The isolation in force: `namespaces+cgroup-v1+seccomp+landlock`.
    pub fn isolation(&self) -> &str {
        &self.isolation
    }

    /// Version of the interpreter: `3.11.2`.
    pub fn python(&self) -> &str {
        &self.python
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.close();
        self.clients.dismiss();
        // Wakes the accepting thread, which then sees that the queue is closed.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}
