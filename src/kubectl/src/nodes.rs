//! Families as trees of rows, ready to be drawn.

mod family;
mod pods;

pub use family::of_family;

use jiff::Timestamp;

use crate::sign::Sign;

/// One row of the tree, with those below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// At a glance.
    pub sign: Sign,
    /// In a word.
    pub status: String,
    /// When it began to be.
    pub since: Option<Timestamp>,
    /// In a sentence.
    pub info: String,
    /// Rows below it.
    pub children: Vec<Node>,
}

/// When an object was created.
pub(crate) fn created(object: &impl kube::ResourceExt) -> Option<Timestamp> {
    object.creation_timestamp().map(|time| time.0)
}
