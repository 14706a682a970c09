//! Developer tasks behind `cargo dev <verb>`, and the pieces of them that end-to-end tests use.

pub mod bench;
pub mod charts;
pub mod check;
pub mod cluster;
pub mod conformance;
pub mod demo;
pub mod drill;
pub mod faults;
pub mod generate;
pub mod golang;
pub mod images;
pub mod installed;
pub mod layers;
pub mod misoperations;
pub mod paths;
pub mod protocols;
pub mod refusals;
pub mod report;
pub mod sandbox;
pub mod seedling;
pub mod verdicts;
