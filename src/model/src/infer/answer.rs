//! One sample while it grows: from logits to text, until it ends.

use serde::Serialize;

use super::sampling::{Sampler, Sampling, TokenScore, score};
use super::text::AnswerText;
use super::vocabulary::Vocabulary;

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// The model's end token, or a stop string.
    Stop,
    /// `max_tokens`.
    Length,
}

/// One sample of a request.
#[derive(Debug)]
pub struct Answer {
    sampler: Sampler,
    text: AnswerText,
    scores: Vec<TokenScore>,
    /// Tokens generated so far, the end token included.
    pub tokens: usize,
    /// The newest token.
    pub last: u32,
}

impl Answer {
    /// Sample `index` of a request.
    pub fn new(sampling: &Sampling, index: usize) -> Self {
        Self {
            sampler: Sampler::new(sampling, index),
            text: AnswerText::default(),
            scores: Vec::new(),
            tokens: 0,
            last: 0,
        }
    }

    /// Takes the next token from `logits`. `end` are the tokens that end an answer; `work` is working space.
    pub fn advance(
        &mut self,
        logits: &[f32],
        sampling: &Sampling,
        (end, vocabulary): (&[u32], &Vocabulary),
        work: &mut Vec<f32>,
    ) -> Option<FinishReason> {
        self.last = self.sampler.sample(logits, work);
        self.tokens += 1;
        if let Some(top) = sampling.scores {
            self.scores.push(score(logits, self.last, top));
        }
        let ended = !sampling.ignore_eos && end.contains(&self.last);
        if ended || self.text.push(vocabulary.bytes(self.last), &sampling.stop) {
            Some(FinishReason::Stop)
        } else {
            (self.tokens >= sampling.max_tokens).then_some(FinishReason::Length)
        }
    }

    /// Text and scores that can be handed out before the answer is complete.
    pub fn settled(&mut self, sampling: &Sampling) -> (String, Vec<TokenScore>) {
        (self.text.settled(&sampling.stop), std::mem::take(&mut self.scores))
    }

    /// Text and scores that were not handed out.
    pub fn rest(&mut self) -> (String, Vec<TokenScore>) {
        (self.text.rest(), std::mem::take(&mut self.scores))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenizer::Tokenizer;

    fn greedy(max_tokens: usize, stop: &[&str]) -> Sampling {
        let stop = stop.iter().map(|stop| (*stop).to_owned()).collect();
        Sampling { temperature: 0.0, top_p: 1.0, seed: 0, max_tokens, stop, ignore_eos: false, scores: Some(0) }
    }

    /// Answers with exactly these tokens.
    fn run(text: &str, then_end: bool, sampling: &Sampling) -> (String, usize, Option<FinishReason>) {
        let tokenizer = Tokenizer::train(std::iter::repeat_n("abc abd".to_owned(), 9), 270).unwrap();
        let vocabulary = Vocabulary::new(&tokenizer, 270);
        let mut tokens = tokenizer.encode_continuation(text).unwrap();
        tokens.extend(then_end.then_some(2));
        let mut answer = Answer::new(sampling, 0);
        for token in tokens {
            let mut logits = vec![0.0; 270];
            logits[token as usize] = 1.0;
            let reason = answer.advance(&logits, sampling, (&[2], &vocabulary), &mut Vec::new());
            if reason.is_some() {
                return (answer.rest().0, answer.tokens, reason);
            }
        }
        (answer.rest().0, answer.tokens, None)
    }

    #[test]
    fn the_end_token_ends_the_answer_and_is_not_in_its_text() {
        let (text, tokens, reason) = run("zyx", true, &greedy(9, &[]));
        assert_eq!((text.as_str(), tokens, reason), ("zyx", 4, Some(FinishReason::Stop)));
    }

    #[test]
    fn ignoring_the_end_token_goes_on_to_the_limit() {
        let sampling = Sampling { ignore_eos: true, ..greedy(4, &[]) };
        assert_eq!(run("zyx", true, &sampling), ("zyx".to_owned(), 4, Some(FinishReason::Length)));
    }

    #[test]
    fn the_limit_and_stop_strings_end_it_too() {
        assert_eq!(run("zyxw", false, &greedy(2, &[])), ("zy".to_owned(), 2, Some(FinishReason::Length)));
        assert_eq!(run("zyxw", false, &greedy(9, &["yx"])), ("z".to_owned(), 3, Some(FinishReason::Stop)));
    }
}
