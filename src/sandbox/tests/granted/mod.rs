//! Whether a test that needs real cells runs, says that it was skipped, or fails because it would be.

/// What was started, or `None` with a line that says which protection is missing here.
///
/// Only a protection that the machine does not grant excuses a test; and where `GENESIS_REQUIRE_SANDBOX=1` says that the
/// machine has to grant them all, nothing does.
pub fn or_skip<T, E: std::fmt::Display>(started: Result<T, E>, is_not_granted: impl Fn(&E) -> bool) -> Option<T> {
    match started {
        Ok(started) => Some(started),
        Err(error) => {
            assert!(is_not_granted(&error), "{error}");
            let required = std::env::var("GENESIS_REQUIRE_SANDBOX").is_ok_and(|value| value == "1");
            assert!(!required, "GENESIS_REQUIRE_SANDBOX=1, and the sandbox does not start: {error}");
            println!("SKIPPED, nothing was tested: {error}");
            None
        }
    }
}
