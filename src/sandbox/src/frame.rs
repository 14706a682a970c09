//! Framed JSON: a big-endian 32-bit length, then that many bytes of JSON.

use std::io::{ErrorKind, Read, Write};

use genesis_core::execution::{ExecutionRecord, ExecutionRequest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How many bytes a request frame may have.
pub const MAX_REQUEST: usize = 64 << 20;
/// How many bytes an answer frame may have.
pub const MAX_ANSWER: usize = 256 << 20;
/// How many programs one request may hold.
pub const MAX_PROGRAMS: usize = 1_024;

/// What a client sends.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The programs, at most [`MAX_PROGRAMS`].
    pub requests: Vec<ExecutionRequest>,
}

/// What the pool answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// One record for each request, in the same order.
    Records(Vec<ExecutionRecord>),
    /// Nothing was run, and why. The pool closes the connection after it.
    Error(String),
}

/// What can go wrong with a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection failed or ended within a frame.
    #[error("the connection failed within a frame: {0}")]
    Io(#[from] std::io::Error),
    /// The frame is too long.
    #[error("a frame of {length} bytes is more than the {limit} allowed: send fewer or smaller programs")]
    TooLong {
        /// Bytes announced.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The frame is not the JSON it must be.
    #[error("the frame is not valid: {0}; send {{\"requests\": [ExecutionRequest, ...]}}")]
    Malformed(#[from] serde_json::Error),
}

/// Writes one frame.
///
/// # Errors
/// Where the frame is longer than `limit`, or the writer fails.
pub fn write_frame(writer: &mut impl Write, message: &impl Serialize, limit: usize) -> Result<(), FrameError> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= limit);
    let length = length.ok_or(FrameError::TooLong { length: body.len(), limit })?;
    writer.write_all(&length.to_be_bytes())?;
    writer.write_all(&body)?;
    Ok(writer.flush()?)
}

/// Reads one frame; `None` where the other side ended between two frames.
///
/// # Errors
/// Where the frame is longer than `limit` (nothing of it is read then), is not `T`, or the reader fails.
pub fn read_frame<T: DeserializeOwned>(reader: &mut impl Read, limit: usize) -> Result<Option<T>, FrameError> {
    let mut prefix = [0; 4];
    match reader.read(&mut prefix[..1]) {
        Ok(0) => return Ok(None),
        Ok(_) => reader.read_exact(&mut prefix[1..])?,
        Err(error) if error.kind() == ErrorKind::Interrupted => return read_frame(reader, limit),
        Err(error) => return Err(error.into()),
    }
    let length = u32::from_be_bytes(prefix) as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    // Grows with what arrives, so that an announced length alone costs no memory.
    let mut body = Vec::new();
    reader.take(length as u64).read_to_end(&mut body)?;
    if body.len() < length {
        return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
    }
    Ok(Some(serde_json::from_slice(&body)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Request>, FrameError> {
        read_frame(&mut &*bytes, 1_000)
    }

    #[test]
    fn a_frame_comes_back_as_it_was_written() {
        let mut wire = Vec::new();
        write_frame(&mut wire, &Answer::Error("no".to_owned()), 100).unwrap();
        assert_eq!(&wire[4..], br#"{"error":"no"}"#);
        assert!(matches!(read_frame(&mut &*wire, 100).unwrap(), Some(Answer::Error(text)) if text == "no"));
    }

    #[test]
    fn broken_frames_are_told_apart() {
        assert!(read(b"").unwrap().is_none());
        assert!(matches!(read(b"\0\0"), Err(FrameError::Io(_))));
        assert!(matches!(read(b"\0\0\0\x05ab"), Err(FrameError::Io(_))));
        assert!(matches!(read(b"\xff\xff\xff\xff"), Err(FrameError::TooLong { .. })));
        assert!(matches!(read(b"\0\0\0\x02{}"), Err(FrameError::Malformed(_))));
        assert!(matches!(read(b"\0\0\0\x1b{\"requests\":[],\"more\":true}"), Err(FrameError::Malformed(_))));
        assert!(write_frame(&mut Vec::new(), &"long", 2).is_err());
    }
}
