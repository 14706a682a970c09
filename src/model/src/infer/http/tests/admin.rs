use std::time::Duration;

use super::*;
use crate::infer::testing::gated_engine;

const LOAD: &str = "/v1/load_lora_adapter";
const UNLOAD: &str = "/v1/unload_lora_adapter";

async fn greedy(server: &Server, model: &str) -> Value {
    let body = json!({ "model": model, "prompt": "def solve", "max_tokens": 20, "temperature": 0, "logprobs": 0 });
    server.complete(body).await["choices"][0].clone()
}

fn names(models: &str) -> Vec<String> {
    let models: Value = serde_json::from_str(models).unwrap();
    models["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_adapter_is_loaded_listed_used_and_unloaded() {
    let server = Server::start().await;
    let directory = tempfile::tempdir().unwrap();
    let digest = write_adapter(directory.path(), 4, 1);
    let uri = format!("file://{}", directory.path().display());
    let load = json!({ "lora_name": "tiny-a", "lora_path": uri, "digest": digest });
    for _ in 0..2 {
        let answer = server.administer(LOAD, &load).await;
        assert_eq!(answer, (StatusCode::OK, "Success: LoRA adapter 'tiny-a' added successfully.".to_owned()));
    }
    for port in [&server.public, &server.admin] {
        let models = server.client.get(format!("{port}/v1/models")).send().await.unwrap().text().await.unwrap();
        let models: Value = serde_json::from_str(&models).unwrap();
        let card = &models["data"][1];
        assert_eq!((&card["id"], &card["parent"]), (&json!("tiny-a"), &json!("tiny")));
        assert_eq!(card["root"], directory.path().display().to_string());
        assert_eq!(card["digest"], json!(digest));
    }
    assert_ne!(greedy(&server, "tiny-a").await, greedy(&server, "tiny").await);
    let answer = server.administer(UNLOAD, &json!({ "lora_name": "tiny-a" })).await;
    assert_eq!(answer, (StatusCode::OK, "Success: LoRA adapter 'tiny-a' removed successfully.".to_owned()));
    let (status, _) = server.post("/v1/completions", &json!({ "model": "tiny-a", "prompt": "x" })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, message) = server.administer(UNLOAD, &json!({ "lora_name": "tiny-a" })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(message.contains("The lora adapter 'tiny-a' cannot be found."));
    assert_eq!(server.post(LOAD, &load).await.0, StatusCode::NOT_FOUND, "the public port loads nothing");
}

#[tokio::test]
async fn what_does_not_fit_changes_nothing() {
    let server = Server::start().await;
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let digest = write_adapter(&path("good"), 4, 1);
    let other = write_adapter(&path("large"), 9, 1);
    write_adapter(&path("torn"), 4, 2);
    let weights = path("torn").join("adapter_model.safetensors");
    std::fs::write(&weights, &std::fs::read(&weights).unwrap()[..500]).unwrap();
    write_adapter(&path("rank"), 4, 3);
    let settings = path("rank").join("adapter_config.json");
    let text = std::fs::read_to_string(&settings).unwrap().replace("\"r\": 4", "\"r\": 5");
    std::fs::write(&settings, text).unwrap();
    let body = |name: &str| json!({ "lora_name": "new", "lora_path": path(name) });
    let mut wrong_digest = body("good");
    wrong_digest["digest"] = json!(other);
    let mut base_name = body("good");
    base_name["lora_name"] = json!("tiny");
    for (body, status, message) in [
        (wrong_digest, 400, format!("digest {digest}, not {other}")),
        (body("large"), 400, "rank 9 is larger than 8".to_owned()),
        (body("torn"), 400, "adapter_model.safetensors".to_owned()),
        (body("rank"), 400, "lora_A".to_owned()),
        (body("missing"), 404, "No adapter found for 'new'".to_owned()),
        (base_name, 400, "name of the base model".to_owned()),
        (json!({ "lora_name": "n", "lora_path": "file:x" }), 400, "is not an address".to_owned()),
        (json!({ "lora_name": "new" }), 400, "Both 'lora_name' and 'lora_path' must be provided.".to_owned()),
        (json!({ "lora_name": "n", "lora_path": "/x", "digest": "md5:1" }), 400, "is not a digest".to_owned()),
    ] {
        let (got, answer) = server.administer(LOAD, &body).await;
        assert_eq!(got.as_u16(), status, "{answer}");
        assert!(answer.contains(&message), "{message} is not in {answer}");
        assert_eq!(names(&server.get("/v1/models").await.1), ["tiny"]);
    }
}

#[tokio::test]
async fn an_adapter_whose_client_hung_up_is_loaded_all_the_same() {
    let (engine, gate) = gated_engine(Limits { sequences: 1, prompt_tokens: 64 }, 100);
    let server = Server::of(engine).await;
    let root = tempfile::tempdir().unwrap();
    write_adapter(root.path(), 4, 1);
    // After the first token the engine is in its next step, and answers nothing before the gate lets it.
    let body = json!({ "prompt": "def", "max_tokens": 9, "ignore_eos": true, "stream": true, "logprobs": 0 });
    gate.send(()).unwrap();
    let mut computing =
        server.client.post(format!("{}/v1/completions", server.public)).json(&body).send().await.unwrap();
    computing.chunk().await.unwrap().unwrap();
    let load = server.client.post(format!("{}{LOAD}", server.admin));
    let load = load.json(&json!({ "lora_name": "a", "lora_path": root.path() }));
    assert!(load.timeout(Duration::from_millis(500)).send().await.unwrap_err().is_timeout());
    drop(gate);
    while names(&server.get("/v1/models").await.1) != ["tiny", "a"] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn another_adapter_under_the_same_name_needs_load_inplace() {
    let server = Server::start().await;
    let root = tempfile::tempdir().unwrap();
    let (first, second) = (root.path().join("1"), root.path().join("2"));
    write_adapter(&first, 4, 1);
    write_adapter(&second, 4, 2);
    let mut body = json!({ "lora_name": "a", "lora_path": first });
    assert_eq!(server.administer(LOAD, &body).await.0, StatusCode::OK);
    let before = greedy(&server, "a").await;
    body["lora_path"] = json!(second);
    let (status, message) = server.administer(LOAD, &body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(message.contains("has already been loaded"), "{message}");
    body["load_inplace"] = true.into();
    assert_eq!(server.administer(LOAD, &body).await.0, StatusCode::OK);
    assert_ne!(greedy(&server, "a").await, before);
}

#[tokio::test]
async fn more_adapters_than_allowed_are_refused() {
    let server = Server::start().await;
    let root = tempfile::tempdir().unwrap();
    write_adapter(root.path(), 4, 1);
    for name in ["a", "b"] {
        let body = json!({ "lora_name": name, "lora_path": root.path() });
        assert_eq!(server.administer(LOAD, &body).await.0, StatusCode::OK);
    }
    let (status, message) = server.administer(LOAD, &json!({ "lora_name": "c", "lora_path": root.path() })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(message.contains("2 lora adapters are loaded"), "{message}");
    assert_eq!(names(&server.get("/v1/models").await.1), ["tiny", "a", "b"]);
}

#[tokio::test]
async fn a_proof_by_log_probabilities_holds_for_the_adapter_and_fails_for_the_base() {
    use genesis_core::adapter::{Proof, ProofEntry, ProofError};
    let server = Server::start().await;
    let root = tempfile::tempdir().unwrap();
    write_adapter(root.path(), 4, 1);
    server.administer(LOAD, &json!({ "lora_name": "a", "lora_path": root.path() })).await;
    let text = "def solve(xs: list[int]) -> int:";
    let mut served = Vec::new();
    for model in ["a", "tiny"] {
        let body = json!({ "model": model, "prompt": text, "max_tokens": 0, "echo": true, "logprobs": 0 });
        let values = server.complete(body).await["choices"][0]["logprobs"]["token_logprobs"].clone();
        served.push(values.as_array().unwrap()[1..].iter().map(|v| v.as_f64().unwrap()).collect::<Vec<f64>>());
    }
    let scored = |weights| testing::log_probs(&tokenizer().encode(text).unwrap(), weights);
    let (adapter, base) = (scored(Some(&testing::adapter(4, 1))), scored(None));
    let proof = Proof { entries: vec![ProofEntry { text: text.to_owned(), adapter, base }] };
    assert_eq!(proof.check(&served[..1], 1e-4), Ok(()));
    assert!(matches!(proof.check(&served[1..], 1e-3), Err(ProofError::Differs { .. })));
}
