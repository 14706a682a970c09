//! What people see on the terminal.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use genesis_core::execution::{Capture, ExecutionRecord};
use genesis_sandbox::proof::Proof;

/// A table of protections, then what to do about the missing ones.
pub(crate) fn proofs(proofs: &[Proof]) -> String {
    let width = proofs.iter().map(|proof| proof.protection.len()).max().unwrap_or_default();
    let mut text = String::new();
    for proof in proofs {
        let state = if proof.granted { "ok     " } else { "MISSING" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{state}  {:width$}  {}", proof.protection, proof.evidence);
    }
    let missing: Vec<&Proof> = proofs.iter().filter(|proof| !proof.granted).collect();
    if missing.is_empty() {
        let _ = writeln!(text, "\n{} protections in force: programs may run here.", proofs.len());
    } else {
        let _ = writeln!(text, "\nPrograms will not run here. To change that:");
        for proof in missing {
            let _ = writeln!(text, "  {}: {}", proof.protection, proof.remedy);
        }
    }
    text
}

/// A record in a few lines.
pub(crate) fn record(record: &ExecutionRecord) -> String {
    let mut text = String::new();
    let tests = record.tests;
    let _ = writeln!(text, "{}  {}", record.verdict, record.reason);
    let _ = writeln!(
        text,
        "tests {} of {} passed, {} run; processor {} ms, wall {} ms, memory {:.1} MiB; {:?}",
        tests.passed,
        tests.declared,
        tests.executed,
        record.cpu_ms,
        record.wall_ms,
        record.peak_bytes as f64 / f64::from(1 << 20),
        record.termination
    );
    for (at, value) in record.values.iter().enumerate() {
        let _ = writeln!(text, "call {}: {value:?}", at + 1);
    }
    for (name, capture) in [("stdout", &record.stdout), ("stderr", &record.stderr)] {
        if capture.total_bytes > 0 {
            let _ = writeln!(text, "--- {name}, {} bytes\n{}", capture.total_bytes, printable(capture));
        }
    }
    text
}

/// What a program wrote, without the power to steer a terminal.
fn printable(capture: &Capture) -> String {
    let bytes = STANDARD.decode(&capture.head_base64).unwrap_or_default();
    let own = |letter: char| if letter.is_control() && letter != '\n' && letter != '\t' { '\u{fffd}' } else { letter };
    String::from_utf8_lossy(&bytes).trim_end().chars().map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_protections_come_with_their_remedy() {
        let proof =
            |granted| Proof { protection: "landlock", granted, evidence: "EACCES".into(), remedy: "newer kernel" };
        assert!(proofs(&[proof(true)]).contains("1 protections in force"));
        assert!(proofs(&[proof(false)]).contains("MISSING") && proofs(&[proof(false)]).contains("newer kernel"));
    }

    #[test]
    fn a_program_cannot_steer_the_terminal() {
        let capture = Capture { head_base64: STANDARD.encode("a\x1b[2Jb"), total_bytes: 6, ..Capture::default() };
        assert_eq!(printable(&capture), "a\u{fffd}[2Jb");
    }
}
