//! The Python module `loopixmix._signing`; its interface is documented in `loopixmix/_signing.pyi`.
//!
//! It signs what clients have blinded: the issuer's side of RFC 9474 (section 4.3, BlindSign), by blind-rsa-signatures.
//! That blinds the base of every exponentiation anew, works modulo the two primes, and checks each signature by the
//! public key before it gives it out, so that a fault in one half cannot betray a prime.

#![forbid(unsafe_code)]
// PyO3 hands out lists as vectors of their own.
#![allow(clippy::needless_pass_by_value)]

use std::alloc::System;
use std::panic::resume_unwind;
use std::thread;

use blind_rsa_signatures::{PSS, Randomized, SecretKey, Sha384};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use zeroize::{Zeroize, Zeroizing};
use zeroizing_alloc::ZeroAlloc;

/// Overwrites what is freed: the library makes copies of the primes while it precomputes, and does not.
#[global_allocator]
static WIPING: ZeroAlloc<System> = ZeroAlloc(System);

/// How deep the calls of the library reach, and twice as much.
const STACK_BYTES: usize = 64 * 1024;
/// More threads than any issuer has use for.
const MAX_THREADS: usize = 64;

type Key = SecretKey<Sha384, PSS, Randomized>;

/// Blind RSA signatures in bulk, outside the GIL.
#[pymodule]
mod _signing {
    #[pymodule_export]
    use super::Signer;
}

/// A private key that signs blinded messages.
#[pyclass(frozen, module = "loopixmix._signing")]
struct Signer {
    key: Key,
    modulus_bytes: usize,
}

#[pymethods]
impl Signer {
    #[new]
    fn new(private_key: &[u8]) -> PyResult<Self> {
        let copy = Zeroizing::new(private_key.to_vec());
        // Nothing of the error is told: it may quote the key.
        let key = Key::from_der(&copy);
        wipe_stack();
        let key = key.map_err(|_| PyValueError::new_err("this is not a private RSA key in PKCS #8"))?;
        let modulus_bytes = key.components().n().len();
        Ok(Self { key, modulus_bytes })
    }

    #[pyo3(signature = (blinded, /, threads))]
    fn sign_many<'py>(
        &self,
        py: Python<'py>,
        blinded: Vec<PyBackedBytes>,
        threads: usize,
    ) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let modulus = self.key.components().n();
        for (index, message) in blinded.iter().enumerate() {
            if message.len() != self.modulus_bytes || message[..] >= modulus[..] {
                return Err(PyValueError::new_err(format!("blinded message {index} is not below the modulus")));
            }
        }
        let signatures = py.detach(|| self.sign_on_threads(&blinded, threads));
        let signatures = signatures.ok_or_else(|| PyRuntimeError::new_err("a signature failed its own check"))?;
        Ok(signatures.iter().map(|signature| PyBytes::new(py, signature)).collect())
    }
}

impl Signer {
    /// Signs in order; `None` if one signature failed its check, that is, if the machine computed wrongly.
    fn sign_on_threads<M: AsRef<[u8]> + Sync>(&self, blinded: &[M], threads: usize) -> Option<Vec<Vec<u8>>> {
        let threads = threads.clamp(1, MAX_THREADS).min(blinded.len().max(1));
        if threads == 1 {
            return self.sign_all(blinded);
        }
        // A signature takes milliseconds, and a thread some 50 us to start: no pool is worth its while.
        thread::scope(|scope| {
            let parts: Vec<_> = blinded
                .chunks(blinded.len().div_ceil(threads))
                .map(|part| scope.spawn(|| self.sign_all(part)))
                .collect();
            let signed = parts.into_iter().map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
            signed.collect::<Option<Vec<_>>>().map(|parts| parts.concat())
        })
    }

    fn sign_all<M: AsRef<[u8]>>(&self, blinded: &[M]) -> Option<Vec<Vec<u8>>> {
        let signatures = blinded.iter().map(|message| Some(self.key.blind_sign(message).ok()?.0)).collect();
        wipe_stack();
        signatures
    }
}

/// Overwrites what calls have left on the stack that have returned: the library keeps primes there, too.
#[inline(never)]
#[allow(clippy::large_stack_arrays)]
fn wipe_stack() {
    let mut left = [0u8; STACK_BYTES];
    left.zeroize();
}
