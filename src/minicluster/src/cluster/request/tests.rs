use super::query::LONGEST_WATCH;
use super::*;

#[test]
fn paths_name_their_target() {
    let parse = |path| match route(path) {
        Ok(Route::Objects(t)) => {
            let opt = |o: Option<String>| o.unwrap_or_else(|| "-".into());
            format!(
                "{}/{} {} {} {} {}",
                t.group,
                t.version,
                t.plural,
                opt(t.namespace),
                opt(t.name),
                opt(t.subresource)
            )
        }
        other => format!("{other:?}"),
    };
    assert_eq!(parse("/api/v1/pods"), "/v1 pods - - -");
    assert_eq!(parse("/api/v1/namespaces/d/pods/p/status"), "/v1 pods d p status");
    assert_eq!(parse("/api/v1/namespaces/d/status"), "/v1 namespaces - d status");
    assert_eq!(parse("/apis/batch/v1/namespaces/d/jobs"), "batch/v1 jobs d - -");
    assert_eq!(parse("/apis/example.com/v1/globes/g/status"), "example.com/v1 globes - g status");
    assert!(route("/nowhere").is_err());
}

#[test]
fn queries_are_decoded() {
    let query = Query::parse("labelSelector=app%3Dweb%2Ctier&limit=5&watch=1&dryRun=All").unwrap();
    assert!(query.labels.matches(&serde_json::json!({ "app": "web", "tier": "x" })));
    assert_eq!((query.limit, query.watch, query.dry_run), (5, true, true));
    for bad in ["limit=many", "limit=-1", "timeoutSeconds=-1"] {
        assert_eq!(Query::parse(bad).unwrap_err().status()["code"], 400, "{bad}");
    }
    let longest = Query::parse(&format!("timeoutSeconds={}", i64::MAX)).unwrap();
    assert_eq!(longest.timeout_seconds, Some(LONGEST_WATCH));
}
