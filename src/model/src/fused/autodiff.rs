//! The fused operations as single nodes of burn's autodiff graph.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::backend::BackendTypes;
use burn::tensor::{Int, Tensor, TensorPrimitive};

use super::loss::Wanted;
use super::{FusedOps, attention, loss};

type Tracked<B> = <Autodiff<B> as BackendTypes>::FloatTensorPrimitive;

/// The graph's view of a tensor.
fn tracked<B: FusedOps, const D: usize>(tensor: Tensor<Autodiff<B>, D>) -> Tracked<B> {
    tensor.into_primitive().tensor()
}

fn wrap<B: FusedOps, const D: usize>(tensor: Tracked<B>) -> Tensor<Autodiff<B>, D> {
    Tensor::from_primitive(TensorPrimitive::Float(tensor))
}

/// The numbers of a tensor, off the graph.
fn plain<B: FusedOps, const D: usize>(tensor: &Tracked<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(tensor.primitive.clone()))
}

fn primitive<B: FusedOps, const D: usize>(tensor: Tensor<B, D>) -> B::FloatTensorPrimitive {
    tensor.into_primitive().tensor()
}

/// Gives each tracked parent its gradient, where there is one.
macro_rules! register {
    ($backend:ty, $ops:expr, $grads:expr, [$($gradient:expr),+]) => {{
        let mut parents = $ops.parents.into_iter();
        $(
            if let (Some(Some(parent)), Some(gradient)) = (parents.next(), $gradient) {
                $grads.register::<$backend>(parent.id, primitive(gradient));
            }
        )+
    }};
}

/// One operation on the graph: `$name` is computed by `$output` and differentiated from `$state`.
macro_rules! node {
    ($name:ident, $parents:expr, $output:expr, $state:expr) => {
        match $name.prepare::<NoCheckpointing>($parents).compute_bound().stateful() {
            OpsKind::Tracked(operation) => wrap(operation.finish($state, primitive($output))),
            OpsKind::UnTracked(operation) => wrap(operation.finish(primitive($output))),
        }
    };
}

#[derive(Debug)]
struct RmsNorm;

impl<B: FusedOps> Backward<B, 2> for RmsNorm {
    type State = (Tensor<B, 2>, Tensor<B, 1>, f64);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = Tensor::from_primitive(TensorPrimitive::Float(grads.consume::<B>(&ops.node)));
        let (x, weight, epsilon) = ops.state;
        let (by_x, by_weight) = B::rms_norm_backward(x, weight, epsilon, grad, ops.parents[1].is_some());
        register!(B, ops, grads, [Some(by_x), by_weight]);
    }
}

#[derive(Debug)]
struct NormRotate;

impl<B: FusedOps> Backward<B, 2> for NormRotate {
    type State = (Tensor<B, 4>, Tensor<B, 1>, f64, (Tensor<B, 2>, Tensor<B, 2>));

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = Tensor::from_primitive(TensorPrimitive::Float(grads.consume::<B>(&ops.node)));
        let (x, weight, epsilon, rope) = ops.state;
        let (by_x, by_weight) = B::norm_rotate_backward(x, weight, epsilon, rope, grad, ops.parents[1].is_some());
        register!(B, ops, grads, [Some(by_x), by_weight]);
    }
}

#[derive(Debug)]
struct Attention;

impl<B: FusedOps> Backward<B, 3> for Attention {
    type State = ([Tensor<B, 4>; 3], Tensor<B, 5>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = Tensor::from_primitive(TensorPrimitive::Float(grads.consume::<B>(&ops.node)));
        let ([q, k, v], probabilities) = ops.state;
        let [by_q, by_k, by_v] = attention::backward(q, k, v, probabilities, grad);
        register!(B, ops, grads, [Some(by_q), Some(by_k), Some(by_v)]);
    }
}

#[derive(Debug)]
struct SwiGlu;

impl<B: FusedOps> Backward<B, 2> for SwiGlu {
    type State = (Tensor<B, 2>, Tensor<B, 2>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = Tensor::from_primitive(TensorPrimitive::Float(grads.consume::<B>(&ops.node)));
        let (gate, up) = ops.state;
        let (by_gate, by_up) = B::swiglu_backward(gate, up, grad);
        register!(B, ops, grads, [Some(by_gate), Some(by_up)]);
    }
}

#[derive(Debug)]
struct CrossEntropy;

impl<B: FusedOps> Backward<B, 2> for CrossEntropy {
    type State = (Option<Tensor<B, 2>>, Option<Tensor<B, 2>>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let upstream: Tensor<B, 1> = Tensor::from_primitive(TensorPrimitive::Float(grads.consume::<B>(&ops.node)));
        let upstream: Tensor<B, 2> = upstream.unsqueeze();
        let (by_hidden, by_embedding) = ops.state;
        for (parent, gradient) in ops.parents.into_iter().zip([by_hidden, by_embedding]) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<B>(parent.id, primitive(gradient * upstream.clone()));
            }
        }
    }
}

impl<B: FusedOps> FusedOps for Autodiff<B> {
    fn rms_norm(x: Tensor<Self, 2>, weight: Tensor<Self, 1>, epsilon: f64) -> Tensor<Self, 2> {
        let (x, weight) = (tracked::<B, 2>(x), tracked::<B, 1>(weight));
        let (px, pw) = (plain::<B, 2>(&x), plain::<B, 1>(&weight));
        let output = B::rms_norm(px.clone(), pw.clone(), epsilon);
        node!(RmsNorm, [x.node, weight.node], output, (px, pw, epsilon))
    }

    fn norm_rotate(
        x: Tensor<Self, 4>,
        weight: Tensor<Self, 1>,
        epsilon: f64,
        cos: Tensor<Self, 2>,
        sin: Tensor<Self, 2>,
    ) -> Tensor<Self, 4> {
        let (cos, sin) = (cos.inner(), sin.inner());
        let (x, weight) = (tracked::<B, 4>(x), tracked::<B, 1>(weight));
        let (px, pw) = (plain::<B, 4>(&x), plain::<B, 1>(&weight));
        let output = B::norm_rotate(px.clone(), pw.clone(), epsilon, cos.clone(), sin.clone());
        node!(NormRotate, [x.node, weight.node], output, (px, pw, epsilon, (cos, sin)))
    }

    fn causal_attention(q: Tensor<Self, 4>, k: Tensor<Self, 4>, v: Tensor<Self, 4>) -> Tensor<Self, 2> {
        let [q, k, v] = [q, k, v].map(tracked::<B, 4>);
        let inputs = [&q, &k, &v].map(plain::<B, 4>);
        let [pq, pk, pv] = inputs.clone();
        let (output, probabilities) = attention::forward(pq, pk, pv);
        node!(Attention, [q.node, k.node, v.node], output, (inputs, probabilities))
    }

    fn swiglu(gate: Tensor<Self, 2>, up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let (gate, up) = (tracked::<B, 2>(gate), tracked::<B, 2>(up));
        let (pg, pu) = (plain::<B, 2>(&gate), plain::<B, 2>(&up));
        let output = B::swiglu(pg.clone(), pu.clone());
        node!(SwiGlu, [gate.node, up.node], output, (pg, pu))
    }

    fn cross_entropy(
        hidden: Tensor<Self, 2>,
        embedding: Tensor<Self, 2>,
        targets: Tensor<Self, 1, Int>,
        weights: Tensor<Self, 1>,
    ) -> Tensor<Self, 1> {
        let (targets, weights) = (targets.inner(), weights.inner());
        let (hidden, embedding) = (tracked::<B, 2>(hidden), tracked::<B, 2>(embedding));
        let wanted = Wanted { hidden: hidden.is_tracked(), embedding: embedding.is_tracked() };
        let loss = loss::forward(&plain::<B, 2>(&hidden), &plain::<B, 2>(&embedding), &targets, weights, wanted);
        let state = (loss.by_hidden, loss.by_embedding);
        node!(CrossEntropy, [hidden.node, embedding.node], loss.value, state)
    }
}
