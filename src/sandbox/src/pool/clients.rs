//! The clients of a pool, and the thread that lets them in.

use std::collections::HashMap;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::connection;
use super::queue::Queue;

/// How many clients may be connected at a time.
const MAX_CLIENTS: usize = 64;
/// How many clients may be told at a time that there are too many; others are only disconnected.
const MAX_REFUSED: usize = 16;
/// How long accepting rests after an error: where descriptors have run out the next one comes at once.
const REST: Duration = Duration::from_millis(50);

/// Who is connected.
#[derive(Debug, Default)]
pub(super) struct Clients {
    streams: Mutex<HashMap<u64, TcpStream>>,
    refused: AtomicUsize,
}

impl Clients {
    fn streams(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the reads and waits of every client's thread.
    pub(super) fn dismiss(&self) {
        for stream in self.streams().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Lets clients in until the queue is closed.
pub(super) fn accept(listener: &TcpListener, queue: &Arc<Queue>, clients: &Arc<Clients>) {
    for (number, stream) in listener.incoming().enumerate() {
        if queue.is_closed() {
            return;
        }
        match stream {
            Ok(stream) if clients.streams().len() >= MAX_CLIENTS => refuse(stream, clients),
            Ok(stream) => admit(stream, number as u64, queue, clients),
            Err(_) => std::thread::sleep(REST),
        }
    }
}

/// Serves a client on a thread of its own.
fn admit(stream: TcpStream, number: u64, queue: &Arc<Queue>, clients: &Arc<Clients>) {
    let Ok(copy) = stream.try_clone() else { return };
    clients.streams().insert(number, copy);
    let (queue, leaving) = (Arc::clone(queue), Arc::clone(clients));
    let serve = move || {
        // A client that cannot be reached any more needs no answer.
        let _ = connection::serve(&stream, &queue);
        leaving.streams().remove(&number);
    };
    if std::thread::Builder::new().name("client".to_owned()).spawn(serve).is_err() {
        clients.streams().remove(&number);
    }
}

/// Tells a client on a thread of its own that there are too many: it may be slow to leave. It ends after a moment in
/// any case.
fn refuse(stream: TcpStream, clients: &Arc<Clients>) {
    if clients.refused.fetch_add(1, Ordering::Relaxed) >= MAX_REFUSED {
        clients.refused.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let leaving = Arc::clone(clients);
    let refuse = move || {
        let _ = connection::refuse(&stream, "the pool serves as many clients as it can: try again later");
        leaving.refused.fetch_sub(1, Ordering::Relaxed);
    };
    if std::thread::Builder::new().name("refused".to_owned()).spawn(refuse).is_err() {
        clients.refused.fetch_sub(1, Ordering::Relaxed);
    }
}
