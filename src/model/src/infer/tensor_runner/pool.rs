//! Keys and values of all sequences of the burn runner.

use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::{IndexingUpdateOp, Int, Tensor};

use crate::backend::{Compute, Device};

/// For each layer one table of keys and one of values: a slot has `capacity` rows, a row holds all heads of a position.
pub(super) struct Pool {
    layers: Vec<(Tensor<Compute, 2>, Tensor<Compute, 2>)>,
    capacity: usize,
    width: usize,
    slots: usize,
    /// Slots that no sequence holds.
    free: Arc<Mutex<Vec<usize>>>,
    device: Device<Compute>,
}

/// One sequence's rows. Dropping it gives them back.
#[derive(Debug)]
pub struct Slot {
    index: usize,
    /// Positions computed so far.
    pub(super) length: usize,
    free: Arc<Mutex<Vec<usize>>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.index);
    }
}

impl Pool {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        clippy::clone_on_copy,
        reason = "a device is nothing on the CPU, but owned with feature `cuda`"
    )]
    pub fn new(layers: usize, width: usize, capacity: usize, device: &Device<Compute>) -> Self {
        let empty = || Tensor::zeros([0, width], device);
        let layers = (0..layers).map(|_| (empty(), empty())).collect();
        Self { layers, capacity, width, slots: 0, free: Arc::default(), device: device.clone() }
    }

    /// Row of a position.
    pub fn row(&self, slot: &Slot, position: usize) -> usize {
        slot.index * self.capacity + position
    }

    /// A slot whose rows are zero; the tables are doubled if none is free.
    pub fn take(&mut self) -> Slot {
        let index = loop {
            let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match free {
                Some(index) => break index,
                None => self.grow(),
            }
        };
        let rows = [index * self.capacity..(index + 1) * self.capacity, 0..self.width];
        for table in self.layers.iter_mut().flat_map(|(keys, values)| [keys, values]) {
            let zeros = Tensor::zeros([self.capacity, self.width], &self.device);
            update(table, |table| table.slice_assign(rows.clone(), zeros));
        }
        Slot { index, length: 0, free: Arc::clone(&self.free) }
    }

    /// A slot with the same rows.
    pub fn copy(&mut self, slot: &Slot) -> Slot {
        let mut copy = self.take();
        copy.length = slot.length;
        let (from, to) = (slot.index * self.capacity, copy.index * self.capacity);
        for table in self.layers.iter_mut().flat_map(|(keys, values)| [keys, values]) {
            let rows = table.clone().narrow(0, from, slot.length);
            update(table, |table| table.slice_assign([to..to + slot.length, 0..self.width], rows));
        }
        copy
    }

    /// Fills rows that are still zero: adding is all that scattering offers.
    pub fn write(
        &mut self,
        layer: usize,
        rows: &Tensor<Compute, 1, Int>,
        keys: Tensor<Compute, 2>,
        values: Tensor<Compute, 2>,
    ) {
        let (key_table, value_table) = &mut self.layers[layer];
        update(key_table, |table| table.select_assign(0, rows.clone(), keys, IndexingUpdateOp::Add));
        update(value_table, |table| table.select_assign(0, rows.clone(), values, IndexingUpdateOp::Add));
    }

    /// Keys and values of `rows`.
    pub fn read(&self, layer: usize, rows: &Tensor<Compute, 1, Int>) -> (Tensor<Compute, 2>, Tensor<Compute, 2>) {
        let (keys, values) = &self.layers[layer];
        (keys.clone().select(0, rows.clone()), values.clone().select(0, rows.clone()))
    }

    fn grow(&mut self) {
        let more = self.slots.max(4);
        for table in self.layers.iter_mut().flat_map(|(keys, values)| [keys, values]) {
            let zeros = Tensor::zeros([more * self.capacity, self.width], &self.device);
            update(table, |table| if self.slots == 0 { zeros } else { Tensor::cat(vec![table, zeros], 0) });
        }
        self.free.lock().unwrap_or_else(PoisonError::into_inner).extend(self.slots..self.slots + more);
        self.slots += more;
    }
}

/// Changes a table without a second reference to it, so that the backend can work in place.
fn update(table: &mut Tensor<Compute, 2>, change: impl FnOnce(Tensor<Compute, 2>) -> Tensor<Compute, 2>) {
    let device = table.device();
    let taken = std::mem::replace(table, Tensor::empty([1, 1], &device));
    *table = change(taken);
}
