//! One tenant's vectors with the HNSW graph that searches them.

use std::collections::HashMap;

use hnsw_rs::prelude::{DistCosine, Hnsw};

use crate::embedding::cosine;

/// Links of a point in the graph, the width of the search while it is built and while it is asked: the usual
/// choices for some ten thousand points.
const LINKS: usize = 16;
const BUILD_WIDTH: usize = 200;
const SEARCH_WIDTH: usize = 64;
/// Layers, and a hint for the first allocation.
const LAYERS: usize = 16;
const EXPECTED_POINTS: usize = 1_024;

/// Patterns of one tenant by the vector of their prompt.
pub(super) struct TenantIndex {
    graph: Hnsw<'static, f32, DistCosine>,
    /// Point to pattern; `None` where the pattern has moved or is gone, for the graph cannot forget a point.
    points: Vec<Option<String>>,
    /// Pattern to point and vector. A zero vector, of a prompt without words, has no point: it would be at distance 0
    /// from everything.
    patterns: HashMap<String, (Option<usize>, Vec<f32>)>,
}

impl Default for TenantIndex {
    fn default() -> Self {
        Self { graph: empty_graph(), points: Vec::new(), patterns: HashMap::new() }
    }
}

fn empty_graph() -> Hnsw<'static, f32, DistCosine> {
    Hnsw::new(LINKS, EXPECTED_POINTS, LAYERS, BUILD_WIDTH, DistCosine)
}

/// The nearest first; at equal similarity in the order of names.
fn first(mut matches: Vec<super::Match>, wanted: usize) -> Vec<super::Match> {
    matches.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then_with(|| a.pattern.cmp(&b.pattern)));
    matches.truncate(wanted);
    matches
}

fn is_zero(vector: &[f32]) -> bool {
    vector.iter().all(|x| *x == 0.0)
}

impl TenantIndex {
    /// Adds a pattern or moves it. The same vector again changes nothing.
    pub(super) fn put(&mut self, pattern: &str, vector: Vec<f32>) {
        if self.patterns.get(pattern).is_some_and(|(_, known)| *known == vector) {
            return;
        }
        self.remove(pattern);
        let point = (!is_zero(&vector)).then_some(self.points.len());
        if let Some(point) = point {
            self.graph.insert_slice((&vector, point));
            self.points.push(Some(pattern.to_owned()));
        }
        self.patterns.insert(pattern.to_owned(), (point, vector));
    }

    /// Takes a pattern out of the search.
    pub(super) fn remove(&mut self, pattern: &str) {
        if let Some((Some(point), _)) = self.patterns.remove(pattern)
            && let Some(slot) = self.points.get_mut(point)
        {
            *slot = None;
        }
        if self.points.len() > 2 * self.patterns.len() + SEARCH_WIDTH {
            self.compact();
        }
    }

    /// Builds the graph without the points that nothing refers to.
    fn compact(&mut self) {
        let patterns = std::mem::take(self).patterns;
        for (pattern, (_, vector)) in patterns {
            self.put(&pattern, vector);
        }
    }

    /// The nearest patterns that are accepted, the nearest first; at equal similarity in the order of names.
    pub(super) fn nearest(
        &self,
        vector: &[f32],
        wanted: usize,
        accept: &(dyn Fn(&str) -> bool + Sync),
    ) -> Vec<super::Match> {
        if self.points.is_empty() || is_zero(vector) {
            return Vec::new();
        }
        let mut asked = SEARCH_WIDTH.max(2 * wanted);
        while asked < self.points.len() {
            let found = self.graph.search(vector, asked, asked.max(SEARCH_WIDTH));
            let matches = found.iter().filter_map(|near| {
                let pattern = self.points.get(near.d_id)?.as_ref()?;
                accept(pattern).then(|| super::Match { pattern: pattern.clone(), similarity: 1.0 - near.distance })
            });
            let matches: Vec<super::Match> = matches.collect();
            if matches.len() >= wanted {
                return first(matches, wanted);
            }
            asked *= 4;
        }
        first(self.all(vector, accept), wanted)
    }

    /// Every accepted pattern, compared one by one. A search as wide as the graph costs no less, and may miss what stands
    /// apart: a crowd of near points links within itself first.
    fn all(&self, vector: &[f32], accept: &(dyn Fn(&str) -> bool + Sync)) -> Vec<super::Match> {
        let searched = self.patterns.iter().filter(|(pattern, (point, _))| point.is_some() && accept(pattern));
        searched
            .map(|(pattern, (_, known))| super::Match { pattern: pattern.clone(), similarity: cosine(vector, known) })
            .collect()
    }

    /// Patterns that can be found.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::lexical;

    fn filled(count: usize) -> (TenantIndex, Vec<Vec<f32>>) {
        let mut index = TenantIndex::default();
        let vectors: Vec<_> = (0..count).map(|i| lexical(&format!("alpha{} beta{} gamma{i}", i % 7, i % 13))).collect();
        for (i, vector) in vectors.iter().enumerate() {
            index.put(&format!("p{i}"), vector.clone());
        }
        (index, vectors)
    }

    #[test]
    fn finds_what_an_exhaustive_search_finds() {
        let (index, vectors) = filled(400);
        let mut found = 0;
        for i in (0..400).step_by(20) {
            let best = index.nearest(&vectors[i], 3, &|_| true);
            let mut exact: Vec<f32> = vectors.iter().map(|v| cosine(v, &vectors[i])).collect();
            exact.sort_by(|a, b| b.total_cmp(a));
            found += usize::from((best[2].similarity - exact[2]).abs() < 1e-3);
        }
        assert!(found >= 19, "{found} of 20");
    }

    #[test]
    fn removed_and_moved_patterns_are_not_found_where_they_were() {
        let (mut index, vectors) = filled(300);
        for i in 1..300 {
            index.remove(&format!("p{i}"));
        }
        assert!(index.points.len() < 200, "compacted: {}", index.points.len());
        assert_eq!(
            index.nearest(&vectors[5], 3, &|_| true).iter().map(|m| m.pattern.as_str()).collect::<Vec<_>>(),
            ["p0"]
        );
        index.put("p0", lexical("something else"));
        assert!(index.nearest(&vectors[0], 1, &|_| true)[0].similarity < 0.9);
    }

    #[test]
    fn a_filter_that_refuses_the_nearest_still_finds_the_rest() {
        let (index, vectors) = filled(500);
        let rare = |pattern: &str| pattern == "p499";
        assert_eq!(index.nearest(&vectors[0], 1, &rare).len(), 1);
    }

    #[test]
    fn the_zero_vector_matches_nothing() {
        let (mut index, vectors) = filled(3);
        index.put("empty", vec![0.0; 256]);
        assert!(index.nearest(&[0.0; 256], 3, &|_| true).is_empty());
        assert!(index.nearest(&vectors[0], 9, &|_| true).iter().all(|m| m.pattern != "empty"));
    }
}
