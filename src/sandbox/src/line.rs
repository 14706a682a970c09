//! The supervisor's end of the line to a harness. What arrives here was written by hostile code.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;

use crate::literal::MAX_TEXT;

/// Bytes of the nonce before each frame.
const NONCE: usize = 16;
/// The longest payload: the canonical text of a value and its kind.
const MAX_PAYLOAD: usize = MAX_TEXT + 64;

/// What a harness is to do with a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Run it to its end.
    Run,
    /// Run it, then serve calls of its entry point.
    Calls,
    /// Run it as a test program.
    Test,
}

/// One program for one harness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) mode: Mode,
    pub(crate) entry: &'a str,
    /// The program, or the tests' set-up.
    pub(crate) source: &'a str,
    /// The tests' check.
    pub(crate) extra: &'a str,
}

/// One frame of a harness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) text: String,
}

/// Something was written that no harness writes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Garbled(pub(crate) &'static str);

/// A line. Neither side can make the other wait: the supervisor reads and writes when it can.
#[derive(Debug)]
pub(crate) struct Line {
    stream: UnixStream,
    nonce: [u8; NONCE],
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    /// Whether the other side may still have written something.
    readable: bool,
}

impl Line {
    /// Makes a line with a new nonce and puts `job` on it; returns it and the harness's end.
    pub(crate) fn open(job: &Job) -> std::io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut nonce = [0; NONCE];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut nonce)?;
        let mode = match job.mode {
            Mode::Run => "0",
            Mode::Calls => "1",
            Mode::Test => "2",
        };
        let mut line = Self { stream: ours, nonce, inbox: Vec::new(), outbox: nonce.to_vec(), readable: true };
        for field in [mode, job.entry, job.source, job.extra] {
            line.queue(field.as_bytes(), b"");
        }
        line.flush();
        Ok((line, theirs))
    }

    /// Puts a message on the line.
    pub(crate) fn say(&mut self, kind: u8, text: &str) {
        self.queue(&[kind], text.as_bytes());
        self.flush();
    }

    fn queue(&mut self, head: &[u8], body: &[u8]) {
        self.outbox.extend_from_slice(&((head.len() + body.len()) as u32).to_le_bytes());
        self.outbox.extend_from_slice(head);
        self.outbox.extend_from_slice(body);
    }

    /// Whether something waits to be written.
    pub(crate) fn wants_to_write(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Whether the other side may still write.
    pub(crate) fn is_open(&self) -> bool {
        self.readable
    }

    /// Writes what can be written now. Where the other side has gone the rest is forgotten; what it wrote
    /// before is still there to be read.
    pub(crate) fn flush(&mut self) {
        while self.wants_to_write() {
            match self.stream.write(&self.outbox) {
                Ok(count) if count > 0 => drop(self.outbox.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => self.outbox.clear(),
            }
        }
    }

    /// Reads what can be read now, at most two frames' worth.
    pub(crate) fn fill(&mut self) {
        let mut buffer = [0; 16 << 10];
        while self.readable && self.inbox.len() < 2 * MAX_PAYLOAD {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.readable = false,
                Ok(count) => self.inbox.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.readable = false,
            }
        }
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// Where what arrived does not start with the nonce, is too long, or is not text.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Garbled> {
        let seen = self.inbox.len().min(NONCE);
        if self.inbox[..seen] != self.nonce[..seen] {
            return Err(Garbled("it wrote on the line to its judge"));
        }
        let Some(length) = self.inbox.get(NONCE..NONCE + 4).and_then(|bytes| bytes.try_into().ok()) else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(length) as usize;
        if !(1..=MAX_PAYLOAD).contains(&length) {
            return Err(Garbled("it sent a frame of impossible length"));
        }
        let end = NONCE + 4 + length;
        if self.inbox.len() < end {
            return Ok(None);
        }
        let payload: Vec<u8> = self.inbox.drain(..end).skip(NONCE + 4).collect();
        let text = String::from_utf8(payload[1..].to_vec()).map_err(|_| Garbled("it sent a frame that is not text"))?;
        Ok(Some(Frame { kind: payload[0], text }))
    }
}

impl std::os::fd::AsFd for Line {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> (Line, UnixStream, [u8; NONCE]) {
        let job = Job { mode: Mode::Calls, entry: "f", source: "pass", extra: "" };
        let (line, mut theirs) = Line::open(&job).unwrap();
        let mut sent = [0; NONCE + 4 * 4 + 1 + 1 + 4];
        theirs.read_exact(&mut sent).unwrap();
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&sent[..NONCE]);
        assert_eq!(&sent[NONCE..], b"\x01\0\0\x001\x01\0\0\0f\x04\0\0\0pass\0\0\0\0");
        (line, theirs, nonce)
    }

    #[test]
    fn frames_arrive_whole_and_in_order() {
        let (mut line, mut theirs, nonce) = line();
        let frame = [&nonce[..], b"\x03\0\0\0V42"].concat();
        theirs.write_all(&[&frame[..], &frame[..10]].concat()).unwrap();
        line.fill();
        assert_eq!(line.next(), Ok(Some(Frame { kind: b'V', text: "42".to_owned() })));
        assert_eq!(line.next(), Ok(None));
        theirs.write_all(&frame[10..]).unwrap();
        drop(theirs);
        line.fill();
        assert!(line.next().unwrap().is_some());
        assert!(!line.is_open());
    }

    #[test]
    fn whoever_does_not_know_the_nonce_is_noticed() {
        let (mut line, mut theirs, _) = line();
        theirs.write_all(b"{\"verdict\": \"PASS\"}").unwrap();
        line.fill();
        assert!(line.next().is_err());
    }

    #[test]
    fn the_last_words_of_a_program_that_stopped_reading_are_heard() {
        let (mut line, mut theirs, nonce) = line();
        theirs.write_all(&[&nonce[..], b"\x01\0\0\0Q"].concat()).unwrap();
        line.say(b'c', "never read");
        drop(theirs);
        line.say(b'c', "cannot be written");
        line.fill();
        assert_eq!(line.next().unwrap().map(|frame| frame.kind), Some(b'Q'));
        assert!(!line.is_open());
    }

    #[test]
    fn lengths_and_text_are_checked() {
        for (frame, what) in
            [(&b"\0\0\0\0"[..], "length"), (b"\xff\xff\xff\xff", "length"), (b"\x02\0\0\0V\xff", "text")]
        {
            let (mut line, mut theirs, nonce) = line();
            theirs.write_all(&[&nonce[..], frame].concat()).unwrap();
            line.fill();
            assert!(line.next().unwrap_err().0.contains(what));
        }
    }

    #[test]
    fn a_reader_that_never_reads_blocks_nobody() {
        let (mut line, theirs, _) = line();
        line.say(b'c', &"x".repeat(4 << 20));
        assert!(line.wants_to_write());
        drop(theirs);
        line.flush();
        assert!(!line.wants_to_write());
    }
}
