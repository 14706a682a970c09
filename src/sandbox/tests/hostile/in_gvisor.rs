//! All tables once more with gVisor around them, as an ordinary user without capabilities: what a sandbox pod is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use genesis_sandbox::surroundings::Surroundings;
use serde_json::json;

/// The user of sandbox pods.
const USER: u32 = 65_532;

/// Runs this test binary under `$GENESIS_RUNSC`, the program of gVisor's runtime.
#[test]
fn the_tables_hold_in_gvisor() {
    if Surroundings::detect() == Surroundings::Gvisor {
        return;
    }
    let Some(runsc) = std::env::var_os("GENESIS_RUNSC").filter(|path| !path.is_empty()) else {
        println!("SKIPPED, nothing was tested: GENESIS_RUNSC does not name gVisor's runsc");
        return;
    };
    let bundle = tempfile::tempdir().unwrap();
    // Where it is built the user may not look.
    let own = bundle.path().join("hostile");
    std::fs::copy(std::env::current_exe().unwrap(), &own).unwrap();
    std::fs::set_permissions(bundle.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(bundle.path().join("config.json"), configuration(&own).to_string()).unwrap();
    let output = Command::new(runsc)
        .arg("--root")
        .arg(bundle.path().join("state"))
        .args(["--platform=systrap", "--network=none", "--ignore-cgroups", "run", "--bundle"])
        .arg(bundle.path())
        .arg(format!("hostile-{}", std::process::id()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let ended = said.lines().filter(|line| line.starts_with("test ") && line.ends_with(" ... ok")).count();
    assert!(ended >= 9 && !said.contains("SKIPPED"), "{said}");
}

/// An OCI bundle: the machine's files, read-only, and no right to anything.
fn configuration(program: &Path) -> serde_json::Value {
    let none: [&str; 0] = [];
    let namespaces = ["pid", "network", "ipc", "uts", "mount"].map(|kind| json!({ "type": kind }));
    let mount = |path: &str, kind: &str| json!({ "destination": path, "type": kind, "source": kind });
    json!({
        "ociVersion": "1.0.0",
        "hostname": "pod",
        "root": { "path": "/", "readonly": true },
        "process": {
            "user": { "uid": USER, "gid": USER },
            "args": [program, "--test-threads=1"],
            "env": ["PATH=/usr/bin:/bin", "GENESIS_REQUIRE_SANDBOX=1", "RUST_BACKTRACE=0"],
            "cwd": "/",
            "capabilities": { "bounding": none, "effective": none, "permitted": none, "inheritable": none },
            "noNewPrivileges": true,
        },
        "mounts": [mount("/proc", "proc"), mount("/dev", "tmpfs"), mount("/sys", "sysfs")],
        "linux": { "namespaces": namespaces },
    })
}
