"""Plain values as canonical text, the same text that the supervisor makes of a literal (src/literal)."""

DEPTH, NODES, TEXT, BITS = 64, 100_000, 1 << 20, 14_000
INFINITY = float("inf")


class NotPlain(Exception):
    """The value is not made of exact built-in types within the bounds."""


def canonical(value):
    """Canonical text of a plain value: Python's own ASCII text with the items of dicts and sets sorted by text.

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
    if value is None or kind is bool:
        return repr(value)
    if kind is int:
        if value.bit_length() > BITS:
            raise NotPlain(f"an integer of more than {BITS} bits")
        return repr(value)
    if kind is float:
        if value != value:
            return "nan"
        if value in (INFINITY, -INFINITY):
            return "inf" if value > 0 else "-inf"
        # Minus zero equals zero, so both have one text.
        return repr(value or 0.0)
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
        items = sorted([_text(item, depth - 1, budget) for item in value])
        return "{" + ", ".join(items) + "}" if items else "set()"
    if kind is dict:
        items = [(_text(key, depth - 1, budget), _text(item, depth - 1, budget)) for key, item in value.items()]
        return "{" + ", ".join([f"{key}: {item}" for key, item in sorted(items)]) + "}"
    raise NotPlain(f"{'an' if kind.__name__[:1] in 'aeiou' else 'a'} {kind.__name__}")


def value_of(text, evaluate=eval, names={"inf": INFINITY, "nan": float("nan"), "set": set, "__builtins__": {}}):
    """The value of canonical text. The supervisor wrote the text from a parsed literal: it holds no code."""
    return evaluate(text, names)
