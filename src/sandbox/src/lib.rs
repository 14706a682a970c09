//! The sandbox: a small supervisor that runs hostile programs, and its client.
//!
//! Generated programs are run in cells that share nothing writable with each other or with the machine, and
//! are judged by the supervisor, from outside: tests never enter the process of a program. The README of
//! this crate has the security argument, the protocol and the rules of judgement.
//!
//! ```no_run
//! use genesis_core::execution::{ExecutionRequest, ExecutionVerdict};
//! use genesis_sandbox::pool::{Options, Pool};
//!
//! let pool = Pool::start(&Options::default())?;
//! let program: ExecutionRequest = serde_json::from_str(r#"{"id": "1", "source": "print(1)", "tests": null}"#)?;
//! let records = pool.client().execute(&[program])?;
//! assert_eq!(records[0].verdict, ExecutionVerdict::Unverified);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod admission;
mod capture;
mod cell;
mod cgroup;
pub mod client;
mod dialogue;
pub mod frame;
mod group;
mod judge;
mod line;
pub mod literal;
pub mod pool;
pub mod proof;
pub mod record;
pub mod runtime;
mod session;
pub mod surroundings;
mod sys;
mod worker;

pub use admission::{MAX_CASES, MAX_SOURCE};
pub use capture::HEAD_BYTES;
pub use cell::{BlueprintError, IdentityError, LaunchError, Stage};
pub use cgroup::CgroupError;
pub use client::Client;
pub use pool::Pool;
pub use worker::SetupError;
