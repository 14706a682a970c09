//! Ways around a list of forbidden calls.

use super::*;

#[test]
fn evasions_are_blocked() {
    for source in [
        // Dynamic import.
        "__import__('os').system('ls')\n",
        "f = __import__\nf('os')\n",
        "import importlib as i\ni.import_module('os')\n",
        "from importlib import import_module\n",
        "__loader__.load_module('os')\n",
        "import builtins\nbuiltins.eval('1')\n",
        "import runpy\nrunpy.run_path('x')\n",
        // The built-ins by other names.
        "getattr(__builtins__, 'ev' + 'al')('1')\n",
        "__builtins__['eval']('1')\n",
        "__builtins__.__dict__['ev' 'al']('1')\n",
        "globals()['__builtins__']\n",
        "globals()['__buil' + 'tins__']\n",
        "globals().get('__builtins__')\n",
        "g = globals\ng()['x']\n",
        "list(globals().values())[6]\n",
        "key = 'x'\nglobals()[key]\n",
        "locals()['__builtins__']\n",
        "vars()['__builtins__']\n",
        "e = eval\ne('1')\n",
        "list(map(eval, ['1']))\n",
        "[exec][0]('1')\n",
        "(lambda f=eval: f('1'))()\n",
        "@exec\n@input\nclass X:\n    pass\n",
        "class A:\n    __class_getitem__ = eval\n",
        "print.__self__.eval('1')\n",
        "f'{__import__(\"os\").system(\"ls\")}'\n",
        "def f[T: __import__('os')](x: T):\n    return x\n",
        // Decoys: a definition that does not hold.
        "if 0:\n    def eval(s):\n        return s\nprint(eval('1'))\n",
        "def eval(s):\n    return s\ndel eval\nprint(eval('1'))\n",
        "eval = None\ndel eval\neval('1')\n",
        "class A:\n    def eval(self):\n        return 1\nprint(eval('1'))\n",
        // Walks over objects.
        "().__class__.__base__.__subclasses__()\n",
        "''.__class__.__mro__[1].__subclasses__()\n",
        "object.__subclasses__()\n",
        "type.__subclasses__(object)\n",
        "getattr((), '__cl' + 'ass__').__bases__\n",
        "getattr(object, '__subcl' 'asses__')()\n",
        "getattr(object, ''.join(['__sub', 'classes__']))()\n",
        "getattr(object, '__sessalcbus__'[::-1])()\n",
        "name = 'subclasses'\ngetattr(object, '__' + name + '__')()\n",
        "name = 'subclasses'\ngetattr(object, f'__{name}__')()\n",
        "name = 'subclasses'\ngetattr(object, '__%s__' % name)()\n",
        "name = 'subclasses'\ngetattr(object, '__{}__'.format(name))()\n",
        "(lambda: 0).__globals__['x']\n",
        "(lambda: 0).__code__\n",
        "def f():\n    yield\nf().gi_frame.f_back.f_globals\n",
        "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame.f_builtins\n",
        "'{0.__class__.__init__.__globals__}'.format(f)\n",
        "from operator import attrgetter\nattrgetter('__class__.__subclasses__')\n",
        "match object:\n    case object(__subclasses__=s):\n        s()\n",
        // Modules by other ways.
        "import sys\nsys.modules['os'].system('ls')\n",
        "from sys import modules\nmodules['os']\n",
        "import os as o\no.system('ls')\n",
        "import os\no = os\no.system('ls')\n",
        "import os\ngetattr(os, 'sys' + 'tem')('ls')\n",
        "import os\nname = 'system'\n(lambda m: getattr(m, name))(os)\n",
        "import os\nos.__dict__['system']('ls')\n",
        "import os\nvars(os)['system']('ls')\n",
        "import os\n[os][0].system('ls')\n",
        "import os.path\nos.system('ls')\n",
        "from os import *\nsystem('ls')\n",
        "import random\nrandom._os.system('ls')\n",
        "import shutil\nshutil.os.system('ls')\n",
        "from random import _os as o\n",
        "from os.path import os\n",
        "import os.path as p\np.os.system('ls')\n",
        "def f():\n    import subprocess as s\n    return s\n",
        "class A:\n    import socket\n",
        "import os\ndef f(m=os):\n    return m\n",
        "import math\nmath.__loader__\n",
        "import math\nmath.__dict__\n",
        "import types\ntypes.CodeType(0)\n",
    ] {
        let verdict = check(source);
        assert!(!verdict.passed, "not blocked:\n{source}");
    }
}

#[test]
fn suppressions_in_the_source_hide_nothing() {
    for source in [
        "eval(input())  # noqa\n",
        "eval(input())  # noqa: S307\n",
        "# ruff: noqa\neval(input())\n",
        "# ruff: noqa: S307\neval(input())\n",
        "# flake8: noqa\neval(input())\n",
        "# ruff: disable[S307]\neval(input())\n# ruff: enable[S307]\n",
        "eval(input())  # nosec\n",
        "eval(input())  # type: ignore # pylint: disable=all\n",
    ] {
        assert_blocked(source, "S307");
    }
    let warned = rules("import os  # noqa: F401\n", Severity::Warn);
    assert_eq!(warned, ["F401"]);
}

#[test]
fn a_declared_capability_opens_its_door_and_no_other() {
    let allowed = [crate::Capability::Process].into();
    let gate = Gate::new(crate::GatePolicy { capabilities: allowed, ..crate::GatePolicy::default() });
    let passed = |source: &str| gate.check(Language::Python, source).passed;
    assert!(passed("import subprocess\n\nsubprocess.run(['/bin/ls'], check=True)\n"));
    assert!(!passed("import subprocess\n\nsubprocess.run('ls', shell=True)\n"), "a shell stays blocked");
    assert!(!passed("import socket\n"));
    assert!(!passed("import importlib\n"));
    assert_ne!(gate.ruleset(), GATE.ruleset(), "another policy is another ruleset");
}
