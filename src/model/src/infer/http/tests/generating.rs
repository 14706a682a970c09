use super::*;
use crate::infer::testing::gated_engine;

#[tokio::test]
async fn a_completion_has_openais_shape() {
    let server = Server::start().await;
    let body = json!({ "model": "tiny", "prompt": ["def solve", "sum"], "n": 2, "max_tokens": 6, "seed": 3 });
    let answer = server.complete(body.clone()).await;
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["model"], "tiny");
    assert!(answer["id"].as_str().unwrap().starts_with("cmpl-"));
    let choices = answer["choices"].as_array().unwrap();
    assert_eq!(choices.iter().map(|choice| choice["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    let encoded = ["def solve", "sum"].map(|text| tokenizer().encode(text).unwrap().len());
    assert_eq!(answer["usage"]["prompt_tokens"], encoded.iter().sum::<usize>());
    assert_eq!(server.complete(body).await["choices"], answer["choices"], "a seed repeats its answers");
}

#[tokio::test]
async fn prompts_without_a_seed_draw_their_own() {
    let server = Server::start().await;
    let body = json!({
        "prompt": ["def solve", "def solve"], "max_tokens": 40, "temperature": 1.5, "ignore_eos": true
    });
    let answer = server.complete(body).await;
    assert_ne!(answer["choices"][0]["text"], answer["choices"][1]["text"]);
}

#[tokio::test]
async fn echo_without_new_tokens_scores_the_prompt() {
    let server = Server::start().await;
    let text = "def solve(xs):";
    let body = json!({ "prompt": text, "max_tokens": 0, "echo": true, "logprobs": 1 });
    let choice = server.complete(body).await["choices"][0].clone();
    assert_eq!(choice["text"], text);
    assert_eq!(choice["finish_reason"], "length");
    let tokens = tokenizer().encode(text).unwrap();
    let logprobs = &choice["logprobs"];
    let values = logprobs["token_logprobs"].as_array().unwrap();
    assert_eq!(values.len(), tokens.len());
    assert!(values[0].is_null() && values[1..].iter().all(|value| value.as_f64().unwrap() < 0.0));
    assert!(logprobs["top_logprobs"][0].is_null() && logprobs["top_logprobs"][1].as_object().unwrap().len() <= 2);
    let joined: String = logprobs["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap()).collect();
    assert_eq!(joined, text);
    assert_eq!(logprobs["text_offset"][2], logprobs["tokens"][1].as_str().unwrap().len());
}

#[tokio::test]
async fn prompts_may_be_tokens() {
    let server = Server::start().await;
    let tokens = tokenizer().encode("def solve").unwrap();
    let by_text = server.complete(json!({ "prompt": "def solve", "max_tokens": 8, "temperature": 0 })).await;
    let by_tokens = server.complete(json!({ "prompt": tokens, "max_tokens": 8, "temperature": 0, "echo": true })).await;
    let text = by_tokens["choices"][0]["text"].as_str().unwrap();
    assert_eq!(text.strip_prefix("def solve"), by_text["choices"][0]["text"].as_str());
}

#[tokio::test]
async fn a_stream_carries_the_same_text_and_scores_as_the_whole() {
    let server = Server::start().await;
    let mut body = json!({
        "prompt": "def solve", "n": 3, "max_tokens": 40, "seed": 5, "temperature": 1.5, "logprobs": 0, "echo": true,
        "ignore_eos": true
    });
    let whole = server.complete(body.clone()).await;
    body["stream"] = true.into();
    body["stream_options"] = json!({ "include_usage": true });
    let chunks = server.stream("/v1/completions", &body).await;
    for index in 0..3 {
        let own = chunks.iter().filter_map(|chunk| chunk["choices"].get(0)).filter(|choice| choice["index"] == index);
        let own: Vec<&Value> = own.collect();
        let text: String = own.iter().map(|choice| choice["text"].as_str().unwrap()).collect();
        let want = &whole["choices"][index];
        assert_eq!(text, want["text"].as_str().unwrap());
        for field in ["token_logprobs", "text_offset", "tokens"] {
            let parts = own.iter().flat_map(|choice| choice["logprobs"][field].as_array().unwrap().clone());
            assert_eq!(Value::from(parts.collect::<Vec<_>>()), want["logprobs"][field], "{field}");
        }
        assert_eq!(own.last().unwrap()["finish_reason"], want["finish_reason"]);
        assert!(own.len() > 5, "pieces arrive one by one");
    }
    assert_eq!(chunks.last().unwrap()["usage"], whole["usage"]);
}

#[tokio::test]
async fn stop_strings_end_the_text_in_whole_and_stream() {
    let server = Server::start().await;
    let mut body = json!({ "prompt": "def", "max_tokens": 60, "seed": 8, "ignore_eos": true });
    let free = server.complete(body.clone()).await["choices"][0]["text"].as_str().unwrap().to_owned();
    let characters: Vec<char> = free.chars().collect();
    let ascii = characters.windows(3).skip(3).find(|window| window.iter().all(char::is_ascii_graphic));
    let middle = String::from_iter(ascii.unwrap());
    let want = free.split(&middle).next().unwrap().to_owned();
    body["stop"] = json!([middle, "never in the text"]);
    let choice = server.complete(body.clone()).await["choices"][0].clone();
    assert_eq!((choice["text"].as_str(), choice["finish_reason"].as_str()), (Some(want.as_str()), Some("stop")));
    body["stream"] = true.into();
    let chunks = server.stream("/v1/completions", &body).await;
    let text: String = chunks.iter().map(|chunk| chunk["choices"][0]["text"].as_str().unwrap()).collect();
    assert_eq!(text, want);
}

#[tokio::test]
async fn chat_completes_the_last_user_message() {
    let server = Server::start().await;
    let messages = json!([{ "role": "system", "content": "ignored" }, { "role": "user", "content": "def solve" }]);
    let mut body =
        json!({ "model": "tiny", "messages": messages, "max_tokens": 12, "temperature": 0, "logprobs": true });
    let (status, chat) = server.post("/v1/chat/completions", &body).await;
    assert_eq!(status, StatusCode::OK, "{chat}");
    let completion = server.complete(json!({ "prompt": "def solve", "max_tokens": 12, "temperature": 0 })).await;
    let text = &chat["choices"][0]["message"]["content"];
    assert_eq!((text, &chat["usage"]), (&completion["choices"][0]["text"], &completion["usage"]));
    assert!(chat["choices"][0]["logprobs"]["content"][0]["logprob"].as_f64().unwrap() < 0.0);
    body["stream"] = true.into();
    let chunks = server.stream("/v1/chat/completions", &body).await;
    assert_eq!(chunks[0]["object"], "chat.completion.chunk");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let streamed: String = chunks.iter().map(|c| c["choices"][0]["delta"]["content"].as_str().unwrap()).collect();
    assert_eq!(streamed, text.as_str().unwrap());
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_its_place() {
    let (engine, gate) = gated_engine(Limits { sequences: 1, prompt_tokens: 64 }, 100);
    let server = Server::of(engine).await;
    // With scores, every token is sent at once, whether or not it completes a character.
    let mut body = json!({ "prompt": "def solve", "max_tokens": 80, "ignore_eos": true, "stream": true });
    body["logprobs"] = 0.into();
    let url = format!("{}/v1/completions", server.public);
    // The step that computes the prompt; without further ones the answer cannot end.
    gate.send(()).unwrap();
    let mut response = server.client.post(url).json(&body).send().await.unwrap();
    response.chunk().await.unwrap().unwrap();
    drop(response);
    let aborted = "vllm:request_success_total{model_name=\"tiny\",finished_reason=\"abort\"} 1";
    for _ in 0..70 {
        // The step that waits at the gate has to end before the engine looks for those that hung up.
        gate.send(()).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if server.get("/metrics").await.1.contains(aborted) {
            break;
        }
    }
    assert!(server.get("/metrics").await.1.contains(aborted));
    drop(gate);
    server.complete(json!({ "prompt": "def", "max_tokens": 2 })).await;
}
