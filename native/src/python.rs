//! The Python module `loopixmix._native`; its interface is documented in `loopixmix/_native.pyi`.
//!
//! Arguments become Rust values while the GIL is held, the work is done without it, results become Python objects
//! with it again. Wrong arguments are `ValueError`; what peers got wrong is a code.

// PyO3 hands out lists as vectors of their own.
#![allow(clippy::needless_pass_by_value)]

mod columns;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyInt, PyList, PyTuple};
use zeroize::Zeroizing;

use crate::batch::Batch;
use crate::body;
use crate::geometry::{COMMAND_BYTES, Geometry, Misuse, Refusal};
use crate::group::{Element, Exponent, Ladder};
use crate::header::{self, Command, Route};
use crate::keys::Key;
use crate::packet;
use crate::propagation::{self, Visit};
use crate::ristretto::arithmetic::Arithmetic;
use crate::tagset;
use crate::unwrap::Unwrapped;

/// Above this many tags at once (a replay filter being reloaded) the GIL is released.
const DETACH_TAGS: usize = 4096;

impl From<Misuse> for PyErr {
    fn from(misuse: Misuse) -> Self {
        PyValueError::new_err(misuse.to_string())
    }
}

/// The Rust engine of loopixmix.sphinx: Sphinx in bulk, outside the GIL.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::columns::{
        ElementColumn, FixedBaseTable, ScalarColumn, decode_elements, decode_scalars, derive_elements, embed_elements,
        extract_elements, hash_to_elements, join_elements, join_scalars, load_elements, multi_scalar, reduce_scalars,
        short_scalars,
    };
    #[allow(clippy::wildcard_imports)]
    use super::*;
    #[pymodule_export]
    use super::{
        Propagation, TagSet, create_header, info, open_body, open_reply, unwrap_many, use_surb_body, wrap, x25519,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        keep_freed_memory();
        module.add("COMMAND_BYTES", COMMAND_BYTES)?;
        module.add("COLUMNS_VERSION", columns::VERSION)?;
        module.add("DUMP_BYTES", crate::ristretto::dumping::dump_bytes())?;
        module.add("WRONG_LENGTH", Refusal::WrongLength as u8)?;
        module.add("BAD_POINT", Refusal::BadPoint as u8)?;
        module.add("BAD_MAC", Refusal::BadMac as u8)?;
        module.add("UNKNOWN_COMMAND", Refusal::UnknownCommand as u8)?;
        module.add("TAGGED_PAYLOAD", Refusal::TaggedPayload as u8)?;
        module.add("BAD_PAYLOAD", Refusal::BadPayload as u8)
    }
}

/// Lets glibc keep up to 32 MiB of freed memory instead of giving it back at once.
///
/// A batch of packets comes and goes as a block of some 100 KiB to MiB. By default the allocator returns such a block to
/// the system, and fetching it again costs a page fault for every page: a tenth of the time on one thread, more on two.
/// Freeing one large block raises the limit to twice its size (mallopt(3), "dynamic mmap threshold"); as nothing
/// touches the block, it never takes memory.
fn keep_freed_memory() {
    drop(std::hint::black_box(vec![0_u8; 16 << 20]));
}

/// Make a header and each hop's payload key.
#[pyfunction]
fn create_header<'py>(
    py: Python<'py>,
    public_keys: Vec<PyBackedBytes>,
    commands: Vec<PyBackedBytes>,
    secret: &[u8],
    padding: &[u8],
    beta_bytes: usize,
) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>)> {
    let arguments = RouteArguments::read(&public_keys, &commands, secret)?;
    let header = py.detach(|| header::create(Ladder::pick(), &arguments.route(padding), beta_bytes))?;
    let payload_keys = header.payload_keys.iter().map(|key| PyBytes::new(py, key)).collect();
    Ok((PyBytes::new(py, &header.bytes), payload_keys))
}

/// Make a packet.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn wrap<'py>(
    py: Python<'py>,
    public_keys: Vec<PyBackedBytes>,
    commands: Vec<PyBackedBytes>,
    secret: &[u8],
    padding: &[u8],
    beta_bytes: usize,
    content: &[u8],
    body_bytes: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let arguments = RouteArguments::read(&public_keys, &commands, secret)?;
    let geometry = Geometry::new(beta_bytes, body_bytes)?;
    let packet = py.detach(|| packet::wrap(Ladder::pick(), &arguments.route(padding), content, geometry))?;
    Ok(PyBytes::new(py, &packet))
}

/// Make the body that goes with a SURB's header.
#[pyfunction]
fn use_surb_body<'py>(
    py: Python<'py>,
    ktilde: &[u8],
    payload: &[u8],
    body_bytes: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let ktilde = Zeroizing::new(sized(ktilde, "a SURB key")?);
    let body = py.detach(|| body::make_reply(&ktilde, payload, body_bytes))?;
    Ok(PyBytes::new(py, &body))
}

/// Open the body of a reply.
#[pyfunction]
fn open_reply<'py>(
    py: Python<'py>,
    ktilde: &[u8],
    payload_keys: Vec<PyBackedBytes>,
    body: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    let ktilde = Zeroizing::new(sized(ktilde, "a SURB key")?);
    let payload_keys: Zeroizing<Vec<Key>> = all_sized(&payload_keys, "a payload key")?.into();
    let payload = py.detach(|| body::open_reply(&ktilde, &payload_keys, body.to_vec()));
    Ok(bytes_or_code(py, payload.as_deref().map_err(|&refusal| refusal)))
}

/// Open the body of a packet at its last hop.
#[pyfunction]
fn open_body<'py>(py: Python<'py>, payload_key: &[u8], body: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let payload_key = Zeroizing::new(sized(payload_key, "a payload key")?);
    let content = py.detach(|| body::open(&payload_key, body));
    Ok(bytes_or_code(py, content))
}

/// Take one layer off each packet.
#[pyfunction]
fn unwrap_many(
    py: Python<'_>,
    private_keys: Vec<PyBackedBytes>,
    packets: Vec<PyBackedBytes>,
    beta_bytes: usize,
    body_bytes: usize,
    threads: usize,
) -> PyResult<Bound<'_, PyList>> {
    let keys: Zeroizing<Vec<Exponent>> = all_sized(&private_keys, "a private key")?.into();
    let geometry = Geometry::new(beta_bytes, body_bytes)?;
    let batch = Batch::new(Ladder::pick(), keys, packets, geometry);
    let results = py.detach(|| batch.unwrap(threads));
    let objects = results.into_iter().map(|result| match result {
        Ok(unwrapped) => unwrapped_tuple(py, &unwrapped).map(Bound::into_any),
        Err(refusal) => Ok(code(py, refusal)),
    });
    PyList::new(py, objects.collect::<PyResult<Vec<_>>>()?)
}

/// RFC 7748 X25519.
#[pyfunction]
fn x25519<'py>(py: Python<'py>, private_key: &[u8], public_key: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let private_key: Zeroizing<Exponent> = Zeroizing::new(sized(private_key, "a private key")?);
    let public_key: Element = sized(public_key, "a public key")?;
    py.detach(|| Ladder::pick().x25519(&private_key, &public_key))
        .map(|shared| PyBytes::new(py, &shared))
        .ok_or_else(|| PyValueError::new_err("the public key is of low order"))
}

/// Tell what was picked at run time.
#[pyfunction]
fn info() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("version", env!("CARGO_PKG_VERSION")),
        ("x25519", Ladder::pick().name()),
        ("ristretto255", Arithmetic::pick().name()),
    ])
}

/// An exact set of 16-byte replay tags.
#[pyclass(frozen, module = "loopixmix._native")]
struct TagSet(Mutex<tagset::TagSet>);

#[pymethods]
impl TagSet {
    #[new]
    fn new() -> Self {
        Self(Mutex::default())
    }

    #[pyo3(signature = (tag, /))]
    fn add(&self, tag: &[u8]) -> PyResult<bool> {
        Ok(self.lock().add(sized(tag, TAG)?))
    }

    #[pyo3(signature = (tags, /))]
    fn add_many(&self, py: Python<'_>, tags: Vec<PyBackedBytes>) -> PyResult<Vec<bool>> {
        let tags: Vec<Key> = all_sized(&tags, TAG)?;
        let add_all = || {
            let mut set = self.lock();
            tags.iter().map(|&tag| set.add(tag)).collect()
        };
        Ok(if tags.len() > DETACH_TAGS { py.detach(add_all) } else { add_all() })
    }

    fn __contains__(&self, tag: &[u8]) -> PyResult<bool> {
        Ok(self.lock().contains(sized(tag, TAG)?))
    }

    fn __len__(&self) -> usize {
        self.lock().len()
    }
}

const TAG: &str = "a replay tag";

impl TagSet {
    /// A thread that waits here while another holds the lock without the GIL waits for a few ms at most.
    fn lock(&self) -> MutexGuard<'_, tagset::TagSet> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Entropy by propagation.
#[pyclass(frozen, module = "loopixmix._native")]
struct Propagation(Mutex<propagation::Propagation>);

#[pymethods]
impl Propagation {
    #[new]
    #[pyo3(signature = (corrupt, *, live_from_s, live_until_s, bucket_s))]
    fn new(corrupt: Vec<bool>, live_from_s: f64, live_until_s: f64, bucket_s: f64) -> PyResult<Self> {
        Ok(Self(Mutex::new(propagation::Propagation::new(corrupt, live_from_s, live_until_s, bucket_s)?)))
    }

    #[pyo3(signature = (nodes, enters_s, leaves_s, targets, /))]
    fn push(
        &self,
        py: Python<'_>,
        nodes: Vec<PyBuffer<i32>>,
        enters_s: Vec<PyBuffer<f64>>,
        leaves_s: Vec<PyBuffer<f64>>,
        targets: PyBuffer<i32>,
    ) -> PyResult<()> {
        if nodes.len() != enters_s.len() || nodes.len() != leaves_s.len() {
            return Err(propagation::Wrong::Shape.into());
        }
        // Columns that are the same array stay the same: it shows that links take no time.
        let mut columns: Vec<Vec<f64>> = Vec::new();
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        let mut place_of = |buffer: &PyBuffer<f64>| -> PyResult<usize> {
            let place = *places.entry(buffer.buf_ptr() as usize).or_insert(columns.len());
            if place == columns.len() {
                columns.push(buffer.to_vec(py)?);
            }
            Ok(place)
        };
        let enters = enters_s.iter().map(&mut place_of).collect::<PyResult<Vec<_>>>()?;
        let leaves = leaves_s.iter().map(&mut place_of).collect::<PyResult<Vec<_>>>()?;
        let nodes = nodes.iter().map(|buffer| buffer.to_vec(py)).collect::<PyResult<Vec<_>>>()?;
        let targets = targets.to_vec(py)?;
        let visits: Vec<Visit<'_>> = (0..nodes.len())
            .map(|visit| Visit {
                nodes: &nodes[visit],
                enters_s: &columns[enters[visit]],
                leaves_s: &columns[leaves[visit]],
            })
            .collect();
        Ok(py.detach(|| self.lock().push(&visits, &targets))?)
    }

    #[pyo3(signature = (until_s, /))]
    fn advance(&self, py: Python<'_>, until_s: f64) {
        py.detach(|| self.lock().advance(until_s));
    }

    fn finish(&self, py: Python<'_>) -> Vec<f64> {
        py.detach(|| self.lock().finish().to_vec())
    }

    #[getter]
    fn live_bits(&self) -> Vec<f64> {
        self.lock().live_bits()
    }

    #[getter]
    fn active(&self) -> usize {
        self.lock().active()
    }
}

impl Propagation {
    fn lock(&self) -> MutexGuard<'_, propagation::Propagation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<propagation::Wrong> for PyErr {
    fn from(wrong: propagation::Wrong) -> Self {
        PyValueError::new_err(wrong.to_string())
    }
}

/// A route with its keys and commands checked for size and laid out as Rust wants them.
struct RouteArguments {
    public_keys: Vec<Element>,
    commands: Vec<Command>,
    secret: Zeroizing<Exponent>,
}

impl RouteArguments {
    fn read(public_keys: &[PyBackedBytes], commands: &[PyBackedBytes], secret: &[u8]) -> PyResult<Self> {
        Ok(Self {
            public_keys: all_sized(public_keys, "a public key")?,
            commands: commands
                .iter()
                .enumerate()
                .map(|(index, command)| Command::try_from(&**command).map_err(|_| Misuse::Command(index)))
                .collect::<Result<_, _>>()?,
            secret: Zeroizing::new(sized(secret, "a secret")?),
        })
    }

    fn route<'a>(&'a self, padding: &'a [u8]) -> Route<'a> {
        Route { public_keys: &self.public_keys, commands: &self.commands, secret: &self.secret, padding }
    }
}

fn sized<const N: usize>(bytes: &[u8], what: &str) -> PyResult<[u8; N]> {
    bytes.try_into().map_err(|_| PyValueError::new_err(format!("{what} has {N} bytes, not {}", bytes.len())))
}

fn all_sized<const N: usize>(list: &[PyBackedBytes], what: &str) -> PyResult<Vec<[u8; N]>> {
    list.iter().map(|bytes| sized(bytes, what)).collect()
}

fn unwrapped_tuple<'py>(py: Python<'py>, unwrapped: &Unwrapped) -> PyResult<Bound<'py, PyTuple>> {
    (
        unwrapped.key_index,
        PyBytes::new(py, &unwrapped.replay_tag),
        PyBytes::new(py, &unwrapped.command),
        PyBytes::new(py, &unwrapped.packet),
        PyBytes::new(py, &unwrapped.payload_key),
    )
        .into_pyobject(py)
}

fn bytes_or_code<'py>(py: Python<'py>, result: Result<&[u8], Refusal>) -> Bound<'py, PyAny> {
    match result {
        Ok(bytes) => PyBytes::new(py, bytes).into_any(),
        Err(refusal) => code(py, refusal),
    }
}

fn code(py: Python<'_>, refusal: Refusal) -> Bound<'_, PyAny> {
    PyInt::new(py, refusal as u8).into_any()
}
