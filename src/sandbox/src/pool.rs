//! The pool: workers behind a TCP port.

mod batch;
mod connection;
mod queue;

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::client::Client;
use crate::proof::{self, Proof};
use crate::worker::{SetupError, Worker, Workshop};
use queue::Queue;

/// How many clients may be connected at a time.
const MAX_CLIENTS: usize = 64;

/// How a pool is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// How many programs run at a time, at least 1.
    pub workers: usize,
    /// The interpreter that programs run on.
    pub python: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: ([127, 0, 0, 1], 0).into(), workers: 2, python: "/usr/bin/python3".into() }
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
    /// The address cannot be used.
    #[error("the sandbox pool cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread cannot be started.
    #[error("the sandbox pool cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
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
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Clients {
    streams: Mutex<HashMap<u64, TcpStream>>,
}

impl Clients {
    fn streams(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// Starts workers, proves every protection, and listens.
    ///
    /// # Errors
    /// Where a protection is not granted or not in force: the pool never runs programs with less.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        let workshop = Arc::new(Workshop::open(&options.python)?);
        let listener = TcpListener::bind(options.listen)
            .map_err(|source| StartError::Listen { address: options.listen, source })?;
        let address = listener.local_addr()?;
        let mut pool = Self {
            address,
            isolation: workshop.isolation().to_owned(),
            python: workshop.python().to_owned(),
            queue: Arc::default(),
            clients: Arc::default(),
            threads: Vec::new(),
        };
        let (ready, readiness) = mpsc::channel();
        for number in 0..options.workers.max(1) {
            let (workshop, queue, ready) = (Arc::clone(&workshop), Arc::clone(&pool.queue), ready.clone());
            let work = move || work(&workshop, &queue, number == 0, &ready);
            pool.threads.push(std::thread::Builder::new().name(format!("worker-{number}")).spawn(work)?);
        }
        // Each worker says one word; dropping the pool on the way ends them all.
        readiness.iter().take(pool.threads.len()).collect::<Result<(), StartError>>()?;
        let (queue, clients) = (Arc::clone(&pool.queue), Arc::clone(&pool.clients));
        let accept = move || accept(&listener, &queue, &clients);
        pool.threads.push(std::thread::Builder::new().name("accept".to_owned()).spawn(accept)?);
        Ok(pool)
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
        for stream in self.clients.streams().values() {
            // Ends the reads and waits of its thread.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the accepting thread, which then sees that the queue is closed.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The life of a worker's thread; the first one proves the protections before it takes work.
fn work(workshop: &Arc<Workshop>, queue: &Queue, prove: bool, ready: &mpsc::Sender<Result<(), StartError>>) {
    let start = || -> Result<Worker, StartError> {
        let mut worker = Worker::start(Arc::clone(workshop))?;
        let proofs = if prove { proof::prove(&mut worker) } else { Vec::new() };
        let granted = proofs.iter().all(|proof| proof.granted);
        if granted { Ok(worker) } else { Err(StartError::Unprotected(proofs)) }
    };
    match start() {
        Err(error) => drop(ready.send(Err(error))),
        Ok(mut worker) => {
            if ready.send(Ok(())).is_err() {
                return;
            }
            while let Some((batch, at)) = queue.next() {
                let record = worker.execute(&batch.requests[at]);
                batch.put(at, record);
            }
        }
    }
}

fn accept(listener: &TcpListener, queue: &Arc<Queue>, clients: &Arc<Clients>) {
    for (number, stream) in listener.incoming().enumerate() {
        if queue.is_closed() {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        if clients.streams().len() >= MAX_CLIENTS {
            let refuse =
                move || connection::refuse(&mut stream, "the pool serves as many clients as it can: try again later");
            // On a thread of its own: the client may be slow to leave. It ends after a moment in any case.
            drop(std::thread::Builder::new().name("refused".to_owned()).spawn(refuse));
            continue;
        }
        let Ok(copy) = stream.try_clone() else { continue };
        let number = number as u64;
        clients.streams().insert(number, copy);
        let (queue, leaving) = (Arc::clone(queue), Arc::clone(clients));
        let serve = move || {
            // A client that cannot be reached any more needs no answer.
            let _ = connection::serve(stream, &queue);
            leaving.streams().remove(&number);
        };
        if std::thread::Builder::new().name("client".to_owned()).spawn(serve).is_err() {
            clients.streams().remove(&number);
        }
    }
}
