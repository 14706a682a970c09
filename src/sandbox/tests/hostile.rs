//! Hostile programs, one table for each letter of the suite, against real cells.
//!
//! After every hostile program an innocent one runs in the same worker: it must pass and find nothing.
//! Where the machine does not grant a protection, each test says so and runs nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "hostile/a_exhaustion.rs"]
mod a_exhaustion;
#[path = "hostile/arena.rs"]
mod arena;
#[path = "hostile/b_kill_and_time.rs"]
mod b_kill_and_time;
#[path = "hostile/c_files.rs"]
mod c_files;
#[path = "hostile/d_leaks_and_network.rs"]
mod d_leaks_and_network;
#[path = "hostile/e_output.rs"]
mod e_output;
#[path = "hostile/f_cheating.rs"]
mod f_cheating;
#[path = "hostile/g_must_pass.rs"]
mod g_must_pass;
mod granted;
#[path = "hostile/in_gvisor.rs"]
mod in_gvisor;
