use burn::backend::Autodiff;
use burn::tensor::TensorData;

use super::*;
use crate::backend::Cpu;
use crate::rope::RopeTable;
use crate::testing::difference;

type Graph = Autodiff<Cpu>;

/// Deterministic numbers in (−1, 1).
fn values<B: Backend, const D: usize>(shape: [usize; D], phase: f32) -> Tensor<B, D> {
    let count = shape.iter().product();
    let data: Vec<f32> = (0..count).map(|i| (i as f32 * 0.731 + phase).sin()).collect();
    Tensor::from_data(TensorData::new(data, shape), &Default::default())
}

fn leaf<const D: usize>(shape: [usize; D], phase: f32) -> Tensor<Graph, D> {
    values(shape, phase).require_grad()
}

/// The value, and the gradients by two leaves, of a sum of `y` weighted so that no gradient cancels.
fn gradients<const D: usize, const E: usize>(
    y: Tensor<Graph, 2>,
    a: &Tensor<Graph, D>,
    b: &Tensor<Graph, E>,
) -> (Tensor<Cpu, 2>, Tensor<Cpu, D>, Tensor<Cpu, E>) {
    let grads = (y.clone() * values(y.dims(), 0.3)).sum().backward();
    (y.inner(), a.grad(&grads).unwrap(), b.grad(&grads).unwrap())
}

fn assert_same<const D: usize, const E: usize>(
    fused: (Tensor<Cpu, 2>, Tensor<Cpu, D>, Tensor<Cpu, E>),
    composed: (Tensor<Cpu, 2>, Tensor<Cpu, D>, Tensor<Cpu, E>),
) {
    assert!(difference(&fused.0, &composed.0) < 1e-5);
    assert!(difference(&fused.1, &composed.1) < 2e-5);
    assert!(difference(&fused.2, &composed.2) < 2e-5 * composed.2.clone().abs().max().into_scalar().max(1.0));
}

#[test]
fn rms_norm_equals_its_definition_and_its_gradient_burns() {
    let (x, w) = (leaf([70, 20], 0.1), leaf([20], 0.9));
    let fused = gradients(Graph::rms_norm(x.clone(), w.clone(), 1e-6), &x, &w);
    assert_same(fused, gradients(reference::rms_norm(x.clone(), w.clone(), 1e-6), &x, &w));
}

#[test]
fn a_row_of_zeros_has_no_infinite_norm() {
    let y = Cpu::rms_norm(Tensor::zeros([1, 8], &Default::default()), values([8], 0.0), 1e-6);
    assert_eq!(y.abs().max().into_scalar(), 0.0);
}

#[test]
fn norm_and_rotation_equal_their_definition_and_gradient() {
    let (x, w) = (leaf([3, 5, 2, 8], 0.2), leaf([8], 0.7));
    let rope = RopeTable::<Graph>::up_to(100.0, 8, 5, &Default::default());
    let (cos, sin) = (|| rope.cos.clone(), || rope.sin.clone());
    let flat = |y: Tensor<Graph, 4>| y.reshape([30, 8]);
    let fused = gradients(flat(Graph::norm_rotate(x.clone(), w.clone(), 1e-6, cos(), sin())), &x, &w);
    assert_same(fused, gradients(flat(reference::norm_rotate(x.clone(), w.clone(), 1e-6, cos(), sin())), &x, &w));
}

#[test]
fn swiglu_equals_its_definition_and_gradient() {
    let (gate, up) = (leaf([9, 33], 0.2) * 6.0, leaf([9, 33], 0.7));
    let gate = Tensor::from_inner(gate.inner()).require_grad();
    let fused = gradients(Graph::swiglu(gate.clone(), up.clone()), &gate, &up);
    assert_same(fused, gradients(reference::swiglu(gate.clone(), up.clone()), &gate, &up));
}

/// Attention as textbooks write it: keys repeated, one mask.
fn textbook_attention(q: Tensor<Graph, 4>, k: Tensor<Graph, 4>, v: Tensor<Graph, 4>) -> Tensor<Graph, 2> {
    let [batch, length, heads, dim] = q.dims();
    let group = heads / k.dims()[2];
    let repeat = |x: Tensor<Graph, 4>| {
        let [_, _, kv_heads, _] = x.dims();
        let x: Tensor<Graph, 5> = x.unsqueeze_dim(3);
        x.repeat_dim(3, group).reshape([batch, length, kv_heads * group, dim]).swap_dims(1, 2)
    };
    let scores = q.swap_dims(1, 2).matmul(repeat(k).swap_dims(2, 3)) / (dim as f64).sqrt();
    let future = Tensor::<Graph, 2, burn::tensor::Bool>::tril_mask([length, length], 0, &Default::default());
    let p = burn::tensor::activation::softmax(scores.mask_fill(future.unsqueeze(), f32::NEG_INFINITY), 3);
    p.matmul(repeat(v)).swap_dims(1, 2).reshape([batch * length, heads * dim])
}

#[test]
fn attention_equals_the_textbooks_with_every_gradient() {
    let (q, k, v) = (leaf([2, 7, 6, 4], 0.1), leaf([2, 7, 2, 4], 0.5), leaf([2, 7, 2, 4], 0.9));
    let fused = || Graph::causal_attention(q.clone(), k.clone(), v.clone());
    let composed = || textbook_attention(q.clone(), k.clone(), v.clone());
    assert_same(gradients(fused(), &q, &k), gradients(composed(), &q, &k));
    assert_same(gradients(fused(), &v, &k), gradients(composed(), &v, &k));
}

#[test]
fn attention_never_looks_ahead() {
    let (q, k, v) =
        (values::<Cpu, 4>([1, 6, 2, 4], 0.1), values::<Cpu, 4>([1, 6, 2, 4], 0.5), values([1, 6, 2, 4], 0.9));
    let whole = Cpu::causal_attention(q.clone(), k.clone(), v.clone());
    let part = Cpu::causal_attention(q.narrow(1, 0, 4), k.narrow(1, 0, 4), v.narrow(1, 0, 4));
    assert!(difference(&whole.narrow(0, 0, 4), &part) < 1e-6);
}

#[test]
fn cross_entropy_equals_its_definition_and_gradient() {
    let (hidden, embedding) = (leaf([11, 8], 0.1), leaf([13, 8], 0.6));
    let targets = Tensor::<Graph, 1, Int>::from_data([0, 12, 3, 3, 7, 1, 2, 5, 9, 11, 4], &Default::default());
    let weights: Tensor<Graph, 1> =
        Tensor::from_data([1.0, 0.15, 0.0, 1.0, 2.0, 1.0, 1.0, 0.5, 1.0, 1.0, 0.1], &Default::default());
    let composed = {
        let log_p = burn::tensor::activation::log_softmax(hidden.clone().matmul(embedding.clone().transpose()), 1);
        let chosen: Tensor<Graph, 1> = log_p.gather(1, targets.clone().unsqueeze_dim(1)).squeeze_dim(1);
        -(chosen * weights.clone()).sum() / weights.clone().sum()
    };
    let fused = Graph::cross_entropy(hidden.clone(), embedding.clone(), targets, weights);
    let fused = gradients(fused.unsqueeze(), &hidden, &embedding);
    assert_same(fused, gradients(composed.unsqueeze(), &hidden, &embedding));
}

#[test]
fn the_portable_building_blocks_equal_the_cpus() {
    let (scores, grad) = (values::<Cpu, 5>([2, 2, 3, 5, 5], 0.3) * 3.0, values::<Cpu, 5>([2, 2, 3, 5, 5], 0.6) * 3.0);
    let p = Cpu::causal_softmax(scores.clone(), 0.4);
    assert!(difference(&p, &reference::causal_softmax(scores, 0.4)) < 1e-6);
    let by_scores = Cpu::causal_softmax_backward(p.clone(), grad.clone(), 0.4);
    assert!(difference(&by_scores, &reference::causal_softmax_backward(p, grad.clone(), 0.4)) < 1e-6);
    assert!(difference(&Cpu::by_token(grad.clone()), &grad.permute([0, 3, 1, 2, 4])) == 0.0);

    let logits = values::<Cpu, 2>([4, 9], 0.2) * 5.0;
    let targets = Tensor::<Cpu, 1, Int>::from_data([0, 8, 4, 2], &Default::default());
    let weights = Tensor::<Cpu, 1>::from_data([0.5, 0.0, 1.0, 0.1], &Default::default());
    let (loss, by_logits) = Cpu::softmax_loss(logits.clone(), targets.clone(), weights.clone());
    let (loss_again, by_logits_again) = reference::softmax_loss(logits, targets, weights);
    assert!(difference(&loss, &loss_again) < 1e-5 && difference(&by_logits, &by_logits_again) < 1e-6);

    let (x, w, g) =
        (values::<Cpu, 4>([2, 3, 2, 6], 0.1), values::<Cpu, 1>([6], 0.4), values::<Cpu, 4>([2, 3, 2, 6], 0.8));
    let rope = RopeTable::<Cpu>::up_to(100.0, 6, 3, &Default::default());
    let angles = || (rope.cos.clone(), rope.sin.clone());
    let (by_x, by_w) = Cpu::norm_rotate_backward(x.clone(), w.clone(), 1e-6, angles(), g.clone(), true);
    let (frozen, none) = Cpu::norm_rotate_backward(x.clone(), w.clone(), 1e-6, angles(), g.clone(), false);
    let (by_x_again, by_w_again) = reference::norm_rotate_backward(x, w, 1e-6, angles(), g, true);
    assert!(difference(&by_x, &by_x_again) < 1e-5 && difference(&by_w.unwrap(), &by_w_again.unwrap()) < 1e-5);
    assert!(none.is_none() && difference(&frozen, &by_x) == 0.0, "a frozen weight has no gradient and changes none");

    let (gate, up, g) = (values::<Cpu, 2>([5, 7], 0.1), values::<Cpu, 2>([5, 7], 0.4), values::<Cpu, 2>([5, 7], 0.8));
    let (by_gate, by_up) = Cpu::swiglu_backward(gate.clone(), up.clone(), g.clone());
    let (by_gate_again, by_up_again) = reference::swiglu_backward(gate, up, g);
    assert!(difference(&by_gate, &by_gate_again) < 1e-5 && difference(&by_up, &by_up_again) < 1e-5);
}
