//! The verbs against a cluster. Everything here reads, asks a pure module, and writes at most one object.

pub mod check;
pub mod completion;
pub mod explain;
mod fetch;
pub mod get;
pub mod lint;
pub mod list;
pub mod status;
pub mod steer;
pub mod version;

use std::io::Write;

use anyhow::Result;
use jiff::Timestamp;
use kube::Client;

use crate::arguments::Command;
use crate::connection::Connection;
use crate::render::Style;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All is well.
    Well,
    /// What was looked at is not well; it has been told.
    Badly,
}

impl From<bool> for Ending {
    fn from(well: bool) -> Self {
        if well { Self::Well } else { Self::Badly }
    }
}

/// A cluster, and the namespace that is meant.
#[derive(Clone)]
pub struct Session {
    /// Its client.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
    /// Colours are wanted.
    pub coloured: bool,
}

impl Session {
    /// As the flags say.
    pub async fn open(connection: &Connection, coloured: bool) -> Result<Self> {
        let (client, namespace) = connection.open().await?;
        Ok(Self { client, namespace, coloured })
    }

    fn style(&self, wide: bool) -> Style {
        Style { now: Timestamp::now(), coloured: self.coloured, wide }
    }
}

/// Runs a verb. A session is opened only by those that need a cluster.
pub async fn run(
    command: Command,
    session: impl AsyncFnOnce() -> Result<Session>,
    out: &mut impl Write,
) -> Result<Ending> {
    match command {
        Command::Get(arguments) => arguments.run(&session().await?, out).await,
        Command::List(arguments) => arguments.run(&session().await?, out).await,
        Command::Status(arguments) => arguments.run(&session().await?, out).await,
        Command::Promote(arguments) => arguments.run(&session().await?, out).await,
        Command::Abort(arguments) => arguments.run(&session().await?, out).await,
        Command::Pause(arguments) => arguments.run(&session().await?, out).await,
        Command::Resume(arguments) => arguments.run(&session().await?, out).await,
        Command::Rollback(arguments) => arguments.run(&session().await?, out).await,
        Command::Retry(arguments) => arguments.run(&session().await?, out).await,
        Command::Explain(arguments) => arguments.run(&session().await?, out).await,
        Command::Check(arguments) => arguments.run(&session().await?, out).await,
        Command::Lint(arguments) => arguments.run(out),
        Command::Completion(arguments) => arguments.run(out),
        Command::Version(arguments) => arguments.run(out),
    }
}
