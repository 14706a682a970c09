"""Plain values as literals. The supervisor parses them and compares by their canonical text (src/literal)."""

DEPTH, NODES, TEXT, BITS = 64, 100_000, 1 << 20, 14_000
# Besides literals: floats that have none, and the empty set. No text that the supervisor sends holds other names.
NAMES = {"inf": float("inf"), "nan": float("nan"), "set": set, "__builtins__": {}}


class NotPlain(Exception):
    """The value is not made of exact built-in types within the bounds."""


def literal(value):
    """The literal of a plain value, in ASCII, with dicts in the order in which they were filled.

    Only exact built-in types count: a subclass could bring its own `__eq__`, `__repr__` or `__iter__`.
    """
    budget = [NODES, TEXT]
    text = _text(value, DEPTH, budget)
    if len(text) > TEXT:
        raise NotPlain(f"a value of more than {TEXT} bytes")
    return text


def _text(value, depth, budget):
    kind = type(value)
    budget[0] -= 1
    if budget[0] < 0:
        raise NotPlain(f"a value of more than {NODES} parts")
    if value is None or kind is bool or kind is float:
        return repr(value)
    if kind is int:
        if value.bit_length() > BITS:
            raise NotPlain(f"an integer of more than {BITS} bits")
        return repr(value)
    if kind is str or kind is bytes:
        budget[1] -= len(value)
        if budget[1] < 0:
            raise NotPlain(f"a value of more than {TEXT} bytes")
        return ascii(value)
    if depth == 0:
        raise NotPlain(f"a value nested more than {DEPTH} deep")
    if kind is list:
        return "[" + ", ".join([_text(item, depth - 1, budget) for item in value]) + "]"
    if kind is tuple:
        items = [_text(item, depth - 1, budget) for item in value]
        return f"({items[0]},)" if len(items) == 1 else "(" + ", ".join(items) + ")"
    if kind is set:
        items = [_text(item, depth - 1, budget) for item in value]
        return "{" + ", ".join(items) + "}" if items else "set()"
    if kind is dict:
        items = [f"{_text(key, depth - 1, budget)}: {_text(item, depth - 1, budget)}" for key, item in value.items()]
        return "{" + ", ".join(items) + "}"
    raise NotPlain(f"{'an' if kind.__name__[:1] in 'aeiou' else 'a'} {kind.__name__}")


def value_of(text, evaluate=eval, names=NAMES):
    """The value of a literal. The supervisor wrote the text from what it had parsed: it holds no code."""
    return evaluate(text, names)
