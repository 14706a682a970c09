"""Runs one program in its own process and serves calls of its entry point.

Everything here shares an interpreter with the program, so nothing here is believed: the supervisor
believes only values that equal the ones it expects, and it never sends those. What this file protects is
honest programs from accidents, not the verdict from dishonest ones.

Frames to the supervisor: the run's nonce (16 bytes), length (4 bytes, little-endian), kind (1 byte), text.
Frames from the supervisor: length (4 bytes, little-endian), kind (1 byte), text.
"""

import os
import sys
import types

from plain import NotPlain, literal, value_of

RUN, CALLS, TEST = b"0", b"1", b"2"
# The exit status of an interpreter that was left by an exception, and by a failed flush.
RAISED, FLUSH_FAILED = 1, 120


class Job:
    """One program, as the supervisor sent it, and the line back."""

    def __init__(self, line, read=os.read, write=os.write):
        # The functions are kept, so that a program that replaces them in `os` cuts nothing here.
        self.line, self.read, self.write = line, read, write
        self.inbox = b""
        self.nonce = self.take(16)
        self.mode, entry, source, extra = (self.field() for _ in range(4))
        self.entry, self.source, self.extra = entry.decode(), source, extra
        self.process = os.getpid()

    def take(self, count):
        if len(self.inbox) < count:
            parts, missing = [self.inbox], count - len(self.inbox)
            while missing > 0:
                parts.append(self.read(self.line, 1 << 16))
                missing -= len(parts[-1])
                if not parts[-1]:
                    os._exit(70)
            self.inbox = b"".join(parts)
        taken, self.inbox = self.inbox[:count], self.inbox[count:]
        return taken

    def field(self):
        return self.take(int.from_bytes(self.take(4), "little"))

    def receive(self):
        frame = self.field()
        return frame[:1], frame[1:].decode()

    def send(self, kind, text=""):
        payload = kind + text.encode("utf-8", "backslashreplace")
        frame = self.nonce + len(payload).to_bytes(4, "little") + payload
        while frame:
            frame = frame[self.write(self.line, frame) :]


def describe(error):
    """An exception as three lines: class, errno or nothing, the first line of its message."""
    number = error.errno if isinstance(error, OSError) and type(error.errno) is int else ""
    try:
        message = (str(error).splitlines() or [""])[0][:200]
    except BaseException:
        message = "its message cannot be shown"
    return f"{type(error).__name__}\n{number}\n{message}"


def exit_status(error):
    """The exit status `sys.exit(code)` asks for."""
    if error.code is None:
        return 0
    if type(error.code) is int:
        return error.code & 0xFF
    try:
        print(error.code, file=sys.stderr)
    except BaseException:
        pass
    return RAISED


def finish(status, leave=os._exit):
    """Ends the process as the interpreter does: threads, exit functions, streams."""
    try:
        sys.modules["threading"]._shutdown()
        sys.modules["atexit"]._run_exitfuncs()
    except BaseException:
        status = status or RAISED
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            status = status or FLUSH_FAILED
    leave(status)


def load(job, show=sys.excepthook, leave=os._exit):
    """Compiles and runs the program; returns its module, or ends the process."""
    job.send(b"S")
    try:
        code = compile(job.source, "<program>", "exec", dont_inherit=True)
    except BaseException as error:
        job.send(b"C", describe(error))
        leave(RAISED)
    name = "__main__" if job.mode == RUN else "program"
    module = types.ModuleType(name)
    sys.modules["__main__"] = sys.modules[name] = module
    for own in ("harness", "tester", "plain"):
        del sys.modules[own]
    sys.argv[:] = [""]
    try:
        exec(code, module.__dict__)
    except SystemExit as error:
        if os.getpid() == job.process:
            job.send(b"Q")
        finish(exit_status(error))
    except BaseException as error:
        if os.getpid() == job.process:
            job.send(b"X", describe(error))
            try:
                show(type(error), error, error.__traceback__ and error.__traceback__.tb_next)
            except BaseException:
                pass
        finish(RAISED)
    if os.getpid() != job.process:
        # A fork that fell off the end of the program: it is not the one that is judged.
        finish(0)
    return module


def call(job, function, text):
    """Calls the entry point once; returns the answer frame."""
    try:
        positional, named = value_of(text)
        value = function(*positional, **named)
    except SystemExit as error:
        if os.getpid() == job.process:
            job.send(b"Q")
        finish(exit_status(error))
    except BaseException as error:
        return b"R", describe(error)
    try:
        return b"V", literal(value)
    except NotPlain as error:
        return b"U", str(error)
    except BaseException as error:
        return b"U", f"a value that cannot be read ({type(error).__name__})"


def run(job):
    """Runs the program to its end, serving calls between the end of its body and the end of its process."""
    module = load(job)
    if job.mode == CALLS:
        function = module.__dict__.get(job.entry)
        job.send(b"L" if callable(function) else b"N")
        while True:
            kind, text = job.receive()
            if kind != b"c":
                break
            answer = call(job, function, text)
            if os.getpid() != job.process:
                finish(0)
            job.send(*answer)
    finish(0)
