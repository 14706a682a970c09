//! Log-probabilities in the two shapes that OpenAI has for them.

use serde_json::{Map, Value, json};

use crate::infer::sampling::TokenScore;
use crate::infer::vocabulary::Vocabulary;

/// `logprobs` of `/v1/completions`. The first token of a prompt has no log-probability: `null`.
///
/// `offset` is the number of characters before the first token; it is advanced past the last.
pub(super) fn of_completion(
    first: Option<u32>,
    scores: &[TokenScore],
    vocabulary: &Vocabulary,
    offset: &mut usize,
) -> Value {
    let texts: Vec<String> =
        first.into_iter().chain(scores.iter().map(|score| score.token)).map(|token| vocabulary.text(token)).collect();
    let unscored = first.map(|_| Value::Null);
    let log_probs: Vec<Value> = unscored.clone().into_iter().chain(scores.iter().map(|s| json!(s.log_prob))).collect();
    let top: Vec<Value> = unscored.into_iter().chain(scores.iter().map(|s| alternatives(s, vocabulary))).collect();
    let offsets: Vec<usize> = texts
        .iter()
        .map(|text| {
            let start = *offset;
            *offset += text.chars().count();
            start
        })
        .collect();
    json!({ "tokens": texts, "token_logprobs": log_probs, "top_logprobs": top, "text_offset": offsets })
}

/// The most probable tokens and the chosen one, by their text.
fn alternatives(score: &TokenScore, vocabulary: &Vocabulary) -> Value {
    let mut map = Map::new();
    for (token, log_prob) in score.top.iter().copied().chain([(score.token, score.log_prob)]) {
        map.entry(vocabulary.text(token)).or_insert_with(|| json!(log_prob));
    }
    Value::Object(map)
}

/// `logprobs` of `/v1/chat/completions`.
pub(super) fn of_chat(scores: &[TokenScore], vocabulary: &Vocabulary) -> Value {
    let entry = |token: u32, log_prob: f32| json!({ "token": vocabulary.text(token), "logprob": log_prob, "bytes": vocabulary.bytes(token) });
    let content = scores.iter().map(|score| {
        let mut value = entry(score.token, score.log_prob);
        let top = score.top.iter().map(|(token, log_prob)| entry(*token, *log_prob));
        value["top_logprobs"] = top.collect::<Vec<_>>().into();
        value
    });
    json!({ "content": content.collect::<Vec<_>>() })
}
