//! One client: frames in, frames out.

use std::io::{ErrorKind, Read as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use genesis_core::execution::ExecutionRecord;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::batch::{distinct, spread};
use super::paced::Paced;
use super::queue::{Batch, Queue};
use crate::frame::{Answer, FrameError, MAX_ANSWER, MAX_PROGRAMS, MAX_REQUEST, Request, read_frame, write_frame};

/// How long a client may stay silent between two frames.
const SILENCE: Duration = Duration::from_mins(5);
/// How long one frame may be on its way, however steadily its bytes arrive.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a client that was refused may take to notice.
const LINGER: Duration = Duration::from_secs(2);
/// How often a waiting connection looks whether its client is still there.
const LOOK: Duration = Duration::from_millis(250);

/// Serves one client until it leaves, breaks the protocol, or the pool ends.
///
/// # Errors
/// Where the client can no longer be told what is wrong.
pub(super) fn serve(stream: &TcpStream, queue: &Queue) -> Result<(), FrameError> {
    stream.set_nodelay(true)?;
    while let Some(request) = hear(stream, PATIENCE)? {
        let count = request.requests.len();
        if count > MAX_PROGRAMS {
            let reason = format!("{count} programs are more than the {MAX_PROGRAMS} allowed: send them in parts");
            return refuse(stream, &reason);
        }
        let answer = match execute(&request, queue, stream) {
            Some(Ok(records)) => Answer::Records(records),
            Some(Err(bytes)) => return refuse(stream, &too_much(bytes)),
            None => return Ok(()),
        };
        match write_frame(&mut Paced::new(stream, PATIENCE, PATIENCE), &answer, MAX_ANSWER) {
            Err(FrameError::TooLong { length, .. }) => return refuse(stream, &too_much(length)),
            done => done?,
        }
    }
    Ok(())
}

/// The next request; `None` where the client left, was refused, or stayed silent for too long.
fn hear(stream: &TcpStream, patience: Duration) -> Result<Option<Request>, FrameError> {
    let mut reader = Paced::new(stream, SILENCE, patience);
    match read_frame::<Request>(&mut reader, MAX_REQUEST) {
        Ok(request) => Ok(request),
        Err(FrameError::Io(error)) if reader.has_begun() && is_timeout(error.kind()) => {
            let reason = format!("a frame that has not arrived after {} s is given up", patience.as_secs());
            refuse(stream, &reason).map(|()| None)
        }
        Err(FrameError::Io(_)) => Ok(None),
        Err(error) => refuse(stream, &error.to_string()).map(|()| None),
    }
}

/// Whether a read ended because its time was up; the system says either.
fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

fn too_much(bytes: usize) -> String {
    format!("the records are {bytes} bytes, more than the {MAX_ANSWER} allowed; send fewer programs")
}

/// Says why, and leaves.
///
/// What the client is still sending is read first: closing on unread bytes resets the connection, and the
/// reason would be lost with it.
pub(super) fn refuse(stream: &TcpStream, reason: &str) -> Result<(), FrameError> {
    let mut paced = Paced::new(stream, LINGER, LINGER);
    write_frame(&mut paced, &Answer::Error(reason.to_owned()), MAX_ANSWER)?;
    stream.shutdown(Shutdown::Write)?;
    std::io::copy(&mut paced.take(2 * MAX_REQUEST as u64), &mut std::io::sink())?;
    Ok(())
}

/// Runs the programs of one request: their records, or how many bytes too many they are. `None` where the client left
/// or the pool ended.
fn execute(request: &Request, queue: &Queue, stream: &TcpStream) -> Option<Result<Vec<ExecutionRecord>, usize>> {
    let (programs, indices) = distinct(&request.requests);
    let batch = Batch::new(programs, &indices);
    queue.add(Arc::clone(&batch));
    loop {
        if let Some(records) = batch.wait(LOOK) {
            return Some(records.map(|records| spread(&request.requests, &indices, &records)));
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    /// Both ends of a connection.
    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0, client)
    }

    #[test]
    fn a_frame_that_arrives_in_drops_is_given_up_and_said_so() {
        let (ours, mut client) = pair();
        let start = Instant::now();
        let dripping = std::thread::spawn(move || {
            client.write_all(&1_000_u32.to_be_bytes()).unwrap();
            // Each byte comes in good time; the frame would take minutes.
            while client.write_all(b" ").is_ok() && start.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let copy = ours.try_clone().unwrap();
        assert!(matches!(hear(&copy, Duration::from_millis(300)), Ok(None) | Err(_)));
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
        drop((ours, copy));
        dripping.join().unwrap();
    }

    #[test]
    fn a_client_that_stops_within_a_frame_is_told() {
        let (ours, mut client) = pair();
        client.write_all(b"\0\0").unwrap();
        let hearing = std::thread::spawn(move || hear(&ours, Duration::from_millis(50)));
        let answer = read_frame::<Answer>(&mut client, MAX_ANSWER).unwrap();
        assert!(matches!(answer, Some(Answer::Error(reason)) if reason.contains("has not arrived")));
        drop(client);
        assert!(hearing.join().unwrap().unwrap().is_none());
    }
}
