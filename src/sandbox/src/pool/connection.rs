//! One client: frames in, frames out.

use std::io::Read as _;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use genesis_core::execution::ExecutionRecord;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::batch::{distinct, spread};
use super::queue::{Batch, Queue};
use crate::frame::{Answer, FrameError, MAX_ANSWER, MAX_PROGRAMS, MAX_REQUEST, Request, read_frame, write_frame};

/// How long a client may take for one frame, and stay silent between two.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long a client that was refused may take to notice.
const LINGER: Duration = Duration::from_secs(2);
/// How often a waiting connection looks whether its client is still there.
const LOOK: Duration = Duration::from_millis(250);

/// Serves one client until it leaves, breaks the protocol, or the pool ends.
///
/// # Errors
/// Where the client can no longer be told what is wrong.
pub(super) fn serve(mut stream: TcpStream, queue: &Queue) -> Result<(), FrameError> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    loop {
        let request = match read_frame::<Request>(&mut stream, MAX_REQUEST) {
            Ok(Some(request)) => request,
            Ok(None) | Err(FrameError::Io(_)) => return Ok(()),
            Err(error) => return refuse(&mut stream, &error.to_string()),
        };
        let count = request.requests.len();
        if count > MAX_PROGRAMS {
            let reason = format!("{count} programs are more than the {MAX_PROGRAMS} allowed: send them in parts");
            return refuse(&mut stream, &reason);
        }
        let Some(records) = execute(&request, queue, &stream) else { return Ok(()) };
        write_frame(&mut stream, &Answer::Records(records), MAX_ANSWER)?;
    }
}

/// Says why, and leaves.
///
/// What the client is still sending is read first: closing on unread bytes resets the connection, and the
/// reason would be lost with it.
pub(super) fn refuse(stream: &mut TcpStream, reason: &str) -> Result<(), FrameError> {
    write_frame(stream, &Answer::Error(reason.to_owned()), MAX_ANSWER)?;
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    std::io::copy(&mut stream.take(2 * MAX_REQUEST as u64), &mut std::io::sink())?;
    Ok(())
}

/// Runs the programs of one request; `None` where the client left or the pool ended.
fn execute(request: &Request, queue: &Queue, stream: &TcpStream) -> Option<Vec<ExecutionRecord>> {
    let (programs, indices) = distinct(&request.requests);
    let batch = Batch::new(programs);
    queue.add(Arc::clone(&batch));
    loop {
        if let Some(records) = batch.wait(LOOK) {
            return Some(spread(&request.requests, &indices, &records));
        }
        if queue.is_closed() || has_left(stream) {
            batch.give_up();
            return None;
        }
    }
}

/// Whether the client has closed its side: whoever does that gives its batch up.
fn has_left(stream: &TcpStream) -> bool {
    let mut polled = [PollFd::new(stream.as_fd(), PollFlags::POLLIN)];
    matches!(poll(&mut polled, PollTimeout::ZERO), Ok(1)) && matches!(stream.peek(&mut [0]), Ok(0) | Err(_))
}
