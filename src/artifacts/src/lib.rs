//! Content-addressed artifacts: datasets, suites, checkpoints, adapters and reports, named by what they hold.
//!
//! An artifact is written under a temporary name, fsynced, and renamed to its digest before anyone is told
//! about it; reading it checks the digest again, and what turns out damaged is set aside when the same content is
//! stored again. A directory is one artifact ([`Digest::of_directory`]).
//! Aliases (`suites/sealed`) are small files that hold a digest, so that a spec may name what is not made yet.

mod error;
mod location;
mod staging;
mod store;

pub use error::Error;
pub use location::{directory_of, path_of_uri, uri_of_path};
pub use store::{Kind, Store, digest_directory, read_directory};
