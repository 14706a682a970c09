//! The fused operations on the CPU backend: single passes over rows of 32-bit floats.
//!
//! Rows are dealt to threads in blocks of fixed size, and what is summed over rows is summed block by block in
//! order, so that results do not depend on the number of threads.

use burn::backend::Flex;
use burn::tensor::{Int, Tensor, TensorData, TensorPrimitive};
use burn_flex::FlexTensor;

use super::FusedOps;

mod gate;
mod layout;
mod norm;
mod rows;
mod softmax;

use self::norm::{Heads, Norm};

/// The tensor with its numbers in row-major order in a buffer of its own length.
fn contiguous<const D: usize>(tensor: Tensor<Flex, D>) -> FlexTensor {
    let tensor = tensor.into_primitive().tensor();
    // Copying only where necessary keeps a uniquely owned buffer unique, so that it can be overwritten.
    let exact = tensor.is_contiguous()
        && tensor.layout().start_offset() == 0
        && tensor.bytes().len() == tensor.layout().num_elements() * size_of::<f32>();
    if exact { tensor } else { tensor.to_contiguous() }
}

fn wrap<const D: usize>(tensor: FlexTensor) -> Tensor<Flex, D> {
    Tensor::from_primitive(TensorPrimitive::Float(tensor))
}

fn from_vec<const D: usize>(data: Vec<f32>, shape: [usize; D]) -> Tensor<Flex, D> {
    wrap(FlexTensor::from_data(TensorData::new(data, shape)))
}

/// Targets as indices, whatever integer type the tensor has.
fn indices(tensor: Tensor<Flex, 1, Int>) -> Vec<usize> {
    tensor.into_data().iter::<i64>().map(|index| usize::try_from(index).unwrap_or(usize::MAX)).collect()
}

impl FusedOps for Flex {
    fn rms_norm(x: Tensor<Self, 2>, weight: Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        let shape = x.dims();
        let (x, weight) = (contiguous(x), contiguous(weight));
        let norm = Norm { x: x.storage(), weight: weight.storage(), epsilon: epsilon as f32, rotation: None };
        from_vec(norm.forward(), shape)
    }

    fn norm_rotate(
        x: Tensor<Self, 4>,
        weight: Tensor<Self, 1>,
        epsilon: f64,
        cos: Tensor<Self, 2>,
        sin: Tensor<Self, 2>,
    ) -> Tensor<Self, 4> {
        let shape = x.dims();
        let (x, weight, cos, sin) = (contiguous(x), contiguous(weight), contiguous(cos), contiguous(sin));
        let heads = Heads { count: shape[2], length: shape[1], cos: cos.storage(), sin: sin.storage() };
        let (x, weight) = (x.storage(), weight.storage());
        from_vec(Norm { x, weight, epsilon: epsilon as f32, rotation: Some(&heads) }.forward(), shape)
    }

    fn swiglu(gate: Tensor<Self, 2>, up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let shape = gate.dims();
        let (gate, up) = (contiguous(gate), contiguous(up));
        from_vec(gate::forward(gate.storage(), up.storage()), shape)
    }

    fn rms_norm_backward(
        x: Tensor<Self, 2>,
        weight: Tensor<Self, 1>,
        epsilon: f64,
        grad: Tensor<Self, 2>,
        wanted: bool,
    ) -> (Tensor<Self, 2>, Option<Tensor<Self, 1>>) {
        let (x, weight, mut grad) = (contiguous(x), contiguous(weight), contiguous(grad));
        let (x, weight) = (x.storage(), weight.storage());
        let norm = Norm { x, weight, epsilon: epsilon as f32, rotation: None };
        let by_weight = norm.backward(grad.storage_mut(), wanted);
        (wrap(grad), by_weight.map(|sum| from_vec(sum, [weight.len()])))
    }

    fn norm_rotate_backward(
        x: Tensor<Self, 4>,
        weight: Tensor<Self, 1>,
        epsilon: f64,
        (cos, sin): (Tensor<Self, 2>, Tensor<Self, 2>),
        grad: Tensor<Self, 4>,
        wanted: bool,
    ) -> (Tensor<Self, 4>, Option<Tensor<Self, 1>>) {
        let [_, length, count, _] = x.dims();
        let (x, weight, mut grad) = (contiguous(x), contiguous(weight), contiguous(grad));
        let (cos, sin) = (contiguous(cos), contiguous(sin));
        let heads = Heads { count, length, cos: cos.storage(), sin: sin.storage() };
        let (x, weight) = (x.storage(), weight.storage());
        let norm = Norm { x, weight, epsilon: epsilon as f32, rotation: Some(&heads) };
        let by_weight = norm.backward(grad.storage_mut(), wanted);
        (wrap(grad), by_weight.map(|sum| from_vec(sum, [weight.len()])))
    }

    fn swiglu_backward(
        gate: Tensor<Self, 2>,
        up: Tensor<Self, 2>,
        grad: Tensor<Self, 2>,
    ) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        let (mut gate, up, mut grad) = (contiguous(gate), contiguous(up), contiguous(grad));
        gate::backward(gate.storage_mut(), up.storage(), grad.storage_mut());
        (wrap(gate), wrap(grad))
    }

    fn causal_softmax(scores: Tensor<Self, 5>, scale: f64) -> Tensor<Self, 5> {
        let length = scores.dims()[4];
        let mut scores = contiguous(scores);
        softmax::causal(scores.storage_mut(), length, scale as f32);
        wrap(scores)
    }

    fn causal_softmax_backward(probabilities: Tensor<Self, 5>, grad: Tensor<Self, 5>, scale: f64) -> Tensor<Self, 5> {
        let length = grad.dims()[4];
        let (probabilities, mut grad) = (contiguous(probabilities), contiguous(grad));
        softmax::causal_backward(probabilities.storage(), grad.storage_mut(), length, scale as f32);
        wrap(grad)
    }

    fn by_token(heads: Tensor<Self, 5>) -> Tensor<Self, 5> {
        let [batch, kv_heads, group, length, dim] = heads.dims();
        let heads = contiguous(heads);
        let data = layout::by_token(heads.storage(), kv_heads * group, length, dim);
        from_vec(data, [batch, length, kv_heads, group, dim])
    }

    fn softmax_loss(
        logits: Tensor<Self, 2>,
        targets: Tensor<Self, 1, Int>,
        weights: Tensor<Self, 1>,
    ) -> (Tensor<Self, 1>, Tensor<Self, 2>) {
        let vocab = logits.dims()[1];
        let (mut logits, weights) = (contiguous(logits), contiguous(weights));
        let loss = softmax::loss(logits.storage_mut(), vocab, &indices(targets), weights.storage());
        (from_vec(vec![loss], [1]), wrap(logits))
    }
}
