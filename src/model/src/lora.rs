//! Low-rank adaptation (Hu et al. 2021): `y = x·W + s·(x·A)·B` with W frozen.
//!
//! The dense `W + s·A·B` is never formed while training: neither it nor its gradient would fit where the
//! low-rank pair does.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::config::ModelConfig;

/// A linear layer of a block that an adapter can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Projection {
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
    /// Output of the attention.
    O,
    /// Gate of the feed-forward network.
    Gate,
    /// The half that is gated.
    Up,
    /// Output of the feed-forward network.
    Down,
}

impl Projection {
    /// All seven, in the order in which a block applies them.
    pub const ALL: [Self; 7] = [Self::Q, Self::K, Self::V, Self::O, Self::Gate, Self::Up, Self::Down];

    /// Name as `target_modules` lists it: `q_proj`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
            Self::Gate => "gate_proj",
            Self::Up => "up_proj",
            Self::Down => "down_proj",
        }
    }

    /// Path inside a block: `self_attn.q_proj`.
    pub fn path(self) -> String {
        let module = match self {
            Self::Q | Self::K | Self::V | Self::O => "self_attn",
            Self::Gate | Self::Up | Self::Down => "mlp",
        };
        format!("{module}.{}", self.name())
    }

    /// The projection called `name` in `target_modules`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|projection| projection.name() == name)
    }

    /// (inputs, outputs) of the layer.
    pub fn shape(self, config: &ModelConfig) -> (usize, usize) {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        match self {
            Self::Q => (hidden, config.heads * config.head_dim),
            Self::K | Self::V => (hidden, config.kv_heads * config.head_dim),
            Self::O => (config.heads * config.head_dim, hidden),
            Self::Gate | Self::Up => (hidden, inner),
            Self::Down => (inner, hidden),
        }
    }
}

/// The two factors for one layer.
#[derive(Clone, Debug)]
pub struct LoraPair<B: Backend> {
    /// `[in, rank]`.
    pub a: Tensor<B, 2>,
    /// `[rank, out]`.
    pub b: Tensor<B, 2>,
}

/// The pairs of one block; `None` where the adapter leaves a layer alone.
#[derive(Clone, Debug)]
pub struct LoraLayer<B: Backend> {
    /// Indexed by the position in [`Projection::ALL`].
    pub pairs: [Option<LoraPair<B>>; 7],
}

impl<B: Backend> LoraLayer<B> {
    /// The pair for `projection`.
    pub fn get(&self, projection: Projection) -> Option<&LoraPair<B>> {
        self.pairs[projection as usize].as_ref()
    }
}

/// An adapter as tensors.
#[derive(Clone, Debug)]
pub struct LoraWeights<B: Backend> {
    /// `alpha / rank`, by which the product is multiplied.
    pub scale: f64,
    /// One entry for each block.
    pub layers: Vec<LoraLayer<B>>,
}

impl<B: Backend> LoraWeights<B> {
    /// The same pairs with every tensor passed through `change`.
    pub fn map<B2: Backend>(&self, mut change: impl FnMut(&Tensor<B, 2>) -> Tensor<B2, 2>) -> LoraWeights<B2> {
        let layers = self.layers.iter().map(|layer| LoraLayer {
            pairs: layer.pairs.each_ref().map(|pair| {
                pair.as_ref().map(|LoraPair { a, b }| {
                    let a = change(a);
                    LoraPair { a, b: change(b) }
                })
            }),
        });
        LoraWeights { scale: self.scale, layers: layers.collect() }
    }

    /// Every tensor, A before B, in the order of blocks and of [`Projection::ALL`].
    pub fn tensors(&self) -> impl Iterator<Item = &Tensor<B, 2>> {
        self.layers.iter().flat_map(|layer| layer.pairs.iter().flatten()).flat_map(|pair| [&pair.a, &pair.b])
    }

    /// As [`Self::tensors`], to be changed.
    pub fn tensors_mut(&mut self) -> impl Iterator<Item = &mut Tensor<B, 2>> {
        self.layers
            .iter_mut()
            .flat_map(|layer| layer.pairs.iter_mut().flatten())
            .flat_map(|pair| [&mut pair.a, &mut pair.b])
    }
}

/// `x·W`, plus `scale·(x·A)·B` where there is a pair; x `[N, in]`, result `[N, out]`.
pub fn linear<B: Backend>(
    x: Tensor<B, 2>,
    weight: &Tensor<B, 2>,
    pair: Option<&LoraPair<B>>,
    scale: f64,
) -> Tensor<B, 2> {
    match pair {
        None => x.matmul(weight.clone()),
        Some(LoraPair { a, b }) => {
            // Scaling the [N, rank] factor costs least.
            let low_rank = x.clone().matmul(a.clone()) * scale;
            x.matmul(weight.clone()) + low_rank.matmul(b.clone())
        }
    }
}
