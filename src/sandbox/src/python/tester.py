"""Runs a trusted test program whose `candidate` is a proxy for a program in another cell.

The arguments go out and the values come back as literals, through the supervisor, which parses
both. No object of the program ever exists in this process.
"""

import builtins
import os

from harness import describe, finish
from plain import NotPlain, literal, value_of


class ProgramFailed(Exception):
    """The program raised an exception that is not a built-in one, or returned what is not a plain value."""


class Unsendable(BaseException):
    """The tests pass an argument that is not a plain value."""


def raised(text):
    """The exception to raise here for one that the program raised."""
    name, _, message = text.split("\n", 2)
    kind = getattr(builtins, name, None)
    # An exception that ends an iteration would end the tests' own loops, and with them the questions.
    ends_loops = kind in (StopIteration, StopAsyncIteration)
    if isinstance(kind, type) and issubclass(kind, Exception) and not ends_loops:
        try:
            return kind(message)
        except Exception:
            # UnicodeDecodeError and its like want more than a message.
            pass
    return ProgramFailed(f"{name}: {message}")


def proxy(job):
    """The function that the tests call instead of the program's."""

    def candidate(*positional, **named):
        try:
            text = literal((positional, named))
        except NotPlain as error:
            raise Unsendable(str(error)) from None
        job.send(b"k", text)
        kind, answer = job.receive()
        if kind == b"v":
            return value_of(answer)
        raise raised(answer)

    return candidate


def run(job):
    """Runs setup, then the definition of `check`, then `check(candidate)`."""
    job.send(b"S")
    names = {"__name__": "tests", "__builtins__": builtins}
    candidate = proxy(job)
    try:
        exec(compile(job.source, "<setup>", "exec", dont_inherit=True), names)
        exec(compile(job.extra, "<check>", "exec", dont_inherit=True), names)
        names[job.entry] = candidate
        check = names["check"]
    except BaseException as error:
        job.send(b"s", describe(error))
        os._exit(1)
    try:
        check(candidate)
    except AssertionError as error:
        job.send(b"a", describe(error))
    except Unsendable as error:
        job.send(b"u", str(error))
    except BaseException as error:
        job.send(b"f", describe(error))
    else:
        job.send(b"d")
    finish(0)
