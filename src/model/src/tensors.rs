//! Named arrays in safetensors files.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

/// Why a file of tensors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TensorError {
    /// The file is not there, or not readable.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is cut short or is something else.
    #[error("{path} is not a whole safetensors file: {reason}")]
    Malformed {
        /// Which file.
        path: String,
        /// What the parser said.
        reason: String,
    },
    /// A number format that is not a plain float.
    #[error("{path}: tensor {name} is of type {dtype}; F32, F16 and BF16 can be read")]
    Type {
        /// Which file.
        path: String,
        /// Which tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
    /// A tensor is absent.
    #[error("{path} holds no tensor {name}")]
    Missing {
        /// Which file.
        path: String,
        /// Which tensor.
        name: String,
    },
    /// A tensor has another shape than the base model's configuration asks for.
    #[error("{path}: tensor {name} is {found:?}, expected {expected:?}")]
    Shape {
        /// Which file.
        path: String,
        /// Which tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// A tensor holds a value that no training can have wanted.
    #[error("{path}: tensor {name} holds NaN or infinity")]
    NotFinite {
        /// Which file.
        path: String,
        /// Which tensor.
        name: String,
    },
}

/// Number format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits: adapters and checkpoints.
    F32,
    /// 16 bits, IEEE: the shipped base model.
    F16,
}

/// One array, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers.
    pub data: Vec<f32>,
}

/// The arrays of one or more safetensors files, as 32-bit floats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorSet {
    /// Where they come from, for messages.
    pub source: String,
    /// By name.
    pub arrays: BTreeMap<String, Array>,
}

impl TensorSet {
    /// Reads one file.
    pub fn read(path: &Path) -> Result<Self, TensorError> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| TensorError::Unreadable { path: name.clone(), source })?;
        Self::from_bytes(&bytes, name)
    }

    /// Reads the bytes of one file; `source` is used in messages only.
    pub fn from_bytes(bytes: &[u8], source: String) -> Result<Self, TensorError> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| TensorError::Malformed { path: source.clone(), reason: error.to_string() })?;
        let mut arrays = BTreeMap::new();
        for (name, view) in file.tensors() {
            let data = decode(&view).ok_or_else(|| TensorError::Type {
                path: source.clone(),
                name: name.clone(),
                dtype: format!("{:?}", view.dtype()),
            })?;
            arrays.insert(name, Array { shape: view.shape().to_vec(), data });
        }
        Ok(Self { source, arrays })
    }

    /// The bytes of one file with these arrays, with the metadata that PEFT and transformers write.
    pub fn to_bytes(&self, precision: Precision) -> Result<Vec<u8>, TensorError> {
        let encoded: Vec<(&str, &[usize], Vec<u8>)> = self
            .arrays
            .iter()
            .map(|(name, array)| (name.as_str(), array.shape.as_slice(), encode(&array.data, precision)))
            .collect();
        let dtype = match precision {
            Precision::F32 => Dtype::F32,
            Precision::F16 => Dtype::F16,
        };
        let malformed = |error: safetensors::SafeTensorError| TensorError::Malformed {
            path: self.source.clone(),
            reason: error.to_string(),
        };
        let views: Result<Vec<_>, _> = encoded
            .iter()
            .map(|(name, shape, bytes)| Ok((*name, TensorView::new(dtype, shape.to_vec(), bytes)?)))
            .collect();
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        serialize(views.map_err(malformed)?, Some(metadata)).map_err(malformed)
    }

    /// Adds an array.
    pub fn insert(&mut self, name: impl Into<String>, shape: &[usize], data: Vec<f32>) {
        self.arrays.insert(name.into(), Array { shape: shape.to_vec(), data });
    }

    /// Adds a tensor.
    pub fn insert_tensor<B: Backend, const D: usize>(&mut self, name: impl Into<String>, tensor: &Tensor<B, D>) {
        self.insert(name, &tensor.dims(), to_vec(tensor));
    }

    /// Removes an array that must have `shape` and be finite.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>, TensorError> {
        let path = self.source.clone();
        let Some(array) = self.arrays.remove(name) else {
            return Err(TensorError::Missing { path, name: name.to_owned() });
        };
        if array.shape != shape {
            let (found, expected) = (array.shape, shape.to_vec());
            return Err(TensorError::Shape { path, name: name.to_owned(), found, expected });
        }
        if array.data.iter().any(|value| !value.is_finite()) {
            return Err(TensorError::NotFinite { path, name: name.to_owned() });
        }
        Ok(array.data)
    }

    /// Removes an array as a tensor of `shape`.
    pub fn take_tensor<B: Backend, const D: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
        device: &B::Device,
    ) -> Result<Tensor<B, D>, TensorError> {
        Ok(Tensor::from_data(TensorData::new(self.take(name, &shape)?, shape), device))
    }

    /// Removes a linear weight, stored `[out, in]`, as a tensor `[in, out]`.
    pub fn take_linear<B: Backend>(
        &mut self,
        name: &str,
        (inputs, outputs): (usize, usize),
        device: &B::Device,
    ) -> Result<Tensor<B, 2>, TensorError> {
        let data = transpose(&self.take(name, &[outputs, inputs])?, outputs, inputs);
        Ok(Tensor::from_data(TensorData::new(data, [inputs, outputs]), device))
    }

    /// Adds a linear weight `[in, out]`, to be stored `[out, in]`.
    pub fn insert_linear<B: Backend>(&mut self, name: impl Into<String>, weight: &Tensor<B, 2>) {
        let [inputs, outputs] = weight.dims();
        self.insert(name, &[outputs, inputs], transpose(&to_vec(weight), inputs, outputs));
    }
}

/// The numbers of a tensor, row-major.
pub fn to_vec<B: Backend, const D: usize>(tensor: &Tensor<B, D>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}

/// Row-major `[rows, columns]` to row-major `[columns, rows]`.
fn transpose(data: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| data[row * columns + column])).collect()
}

fn decode(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let words = || view.data().chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]]));
    match view.dtype() {
        Dtype::F32 => {
            let quads = view.data().chunks_exact(4);
            Some(quads.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
        }
        Dtype::F16 => Some(words().map(|bits| f16::from_bits(bits).to_f32()).collect()),
        Dtype::BF16 => Some(words().map(|bits| bf16::from_bits(bits).to_f32()).collect()),
        _ => None,
    }
}

fn encode(data: &[f32], precision: Precision) -> Vec<u8> {
    match precision {
        Precision::F32 => data.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Precision::F16 => data.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;

    fn sample() -> TensorSet {
        let mut set = TensorSet { source: "x".into(), ..TensorSet::default() };
        set.insert("w", &[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        set
    }

    #[test]
    fn files_round_trip_and_linear_weights_are_turned() {
        let bytes = sample().to_bytes(Precision::F32).unwrap();
        let mut read = TensorSet::from_bytes(&bytes, "x".into()).unwrap();
        assert_eq!(read, sample());
        let weight = read.take_linear::<Cpu>("w", (3, 2), &Default::default()).unwrap();
        assert_eq!(to_vec(&weight), vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        read.insert_linear("w", &weight);
        assert_eq!(read, sample());
    }

    #[test]
    fn sixteen_bits_keep_what_they_can() {
        let bytes = sample().to_bytes(Precision::F16).unwrap();
        assert_eq!(TensorSet::from_bytes(&bytes, "x".into()).unwrap(), sample());
    }

    #[test]
    fn problems_name_the_file_and_the_tensor() {
        let message = |result: Result<Vec<f32>, TensorError>| result.unwrap_err().to_string();
        assert_eq!(message(sample().take("v", &[1])), "x holds no tensor v");
        assert_eq!(message(sample().take("w", &[3, 2])), "x: tensor w is [2, 3], expected [3, 2]");
        let mut spoilt = sample();
        spoilt.insert("w", &[1], vec![f32::NAN]);
        assert!(message(spoilt.take("w", &[1])).contains("NaN"));
        let bytes = sample().to_bytes(Precision::F32).unwrap();
        let cut = TensorSet::from_bytes(&bytes[..bytes.len() - 1], "x".into());
        assert!(cut.unwrap_err().to_string().contains("not a whole safetensors file"));
    }
}
