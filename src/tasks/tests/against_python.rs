//! The table of operations against a real Python: references are right, mutants are noticed.
//!
//! The programs are this crate's own templates, so they run without a sandbox, one interpreter for a whole batch.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic")]

#[path = "../src/fixtures.rs"]
mod fixtures;

use std::io::Write as _;
use std::process::{Command, Stdio};

use fixtures::record;
use genesis_core::execution::{CallOutcome, ExecutionRecord, ExecutionRequest, Limits};
use genesis_core::task::{Language, Split, TestCase, TestSuite};
use genesis_tasks::parameters::Parameters;
use genesis_tasks::program::{ENTRY, body};
use genesis_tasks::universe::TASK_LENGTHS;
use genesis_tasks::{
    Draft, Instance, StandardSizes, SuiteSize, Universe, humaneval, outcomes, prove_outcomes, standard,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Runs each program's calls and prints one list of outcomes for each. Dicts are written with sorted items.
const HARNESS: &str = "
import ast, json, resource, signal, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
class Late(BaseException): pass
def late(*_): raise Late()
signal.signal(signal.SIGALRM, late)
def text(value):
    if type(value) is dict:
        return '{' + ', '.join(sorted(text(k) + ': ' + text(v) for k, v in value.items())) + '}'
    if type(value) is list:
        return '[' + ', '.join(map(text, value)) + ']'
    return repr(value)
def outcome(function, arguments):
    try:
        signal.setitimer(signal.ITIMER_REAL, 2)
        return {'is': 'value', 'text': text(function(*map(ast.literal_eval, arguments)))}
    except Late:
        return {'is': 'lost'}
    except Exception as error:
        return {'is': 'raised', 'text': type(error).__name__}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
for program in json.load(sys.stdin):
    scope = {}
    exec(compile(program['source'], 'program', 'exec'), scope)
    print(json.dumps([outcome(scope[program['entry']], call) for call in program['calls']]))
";

/// Prints the programs that do not compile.
const COMPILE: &str = "
import json, sys, warnings
warnings.simplefilter('ignore')
for id, source in json.load(sys.stdin):
    try:
        compile(source, id, 'exec')
    except SyntaxError as error:
        print(id, error)
";

/// What Python printed, line by line.
fn python(code: &str, input: &Value) -> Vec<String> {
    let mut child = Command::new("python3")
        .args(["-I", "-S", "-c", code])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed to test the programs of the table");
    let mut stdin = child.stdin.take().unwrap();
    let text = input.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "python3 ended with {}", output.status);
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn run(requests: Vec<ExecutionRequest>) -> Result<Vec<ExecutionRecord>, serde_json::Error> {
    let programs: Vec<Value> = requests.iter().map(program).collect();
    let lines = python(HARNESS, &Value::Array(programs));
    requests.iter().zip(lines).map(|(request, line)| Ok(record(request, serde_json::from_str(&line)?))).collect()
}

fn program(request: &ExecutionRequest) -> Value {
    let Some(TestSuite::Calls { entry, cases }) = &request.tests else { panic!("{} calls nothing", request.id) };
    let calls: Vec<&Vec<String>> = cases.iter().map(|case| &case.args).collect();
    json!({"source": request.source, "entry": entry, "calls": calls})
}

#[test]
fn references_pass_and_every_answer_that_ignores_a_step_fails() {
    let universe = Universe::load().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let drafts: Vec<Draft> = (0..60)
        .map(|_| {
            let family = universe.draw(Split::Loop, TASK_LENGTHS, &mut rng).unwrap();
            Draft::draw(&universe, family, &mut rng)
        })
        .collect();
    let records = run(drafts.iter().flat_map(Draft::requests).collect()).unwrap();
    let (mut tasks, mut killed, mut mutants) = (0, 0, 0);
    let mut alone = Vec::new();
    for (draft, records) in drafts.iter().zip(records.chunks(2)) {
        let outcomes = outcomes(draft, records).unwrap();
        assert!(outcomes.reference.iter().all(|outcome| matches!(outcome, CallOutcome::Value(_))), "{}", draft.id);
        let Ok(proven) = prove_outcomes(draft, &outcomes) else { continue };
        let TestSuite::Calls { cases, .. } = &proven.task.tests else { panic!("calls") };
        let position = |case: &TestCase| draft.inputs.iter().position(|input| *input == case.args[0]).unwrap();
        let tests: Vec<usize> = cases.iter().map(position).collect();
        for (&test, case) in tests.iter().zip(cases) {
            assert_eq!(outcomes.reference[test], CallOutcome::Value(case.expected.clone()));
        }
        for (mutant, differs) in draft.mutants.iter().zip(&outcomes.mutants) {
            let killed = tests.iter().any(|&test| differs[test]);
            assert!(killed || !mutant.what.ignores_a_step(), "{} passes with {}", draft.id, mutant.what);
            alone.push((mutant.source.clone(), cases.clone(), killed));
        }
        tasks += 1;
        killed += proven.killed;
        mutants += proven.mutants;
    }
    println!("{tasks} of {} drafts proven, {killed} of {mutants} mutants killed", drafts.len());
    assert!(tasks >= 30, "{tasks}");
    assert!(killed * 100 >= mutants * 85, "{killed} of {mutants}");
    assert_same_alone(&alone);
}

/// Each mutant run by itself on the tests, as a candidate would be, passes or fails as the comparison said.
fn assert_same_alone(mutants: &[(String, Vec<TestCase>, bool)]) {
    let request = |(source, cases, _): &(String, Vec<TestCase>, bool)| ExecutionRequest {
        id: String::new(),
        language: Language::Python,
        source: source.clone(),
        tests: Some(TestSuite::Calls { entry: ENTRY.to_owned(), cases: cases.clone() }),
        capture: true,
        limits: Limits::default(),
    };
    let records = run(mutants.iter().map(request).collect()).unwrap();
    for ((source, cases, killed), record) in mutants.iter().zip(records) {
        let wrong = |(value, case): (&CallOutcome, &TestCase)| *value != CallOutcome::Value(case.expected.clone());
        assert_eq!(record.values.iter().zip(cases).any(wrong), *killed, "{source}");
    }
}

#[test]
fn a_turns_suites_are_built() {
    let universe = Universe::load().unwrap();
    let small = SuiteSize { families: 6, tasks_per_family: 3 };
    let sizes = StandardSizes { sealed: small, dev: small, training: small };
    let suites = standard(&universe, 3, sizes, &mut run).unwrap();
    for built in [&suites.sealed, &suites.dev, &suites.training] {
        println!("{}: {} drafts, rejected {:?}", built.suite.name, built.drafts, built.rejections);
        assert_eq!(built.suite.tasks.len(), 18);
        assert!(built.killed * 100 >= built.mutants * 85);
        let programs = built.suite.tasks.iter().map(|task| ExecutionRequest {
            id: task.id.clone(),
            language: Language::Python,
            source: format!("{}{}", task.prompt, built.references[&task.id]),
            tests: Some(TestSuite::Calls {
                entry: ENTRY.to_owned(),
                cases: match &task.tests {
                    TestSuite::Calls { cases, .. } => cases.iter().chain(&task.extra).cloned().collect(),
                    TestSuite::Script { .. } => panic!("calls"),
                },
            }),
            capture: true,
            limits: Limits::default(),
        });
        let programs: Vec<ExecutionRequest> = programs.collect();
        for (program, record) in programs.iter().zip(run(programs.clone()).unwrap()) {
            let Some(TestSuite::Calls { cases, .. }) = &program.tests else { panic!("calls") };
            let expected: Vec<CallOutcome> =
                cases.iter().map(|case| CallOutcome::Value(case.expected.clone())).collect();
            assert_eq!(record.values, expected, "{}", program.id);
        }
    }
}

/// Each correct template alone, against the reference, on the inputs of several drafts.
#[test]
fn all_correct_templates_agree_with_their_reference() {
    let universe = Universe::load().unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut requests = Vec::new();
    for family in universe.families().iter().filter(|family| family.steps.len() == 1) {
        let inputs = Draft::draw(&universe, family, &mut rng).inputs;
        let calls = TestSuite::Calls {
            entry: ENTRY.to_owned(),
            cases: inputs.into_iter().map(|input| TestCase { args: vec![input], expected: String::new() }).collect(),
        };
        let mut step = Instance::draw(&universe, family, &mut rng).steps.remove(0);
        for form in &step.operation.forms {
            step.form = form;
            step.parameters = Parameters::draw(&mut rng);
            requests.extend(form.correct.iter().enumerate().map(|(template, code)| ExecutionRequest {
                id: template.to_string(),
                language: Language::Python,
                source: format!(
                    "def {ENTRY}({}):\n{}",
                    family.input.variable(),
                    body(family.input, &[step.link(code)])
                ),
                tests: Some(calls.clone()),
                capture: true,
                limits: Limits::default(),
            }));
        }
    }
    assert_eq!(requests.len(), 126);
    let records = run(requests.clone()).unwrap();
    let mut reference = &records[0].values;
    for (record, request) in records.iter().zip(&requests) {
        assert!(record.values.iter().all(|value| matches!(value, CallOutcome::Value(_))), "{}", request.source);
        if request.id == "0" {
            reference = &record.values;
        }
        assert_eq!(record.values, *reference, "{}", request.source);
    }
}

#[test]
fn humaneval_bodies_compile() {
    let problems = humaneval::read(humaneval::VENDORED).unwrap();
    let mut sources: Vec<(String, String)> = Vec::new();
    for problem in &problems {
        let id = &problem.task.id;
        sources.push((id.clone(), problem.task.prompt.clone()));
        sources.push((id.clone(), problem.program(&problem.canonical_solution)));
        sources.push((id.clone(), problem.program(humaneval::PASS_BODY)));
        sources.extend(problem.mutants().into_iter().map(|mutant| (id.clone(), problem.program(&mutant.body))));
    }
    println!("{} programs", sources.len());
    assert_eq!(python(COMPILE, &json!(sources)), Vec::<String>::new());
}
