//! One module for each subcommand: arguments in, the library's function called.

pub mod crds;
pub mod evaluate;
pub mod gateway;
pub mod local;
pub mod node;
pub mod operator;
