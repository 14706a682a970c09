//! Faults between a controller and its API: lost requests and replies, refusals, delays, disturbed watches, crashes, and
//! a view that stands still in the past.
//!
//! A [`FaultPlan`] decides, purely, what happens to the n-th request or event; [`FaultLayer`] makes it happen beneath
//! an ordinary client and records what went by. A test first records the trace of a run without faults and then
//! sweeps: one run for each write and each fault, compared by the final state.

mod lag;
mod layer;
mod plan;
#[cfg(test)]
mod tests;
mod trace;
mod watch;

pub use lag::{Lag, LagService};
pub use layer::{FaultLayer, FaultService, Faults};
pub use plan::{Fault, FaultPlan, Nth, Pattern, Rates, Seen, WatchFault};
pub use trace::{Trace, TracedEvent, TracedRequest};
