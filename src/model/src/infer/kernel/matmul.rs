//! Matrix products with the weights packed once.

use pulp::{Simd, WithSimd};

/// Columns of one panel: two AVX registers of eight floats.
pub(super) const COLUMNS: usize = 16;
/// Rows computed together: 4 × 16 sums are eight AVX registers, enough to keep both multipliers busy.
pub(super) const ROWS: usize = 4;

/// A weight matrix `[outputs, inputs]`, stored as panels of 16 outputs, each `[inputs][16]`; the last is padded with zeros.
///
/// Every output element is one accumulator that runs over the inputs in order. A row's result therefore has the same
/// bits whatever other rows are in the batch, which is what makes sampling independent of its batch-mates.
#[derive(Clone, Debug)]
pub struct PackedMatrix {
    inputs: usize,
    outputs: usize,
    panels: Vec<f32>,
}

/// Rows of floats `stride` apart, of which a product reads or writes the part that begins at `offset`.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Distance between the starts of two rows.
    pub stride: usize,
    /// First column.
    pub offset: usize,
}

impl Columns {
    /// Rows of `width` floats, used whole.
    pub fn whole(width: usize) -> Self {
        Self { stride: width, offset: 0 }
    }
}

/// What to do with what the output holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// `y = x·Wᵀ`
    Replace,
    /// `y += x·Wᵀ`
    Add,
}

impl PackedMatrix {
    /// Packs `weight(output, input)`.
    pub fn pack(outputs: usize, inputs: usize, weight: impl Fn(usize, usize) -> f32) -> Self {
        let mut panels = vec![0.0; outputs.div_ceil(COLUMNS) * COLUMNS * inputs];
        for output in 0..outputs {
            let panel = output / COLUMNS * COLUMNS * inputs;
            for input in 0..inputs {
                panels[panel + input * COLUMNS + output % COLUMNS] = weight(output, input);
            }
        }
        Self { inputs, outputs, panels }
    }

    /// Width of a row of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Width of a row of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `y (+)= x·Wᵀ` for `rows` rows.
    pub fn multiply(&self, rows: usize, x: (&[f32], Columns), y: (&mut [f32], Columns), write: Write) {
        pulp::Arch::new().dispatch(Multiply { weights: self, rows, x, y, write });
    }
}

/// The arguments of [`PackedMatrix::multiply`].
struct Multiply<'a> {
    weights: &'a PackedMatrix,
    rows: usize,
    x: (&'a [f32], Columns),
    y: (&'a mut [f32], Columns),
    write: Write,
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let PackedMatrix { inputs, outputs, ref panels } = *self.weights;
        let (y, to) = self.y;
        let target = |index: usize| {
            let first = index * COLUMNS;
            let to = Columns { stride: to.stride, offset: to.offset + first };
            Target { to, width: COLUMNS.min(outputs - first), write: self.write }
        };
        let rest = self.rows % ROWS;
        let whole = self.rows - rest;
        for (index, panel) in panels.chunks_exact(COLUMNS * inputs).enumerate() {
            multiply_panel(panel, inputs, whole, self.x, target(index), y);
        }
        match rest {
            0 => {}
            1 => wide_rows::<1, 4>(panels, inputs, self.x, whole, target, y),
            2 => wide_rows::<2, 2>(panels, inputs, self.x, whole, target, y),
            _ => wide_rows::<3, 2>(panels, inputs, self.x, whole, target, y),
        }
    }
}

/// The products of the last `M` rows with all panels, `P` panels at a time.
///
/// With fewer rows than a tile has, one panel's sums wait for one another: a fused multiply-add takes four cycles, and
/// two of them could begin in each. Every sum is the one that a whole tile would make, bit by bit.
#[inline(always)]
fn wide_rows<const M: usize, const P: usize>(
    panels: &[f32],
    inputs: usize,
    x: (&[f32], Columns),
    row: usize,
    target: impl Fn(usize) -> Target,
    out: &mut [f32],
) {
    let size = COLUMNS * inputs;
    let count = panels.len() / size;
    let mut index = 0;
    while index + P <= count {
        let sums = tiles::<M, P>(&panels[index * size..][..P * size], inputs, x, row);
        for (number, sums) in sums.iter().enumerate() {
            target(index + number).store(out, row, sums);
        }
        index += P;
    }
    while index < count {
        let [sums] = tiles::<M, 1>(&panels[index * size..][..size], inputs, x, row);
        target(index).store(out, row, &sums);
        index += 1;
    }
}

/// Where one panel's products go.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// Place of the panel's first column.
    pub to: Columns,
    /// Columns of the panel that are not padding.
    pub width: usize,
    /// Replace or add.
    pub write: Write,
}

/// The products of `rows` rows of `x` with one panel `[inputs][16]`.
///
/// To be called from a [`WithSimd`], without which it is compiled for the oldest processors.
#[inline(always)]
pub(super) fn multiply_panel(
    panel: &[f32],
    inputs: usize,
    rows: usize,
    x: (&[f32], Columns),
    target: Target,
    out: &mut [f32],
) {
    let mut row = 0;
    while row < rows {
        row += match rows - row {
            1 => target.store(out, row, &tile::<1>(panel, inputs, x, row)),
            2 => target.store(out, row, &tile::<2>(panel, inputs, x, row)),
            3 => target.store(out, row, &tile::<3>(panel, inputs, x, row)),
            _ => target.store(out, row, &tile::<ROWS>(panel, inputs, x, row)),
        };
    }
}

/// The products of `M` rows of `x`, from `row` on, with one panel.
#[inline(always)]
fn tile<const M: usize>(panel: &[f32], inputs: usize, x: (&[f32], Columns), row: usize) -> [[f32; COLUMNS]; M] {
    let [sums] = tiles::<M, 1>(panel, inputs, x, row);
    sums
}

/// The products of `M` rows of `x`, from `row` on, with `P` panels that follow one another.
#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "every bounds check comes before the loop, so the sums stay in registers"
)]
fn tiles<const M: usize, const P: usize>(
    panels: &[f32],
    inputs: usize,
    x: (&[f32], Columns),
    row: usize,
) -> [[[f32; COLUMNS]; M]; P] {
    let (data, from) = x;
    let mut rows: [&[f32]; M] = [&[]; M];
    for m in 0..M {
        rows[m] = &data[(row + m) * from.stride + from.offset..][..inputs];
    }
    let mut each: [&[[f32; COLUMNS]]; P] = [&[]; P];
    for p in 0..P {
        each[p] = &panels[p * inputs * COLUMNS..].as_chunks::<COLUMNS>().0[..inputs];
    }
    let mut sums = [[[0.0; COLUMNS]; M]; P];
    for input in 0..inputs {
        for p in 0..P {
            for m in 0..M {
                for column in 0..COLUMNS {
                    sums[p][m][column] = each[p][input][column].mul_add(rows[m][input], sums[p][m][column]);
                }
            }
        }
    }
    sums
}

impl Target {
    /// Writes the sums of `M` rows; returns `M`.
    #[inline(always)]
    fn store<const M: usize>(&self, out: &mut [f32], row: usize, sums: &[[f32; COLUMNS]; M]) -> usize {
        for (m, sums) in sums.iter().enumerate() {
            let out = &mut out[(row + m) * self.to.stride + self.to.offset..][..self.width];
            match self.write {
                Write::Replace => out.copy_from_slice(&sums[..self.width]),
                Write::Add => out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum),
            }
        }
        M
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        (0..count as u64).map(|i| ((i * 2_654_435_761 + seed) % 1000) as f32 / 500.0 - 1.0).collect()
    }

    fn naive(x: &[f32], w: &[f32], rows: usize, outputs: usize, inputs: usize) -> Vec<f32> {
        let dot = |r: usize, o: usize| (0..inputs).map(|i| x[r * inputs + i] * w[o * inputs + i]).sum();
        (0..rows * outputs).map(|at| dot(at / outputs, at % outputs)).collect()
    }

    #[test]
    fn equals_the_definition_for_every_remainder_of_rows_and_columns() {
        for (rows, outputs, inputs) in [(1, 1, 1), (6, 16, 8), (7, 17, 5), (13, 40, 33), (2, 768, 192)] {
            let (x, w) = (numbers(rows * inputs, 1), numbers(outputs * inputs, 7));
            let mut y = vec![9.0; rows * outputs];
            let packed = PackedMatrix::pack(outputs, inputs, |o, i| w[o * inputs + i]);
            packed.multiply(rows, (&x, Columns::whole(inputs)), (&mut y, Columns::whole(outputs)), Write::Replace);
            for (got, want) in y.iter().zip(naive(&x, &w, rows, outputs, inputs)) {
                assert!((got - want).abs() < 1e-4, "{got} instead of {want}");
            }
        }
    }

    #[test]
    fn adds_a_scaled_product_into_a_part_of_wider_rows() {
        let packed = PackedMatrix::pack(1, 2, |_, input| [10.0, 20.0][input]);
        let x = [0.0, 1.0, 1.0, 0.0, 2.0, 3.0];
        let mut y = [5.0; 6];
        let (from, to) = (Columns { stride: 3, offset: 1 }, Columns { stride: 3, offset: 2 });
        packed.multiply(2, (&x, from), (&mut y, to), Write::Add);
        assert_eq!(y, [5.0, 5.0, 35.0, 5.0, 5.0, 85.0]);
    }

    #[test]
    fn a_row_has_the_same_bits_alone_and_in_any_batch() {
        let (inputs, outputs) = (192, 50);
        let (x, w) = (numbers(11 * inputs, 3), numbers(outputs * inputs, 5));
        let packed = PackedMatrix::pack(outputs, inputs, |o, i| w[o * inputs + i]);
        let run = |x: &[f32]| {
            let mut y = vec![0.0; x.len() / inputs * outputs];
            let rows = x.len() / inputs;
            packed.multiply(rows, (x, Columns::whole(inputs)), (&mut y, Columns::whole(outputs)), Write::Replace);
            y
        };
        let together = run(&x);
        for row in 0..11 {
            assert_eq!(run(&x[row * inputs..][..inputs]), together[row * outputs..][..outputs]);
        }
    }
}
