//! Ordinary programs pass; broken and plainly dangerous ones do not.

use super::*;

#[test]
fn ordinary_solutions_pass_without_a_word() {
    for source in [
        "def add(a, b):\n    return a + b\n",
        "from collections import Counter\n\ndef modes(xs):\n    counts = Counter(xs)\n    best = max(counts.values())\n    return sorted(x for x, n in counts.items() if n == best)\n",
        "import math\nimport re\n\ndef f(s):\n    return [math.sqrt(int(x)) for x in re.findall(r'\\d+', s)]\n",
        "import os.path\n\ndef stem(path):\n    return os.path.splitext(os.path.basename(path))[0]\n",
        "import sys\n\nsys.setrecursionlimit(10_000)\n\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n",
        "import heapq\nimport itertools\n\ndef first(n):\n    return heapq.nsmallest(n, itertools.islice(itertools.count(), 100))\n",
        "class Node:\n    def __init__(self, value, following=None):\n        self.value = value\n        self.following = following\n\n    def __repr__(self):\n        return f'{self.__class__.__name__}({self.value!r})'\n",
        "from dataclasses import dataclass\n\n@dataclass\nclass P:\n    x: int\n    y: int = 0\n",
        "from functools import lru_cache\n\n@lru_cache(maxsize=None)\ndef fib(n: int) -> int:\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\n",
        "def f(x):\n    match x:\n        case {'a': [1, *rest]}:\n            return rest\n        case str() | bytes():\n            return x\n        case _:\n            return None\n",
        "async def f(xs):\n    return [x async for x in xs]\n",
        "def f(x):\n    return f'{x!r:>{10}} {x=}'\n",
        "def f(name):\n    return f\"{', '.join(name)} {'\"' if name else ''}\"\n",
        "import json\nimport datetime\nimport decimal\nimport fractions\nimport statistics\n\ndef f(s):\n    return json.loads(s), datetime, decimal, fractions, statistics\n",
        "import re\n\npattern = re.compile(r'a+')\n",
        "from re import compile\n\npattern = compile(r'a+')\n",
        "def f():\n    \"\"\"Unlike __subclasses__, this is fine in documentation.\"\"\"\n    return 1\n",
        "class Parser:\n    def eval(self, tokens):\n        return self.eval(tokens[1:]) if tokens else 0\n",
        // Style is not the gate's business.
        "def f( a ):   \n  \n  l = lambda x:x\n  try:\n    return l(a)\n  except:\n    return list(zip(a, a))\n",
        "from urllib.parse import urlparse\n\ndef host(url):\n    return urlparse(url).netloc\n",
    ] {
        let verdict = check(source);
        assert!(verdict.passed && verdict.findings.is_empty(), "{:?} in\n{source}", verdict.findings);
    }
}

#[test]
fn names_of_ones_own_are_not_the_built_in_ones() {
    for source in [
        "def eval(tokens):\n    return tokens[0]\n\nprint(eval([1]))\n",
        "def run(exec):\n    return exec + 1\n",
        "def compile(source):\n    return [c for c in source]\n\ndef f(s):\n    return compile(s)\n",
        "def f(os):\n    return os + 1\n",
        "table = {'a': 1}\n\ndef a():\n    return 2\n\nprint(globals()['a']())\n",
        "class Visitor:\n    def visit(self, node):\n        return getattr(self, 'visit_' + node.kind)(node)\n",
    ] {
        assert_passes(source);
    }
}

#[test]
fn what_no_interpreter_accepts_is_blocked() {
    for (source, rule) in [
        ("def f(:\n    return 1\n", "invalid-syntax"),
        ("def f():\nreturn 1\n", "invalid-syntax"),
        ("print 'x'\n", "invalid-syntax"),
        ("x = (1,\n", "invalid-syntax"),
        ("def f():\n    x = 1\n      y = 2\n", "invalid-syntax"),
        ("x = 'abc\n", "invalid-syntax"),
        ("1 = x\n", "invalid-syntax"),
        // Parses, and is an error all the same: duplicate arguments.
        ("def f(a, a):\n    return a\n", "invalid-syntax"),
        ("return 1\n", "F706"),
        ("break\n", "F701"),
        ("def f():\n    continue\n", "F702"),
        ("class A:\n    yield 1\n", "F704"),
        ("def f():\n    print(x)\n    global x\n", "PLE0118"),
        ("def f():\n    nonlocal x\n", "PLE0117"),
        ("def f():\n    await g()\n", "PLE1142"),
        ("async def f():\n    yield from g()\n", "PLE1700"),
        ("try:\n    pass\nexcept:\n    pass\nexcept ValueError:\n    pass\n", "F707"),
        ("x = 1\nfrom __future__ import annotations\n", "F404"),
        ("*a, *b = [1]\n", "F622"),
    ] {
        let got = blocking(source);
        // Some of these are rules of ruff's and syntax errors at the same time.
        assert!(got.iter().any(|found| found == rule || found == "invalid-syntax"), "{got:?} in\n{source}");
    }
}

#[test]
fn plain_dangers_are_blocked() {
    for (source, rule) in [
        ("def f(s):\n    return eval(s)\n", "S307"),
        ("def f(s):\n    exec(s)\n", "S102"),
        ("def f(s):\n    return compile(s, 'x', 'exec')\n", "G202"),
        ("import pickle\n\ndef f(s):\n    return pickle.loads(s)\n", "S301"),
        ("import subprocess\n\nsubprocess.run('ls', shell=True)\n", "S602"),
        ("import subprocess\n\ndef f(command):\n    subprocess.run(command)\n", "S603"),
        ("import subprocess\n", "G101"),
        ("import os\n\nos.system('ls')\n", "S605"),
        ("import os\n\nos.system('ls')\n", "G101"),
        ("from os import popen\n", "G101"),
        ("import socket\n", "G101"),
        ("import urllib.request\n", "G101"),
        ("from urllib import request\n", "G101"),
        ("import requests\n", "G101"),
        ("import http.client as c\n", "G101"),
        ("import ctypes\n", "G101"),
        ("from multiprocessing import Pool\n", "G101"),
        ("import os\n\ndef f():\n    os.fork()\n", "G101"),
        ("import asyncio\n\nasync def f():\n    await asyncio.open_connection('h', 1)\n", "G101"),
        ("import importlib\n", "G102"),
        ("import code\n", "G102"),
        ("import sys\n\nframe = sys._getframe()\n", "G102"),
        ("import gc\n\nfound = gc.get_objects()\n", "G102"),
        ("breakpoint()\n", "G202"),
    ] {
        assert_blocked(source, rule);
    }
}

#[test]
fn doubtful_things_only_lower_the_score() {
    for (source, rule) in [
        ("import os\n\ndef f():\n    return 1\n", "F401"),
        ("def f():\n    return undefined\n", "F821"),
        ("def f():\n    x = 1\n    return 2\n", "F841"),
        ("def f(x=[]):\n    return x\n", "B006"),
        ("password = 'hunter2secret'\n", "S105"),
        ("def f(x):\n    return x(password='hunter2secret')\n", "S106"),
        ("def f(password='hunter2secret'):\n    return password\n", "S107"),
        ("def f(x):\n    return '%d' % (1, 2)\n", "F507"),
        ("def f(a, name):\n    return getattr(a, name)\n", "G301"),
    ] {
        assert_passes(source);
        let warned = rules(source, Severity::Warn);
        assert!(warned.iter().any(|found| found == rule), "{rule} expected, {warned:?} found in\n{source}");
    }
}
