//! The verbs that change something: one patch, or one new object.

mod abort;
mod apply;
mod hold;
mod promote;
mod retry;
mod rollback;

pub use abort::Abort;
pub use hold::{Pause, Resume};
pub use promote::Promote;
pub use retry::Retry;
pub use rollback::Rollback;
