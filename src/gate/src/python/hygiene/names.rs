//! The names that the rules know.

#[cfg(test)]
mod tests;

use crate::policy::Capability;

/// What is behind a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Something that a task may declare.
    Needs(Capability),
    /// The interpreter's machinery: never allowed.
    Machinery,
}

const PROCESS: &[&str] = &[
    "_posixsubprocess",
    "_winapi",
    "asyncio.create_subprocess_exec",
    "asyncio.create_subprocess_shell",
    "asyncio.subprocess",
    "commands",
    "concurrent.futures.ProcessPoolExecutor",
    "concurrent.futures.process",
    "multiprocessing",
    "nt",
    "os.abort",
    "os.execl",
    "os.execle",
    "os.execlp",
    "os.execlpe",
    "os.execv",
    "os.execve",
    "os.execvp",
    "os.execvpe",
    "os.fork",
    "os.forkpty",
    "os.kill",
    "os.killpg",
    "os.popen",
    "os.posix_spawn",
    "os.posix_spawnp",
    "os.spawnl",
    "os.spawnle",
    "os.spawnlp",
    "os.spawnlpe",
    "os.spawnv",
    "os.spawnve",
    "os.spawnvp",
    "os.spawnvpe",
    "os.startfile",
    "os.system",
    "pexpect",
    "platform.popen",
    "popen2",
    "posix",
    "psutil",
    "pty",
    "sh",
    "signal.pthread_kill",
    "subprocess",
];
const NETWORK: &[&str] = &[
    "_socket",
    "_ssl",
    "aiohttp",
    "asyncio.open_connection",
    "asyncio.open_unix_connection",
    "asyncio.start_server",
    "asyncio.start_unix_server",
    "asyncore",
    "ftplib",
    "http.client",
    "http.server",
    "httpx",
    "imaplib",
    "logging.handlers",
    "nntplib",
    "paramiko",
    "poplib",
    "requests",
    "smtpd",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "telnetlib",
    "urllib.request",
    "urllib2",
    "urllib3",
    "webbrowser",
    "websocket",
    "websockets",
    "wsgiref.simple_server",
    "xmlrpc.client",
    "xmlrpc.server",
    "zmq",
];
const NATIVE: &[&str] = &["_ctypes", "cffi", "ctypes", "numpy.ctypeslib", "readline"];
/// Modules and functions that run strings, load modules, or hand out frames and the tables of the interpreter.
const MACHINERY: &[&str] = &[
    "_frozen_importlib",
    "_frozen_importlib_external",
    "_imp",
    "_thread._excepthook",
    "_xxsubinterpreters",
    "bdb",
    "builtins",
    "cProfile",
    "code",
    "codeop",
    "ensurepip",
    "gc.get_objects",
    "gc.get_referents",
    "gc.get_referrers",
    "imp",
    "importlib",
    "inspect.currentframe",
    "inspect.getouterframes",
    "inspect.stack",
    "inspect.trace",
    "marshal",
    "pdb",
    "pip",
    "pkgutil",
    "profile",
    "runpy",
    "sys._current_frames",
    "sys._getframe",
    "sys.addaudithook",
    "sys.breakpointhook",
    "sys.meta_path",
    "sys.modules",
    "sys.path_hooks",
    "sys.setprofile",
    "sys.settrace",
    "trace",
    "types.CodeType",
    "zipimport",
];
/// Modules that are harmless before a dot and must not be passed around, where their attributes cannot be told.
const BEFORE_A_DOT: &[&str] = &["asyncio", "gc", "inspect", "os", "platform", "sys", "types"];
/// Names under which modules are reached through others: `random._os`, `shutil.sys`.
const REACHED: &[&str] = &[
    "_ctypes",
    "_imp",
    "_io",
    "_os",
    "_posixsubprocess",
    "_socket",
    "_sys",
    "_thread",
    "bltns",
    "builtins",
    "ctypes",
    "importlib",
    "nt",
    "os",
    "posix",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "warnings",
];
/// Names that the interpreter puts into every module.
pub(super) const MACHINERY_NAMES: [&str; 6] =
    ["__build_class__", "__builtins__", "__import__", "__loader__", "__spec__", "__cached__"];
/// Built-in functions that run code, or hand out the table in which `__builtins__` lies.
pub(super) const CODE_RUNNERS: &[&str] = &["breakpoint", "compile", "eval", "exec", "execfile", "globals", "locals"];
/// Of these, the ones that are harmless if a written name is looked up in them at once.
pub(super) const NAME_SPACES: &[&str] = &["globals", "locals"];
/// Attributes from which a way leads to the built-ins, frames or code objects.
pub(super) const MACHINERY_ATTRIBUTES: &[&str] = &[
    "__base__",
    "__bases__",
    "__builtins__",
    "__closure__",
    "__code__",
    "__globals__",
    "__import__",
    "__loader__",
    "__mro__",
    "__self__",
    "__spec__",
    "__subclasses__",
    "ag_code",
    "ag_frame",
    "cr_code",
    "cr_frame",
    "f_back",
    "f_builtins",
    "f_code",
    "f_globals",
    "f_locals",
    "func_globals",
    "gi_code",
    "gi_frame",
    "gi_yieldfrom",
    "tb_frame",
    "tb_next",
];
/// What no string of a solution has to spell.
pub(super) const MACHINERY_WORDS: &[&str] = &[
    "__base__",
    "__bases__",
    "__builtins__",
    "__code__",
    "__globals__",
    "__import__",
    "__loader__",
    "__mro__",
    "__subclasses__",
];

/// What is behind a path: the longest prefix that is known decides.
pub(super) fn door(path: &str) -> Option<Door> {
    let mut prefix = path;
    loop {
        for (known, door) in [
            (PROCESS, Door::Needs(Capability::Process)),
            (NETWORK, Door::Needs(Capability::Network)),
            (NATIVE, Door::Needs(Capability::Native)),
            (MACHINERY, Door::Machinery),
        ] {
            if known.binary_search(&prefix).is_ok() {
                return Some(door);
            }
        }
        prefix = prefix.rsplit_once('.')?.0;
    }
}

/// Whether the module may only stand before a dot.
pub(super) fn must_stay_before_a_dot(module: &str) -> bool {
    BEFORE_A_DOT.contains(&module) || door(module).is_some()
}

/// Whether the attribute of a module is another module that has no business there.
pub(super) fn is_reached_module(attribute: &str) -> bool {
    REACHED.contains(&attribute)
}

/// All lists in one line, so that a change of one changes the ruleset.
pub(super) fn listed() -> String {
    format!(
        "{PROCESS:?} {NETWORK:?} {NATIVE:?} {MACHINERY:?} {BEFORE_A_DOT:?} {REACHED:?} {MACHINERY_NAMES:?} {CODE_RUNNERS:?} \
         {NAME_SPACES:?} {MACHINERY_ATTRIBUTES:?} {MACHINERY_WORDS:?}"
    )
}
