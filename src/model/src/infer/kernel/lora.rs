//! Adapters of the CPU runner.

use super::matmul::{Columns, PackedMatrix, Write};
use super::weights::floats;
use crate::backend::Compute;
use crate::config::ModelConfig;
use crate::infer::runner::RunnerError;
use crate::lora::{LoraLayer, LoraWeights, Projection};

/// Places in a block at which an adapter adds to a fused product: projections that read the same input.
pub(super) const SITES: [&[Projection]; 4] = [
    &[Projection::Q, Projection::K, Projection::V],
    &[Projection::O],
    &[Projection::Gate, Projection::Up],
    &[Projection::Down],
];

/// An adapter, packed: for each block, one entry for each of [`SITES`].
#[derive(Debug)]
pub struct KernelAdapter {
    layers: Vec<[Option<SiteDelta>; 4]>,
}

/// `y += x·A·B·scale` for the projections of one site.
#[derive(Debug)]
struct SiteDelta {
    /// The A of all projections side by side: `[in, Σ rank]`.
    down: PackedMatrix,
    /// The B of each, with the scale in it.
    ups: Vec<Up>,
}

#[derive(Debug)]
struct Up {
    matrix: PackedMatrix,
    /// Where its A's columns begin in the low-rank activations.
    low: usize,
    /// Where its columns begin in the fused output.
    out: usize,
}

impl KernelAdapter {
    pub(super) fn pack(weights: &LoraWeights<Compute>, config: &ModelConfig) -> Result<Self, RunnerError> {
        let pack = |layer: &LoraLayer<Compute>| -> Result<[Option<SiteDelta>; 4], RunnerError> {
            let [a, b, c, d] = SITES.map(|site| SiteDelta::pack(site, layer, weights.scale as f32, config));
            Ok([a?, b?, c?, d?])
        };
        Ok(Self { layers: weights.layers.iter().map(pack).collect::<Result<_, _>>()? })
    }

    /// Adds the delta of `site` in block `layer` to `rows` rows of `y`, which are `stride` apart.
    pub(super) fn apply(
        &self,
        (layer, site): (usize, usize),
        rows: usize,
        x: &[f32],
        (y, stride): (&mut [f32], usize),
        low: &mut Vec<f32>,
    ) {
        let Some(delta) = self.layers.get(layer).and_then(|sites| sites[site].as_ref()) else { return };
        let rank = delta.down.outputs();
        low.resize(rows * rank, 0.0);
        let low_columns = Columns::whole(rank);
        delta.down.multiply(rows, (x, Columns::whole(x.len() / rows)), (low, low_columns), Write::Replace);
        for up in &delta.ups {
            let from = Columns { stride: rank, offset: up.low };
            up.matrix.multiply(rows, (low, from), (y, Columns { stride, offset: up.out }), Write::Add);
        }
    }
}

impl SiteDelta {
    fn pack(
        site: &[Projection],
        layer: &LoraLayer<Compute>,
        scale: f32,
        config: &ModelConfig,
    ) -> Result<Option<Self>, RunnerError> {
        let (mut columns, mut ups, mut out) = (Vec::new(), Vec::new(), 0);
        for projection in site {
            let (inputs, outputs) = projection.shape(config);
            if let Some(pair) = layer.get(*projection) {
                let (a, b) = (floats(&pair.a)?, floats(&pair.b)?);
                let rank = a.len() / inputs;
                let matrix = PackedMatrix::pack(outputs, rank, |o, r| b[r * outputs + o] * scale);
                ups.push(Up { matrix, low: columns.len(), out });
                columns.extend((0..rank).map(|r| (0..inputs).map(|i| a[i * rank + r]).collect::<Vec<f32>>()));
            }
            out += outputs;
        }
        let Some(inputs) = columns.first().map(Vec::len) else { return Ok(None) };
        Ok(Some(Self { down: PackedMatrix::pack(columns.len(), inputs, |r, i| columns[r][i]), ups }))
    }
}
