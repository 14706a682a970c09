//! Which hardware the model computes on.
//!
//! Everything else is generic over [`FusedOps`](crate::fused::FusedOps); only this module names a backend.
//! The feature `cuda` switches [`Compute`] from the CPU to NVIDIA GPUs, with the same code and the same files.

use burn::backend::Flex;

/// The CPU, 32-bit floats. Tests compare every other backend with it.
pub type Cpu = Flex;

/// The backend of the binaries.
#[cfg(not(feature = "cuda"))]
pub type Compute = Cpu;

/// The backend of the binaries.
#[cfg(feature = "cuda")]
pub type Compute = burn::backend::Cuda<f32, i32>;

/// Device of a backend.
pub type Device<B> = <B as burn::tensor::backend::BackendTypes>::Device;

/// How many threads a computation may use, where nothing says otherwise.
pub const DEFAULT_THREADS: usize = 2;

/// Sets the number of threads of the CPU backend, once per process and before the first computation.
///
/// More threads than idle cores make matrix products slower, not faster. A second call has no effect.
pub fn use_threads(threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1));
    if pool.build_global().is_err() {
        tracing::debug!("the thread pool already runs: its size stays as it is");
    }
}
