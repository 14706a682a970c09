//! C: programs that reach for files.

use genesis_core::execution::ExecutionVerdict::{Pass, Unverified};

use crate::arena::{Case, alone, calling, run};

fn cases() -> Vec<Case> {
    let with = |source: &str| format!("{ATTEMPT}{source}");
    vec![
        calling("C1", &with(LINK), "['ENOENT', 'ENOENT', 'ENOENT']", &[Pass]),
        alone("C8", LEAVES, &[Unverified]),
        calling("C9", &with(OVERWRITES), "['EACCES']", &[Pass])
            // What is written to /dev/zero is gone; without Landlock nobody minds.
            .in_gvisor(|_| calling("C9", &with(OVERWRITES), "['EACCES', 'done']", &[Pass])),
        calling("C11", &with(MOUNTS), "['EPERM']", &[Pass]),
        calling("C14", &with(LOCKS), "['EPERM', 'EPERM']", &[Pass]),
    ]
}

const ATTEMPT: &str = "\
import ctypes, errno, fcntl, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action, *arguments):
    try: action(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
    return 'done'
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0: raise OSError(ctypes.get_errno(), '')
";

const LINK: &str = "
def f():
    os.symlink('/etc/shadow', '/tmp/out')
    os.symlink('/proc/1/root/etc/shadow', '/tmp/out2')
    return [attempt(open, path) for path in ('/tmp/out', '/tmp/out2', '/etc/shadow')]
";

const LEAVES: &str = "\
for directory in ('/tmp', '/var/tmp', '/dev/shm', '.'):
    open(directory + '/left', 'w').close()
";

const OVERWRITES: &str = "
def f():
    library = os.path.dirname(os.__file__)
    paths = [sys.executable, library + '/os.py', library + '/sitecustomize.py', library + '/x.pth',
             '/genesis/harness.py', '/etc/passwd', '/new', '/dev/zero', '/proc/self/mem']
    found = {attempt(open, path, 'wb') for path in paths} | {attempt(os.unlink, paths[1]), attempt(os.chmod, '/', 511)}
    # The last one is a link of the distribution that leads nowhere here.
    return sorted(found - {'EROFS', 'EPERM', 'ENOENT'})
";

const MOUNTS: &str = "
def f():
    x = ctypes.create_string_buffer(b'/tmp')
    calls = [(165, x, x, x, 0, 0), (166, x, 2), (155, x, x), (161, x), (428, -100, x, 1), (429, -1, x, -100, x, 0),
             (430, x, 0), (442, -100, x, 0, 0, 0)]
    return sorted({attempt(call, *each) for each in calls})
";

const LOCKS: &str = "
def f():
    shared = open(os.__file__)
    return [attempt(fcntl.flock, shared, fcntl.LOCK_SH), attempt(fcntl.lockf, shared, fcntl.LOCK_SH)]
";

#[test]
fn c_files() {
    run(cases());
}
