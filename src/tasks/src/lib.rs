//! The task universe: generated programming tasks with hidden tests, split by family so that nothing leaks.
//!
//! A table of typed [operations](operation) spans [families](family): chains of one to three of them. A family, with
//! forms, parameters and words drawn, is an [`Instance`]; put into words it is the prompt of a task, and by the table
//! it has a right program and many wrong ones. A [`Draft`] holds them all, and says which programs to run; what they
//! did proves its tests, or [rejects](Rejection) it. This crate never runs a program: a [`suite`] is built with a
//! runner that the caller gives, and only from records that came out of it.
//!
//! ```no_run
//! # fn sandbox(_: Vec<genesis_core::execution::ExecutionRequest>)
//! #     -> Result<Vec<genesis_core::execution::ExecutionRecord>, std::io::Error> { Ok(vec![]) }
//! use genesis_tasks::{StandardSizes, Universe, corpus::CorpusPlan, standard};
//!
//! let universe = Universe::load()?;
//! let suites = standard(&universe, 7, StandardSizes::default(), &mut sandbox)?;
//! for document in universe.corpus(CorpusPlan::new(7, 55_000), &suites.taken.prompts) {
//!     println!("{}", document.text());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod corpus;
pub mod draft;
pub mod family;
#[cfg(test)]
mod fixtures;
pub mod humaneval;
mod inputs;
pub mod instance;
pub mod noise;
pub mod operation;
pub mod parameters;
pub mod program;
pub mod proof;
mod reader;
mod selection;
mod standard;
pub mod suite;
pub mod template;
pub mod universe;
pub mod value;

pub use corpus::{Corpus, CorpusPlan, Document};
pub use draft::{Defect, Draft, Mutant};
pub use family::{Family, InvalidFamily, family_split};
pub use instance::Instance;
pub use noise::Noise;
pub use proof::{Outcomes, Proven, Rejection, outcomes, prove, prove_outcomes};
pub use reader::{SuiteReadError, read_suite};
pub use standard::{StandardSizes, StandardSuites, SuiteSize, standard};
pub use suite::{BuiltSuite, Runner, SuiteError, SuitePlan, Taken, build};
pub use universe::Universe;
