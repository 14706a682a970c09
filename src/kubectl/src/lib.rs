//! `kubectl genesis`: see the loop, steer it, and learn why it did what it did.
//!
//! The plugin speaks to the Kubernetes API only. Each verb of a person is a field or an annotation of the four kinds, so
//! `kubectl patch` could do the same; what the plugin adds is knowing which, and refusing what would do nothing.
//!
//! - [`verbs`]: pure, `objects in → one change or a refusal with the way out`.
//! - [`nodes`] and [`render`]: pure, `objects in → text out`; time is an argument.
//! - [`explain`], [`lint`], [`check`]: the reasons behind a decision, a file, an installation.
//! - [`command`]: the only part that talks to a cluster.

pub mod arguments;
pub mod check;
pub mod command;
pub mod connection;
pub mod explain;
pub mod family;
pub mod kind;
pub mod lint;
pub mod nodes;
pub mod output;
pub mod render;
pub mod report;
pub mod sign;
pub mod summary;
#[cfg(test)]
mod testing;
pub mod verbs;

pub use arguments::Arguments;
pub use command::{Ending, Session, run};
