use serde_json::json;

use super::*;
use crate::charts::objects;

const GOOD: &str = "
kind: ServiceAccount
metadata: { name: operator, namespace: ns }
automountServiceAccountToken: false
---
kind: Role
metadata: { name: operator, namespace: ns }
rules: [{ apiGroups: [apps], resources: [deployments], verbs: [get] }]
---
kind: RoleBinding
metadata: { name: operator, namespace: ns }
subjects: [{ kind: ServiceAccount, name: operator, namespace: ns }]
---
kind: Deployment
metadata: { name: operator, namespace: ns }
spec:
  template:
    metadata: { labels: { app: genesis } }
    spec:
      serviceAccountName: operator
      automountServiceAccountToken: true
      securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
      containers:
        - name: operator
          image: genesis:1
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
          resources: { requests: { cpu: 1, memory: 1Gi }, limits: { cpu: 1, memory: 1Gi } }
          readinessProbe: {}
          livenessProbe: {}
          ports: [{ name: http }]
---
kind: Service
metadata: { name: operator, namespace: ns }
spec: { type: ClusterIP, selector: { app: genesis }, ports: [{ targetPort: http }] }
---
kind: NetworkPolicy
metadata: { name: deny, namespace: ns }
spec: { podSelector: { matchLabels: { app: genesis } }, policyTypes: [Ingress, Egress] }
---
kind: NetworkPolicy
metadata: { name: genesis-models-deny, namespace: ns }
spec:
  podSelector: { matchExpressions: [{ key: genesis.truth.si/role, operator: Exists }] }
  policyTypes: [Ingress, Egress]
";

fn rendering() -> Rendering {
    Rendering { name: "test", namespaced: true, objects: objects::read(GOOD).unwrap(), text: GOOD.to_owned() }
}

/// The rendering with one value changed.
fn with(index: usize, pointer: &str, value: Value) -> Vec<&'static str> {
    let mut changed = rendering();
    *changed.objects[index].pointer_mut(pointer).unwrap() = value;
    check(&[changed]).into_iter().filter(|check| !check.problems.is_empty()).map(|check| check.name).collect()
}

#[test]
fn good_objects_have_no_problems() {
    for check in check(&[rendering()]) {
        assert!(check.problems.is_empty() && check.looked_at > 0, "{}: {:?}", check.name, check.problems);
    }
}

#[test]
fn each_rule_finds_what_it_is_for() {
    let container = "/spec/template/spec/containers/0";
    let cases = [
        (0, "/automountServiceAccountToken".to_owned(), json!(true), RULES[2].0),
        (1, "/rules/0/verbs/0".to_owned(), json!("*"), RULES[0].0),
        (1, "/rules/0/resources/0".to_owned(), json!("secrets"), RULES[0].0),
        (1, "/kind".to_owned(), json!("ClusterRole"), RULES[1].0),
        (2, "/subjects/0/name".to_owned(), json!("default"), RULES[2].0),
        (3, "/spec/template/spec/serviceAccountName".to_owned(), json!("default"), RULES[2].0),
        (3, format!("{container}/securityContext/capabilities/drop"), json!([]), RULES[3].0),
        (3, "/spec/template/spec/securityContext/runAsNonRoot".to_owned(), json!(false), RULES[3].0),
        (3, format!("{container}/resources/limits"), json!({ "cpu": 1 }), RULES[4].0),
        (3, format!("{container}/image"), json!("genesis:latest"), RULES[4].0),
        (4, "/spec/ports/0/targetPort".to_owned(), json!("metrics"), RULES[6].0),
        (5, "/spec/podSelector".to_owned(), json!({}), RULES[5].0),
        (5, "/spec/policyTypes".to_owned(), json!(["Ingress"]), RULES[5].0),
        (6, "/spec/policyTypes".to_owned(), json!(["Ingress"]), RULES[5].0),
    ];
    for (index, pointer, value, rule) in cases {
        let found = with(index, &pointer, value);
        assert_eq!(found, [rule], "{pointer}");
    }
}
