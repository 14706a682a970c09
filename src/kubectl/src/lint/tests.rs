use super::*;

const GOOD: &str = "apiVersion: genesis.truth.si/v1alpha1
kind: GenesisModel
metadata:
  name: coder
spec:
  baseModel: { uri: builtin://seedling }
  servedModelName: coder
  storage:
    uri: file:///store
  evaluationTemplate:
    suites:
      - name: sealed
        uri: store://suites/sealed
";

/// The lines that are told for a file.
fn told(text: &str) -> Vec<String> {
    lint("m.yaml", text).problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_file_is_passed_and_others_are_passed_over() {
    let text = format!("---\n# nothing\n---\n{GOOD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: x }}\n");
    assert_eq!(lint("m.yaml", &text), Linted { objects: 1, others: 1, problems: Vec::new() });
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (from, to, expected) in [
        ("kind: GenesisModel", "kind: GenesisModle", "m.yaml:2: error: kind: \"GenesisModle\" is not one of"),
        ("v1alpha1", "v1", "m.yaml:1: error: apiVersion: \"genesis.truth.si/v1\" is not served"),
        ("  name: coder", "  labels: {}", "m.yaml:3: error: metadata: metadata.name is required"),
        ("    uri: file:///store", "    uri: /store", "m.yaml:9: error: spec.storage.uri: \"/store\" does not match"),
        ("  servedModelName: coder\n", "", "m.yaml:5: error: spec.servedModelName: is required"),
        ("servedModelName: coder", "servedModelName: coder\n  suspend: maybe", "spec.suspend: must be of type boolean"),
        ("servedModelName: coder", "served_model_name: coder", "is unknown; write servedModelName"),
        ("  name: coder", "  name: Coder", "metadata.name must be 1 to 40 lower-case"),
        (
            "store://suites/sealed",
            "file:///s.json",
            "m.yaml:12: error: spec.evaluationTemplate.suites[0]: a file:// suite needs",
        ),
        ("servedModelName: coder", "servedModelName: coder\n  serving: { maxLoras: 1 }", "1 is less than 3"),
        ("servedModelName: coder", "servedModelName: coder\n  triggers: [", "m.yaml:10: error: did not find expected"),
        (
            "servedModelName: coder",
            "servedModelName: coder\n  trainingTemplate: { lora: { rank: 128 } }",
            "larger than serving.maxLoraRank",
        ),
    ] {
        let found = told(&GOOD.replacen(from, to, 1));
        assert!(found.iter().any(|line| line.contains(expected)), "{to}: {found:?}");
    }
}

#[test]
fn the_samples_are_right() {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/samples");
    let mut objects = 0;
    for entry in std::fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        let found = lint(&path.display().to_string(), &std::fs::read_to_string(&path).unwrap());
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        objects += found.objects;
    }
    assert!(objects >= 6);
}
