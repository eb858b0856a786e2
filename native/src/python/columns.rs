//! Columns of scalars and elements of ristretto255; their interface is documented in `loopixmix/_native.pyi`.
//!
//! All work on whole columns is done without the GIL. Arguments that do not fit are `ValueError`, as
//! `loopixmix.group.group` says; encodings that peers made come back as the index of the first bad one.

use std::ops::Range;

use pyo3::basic::CompareOp;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyIndexError, PyOverflowError, PyTypeError, PyValueError, PyZeroDivisionError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyInt, PySlice};
use pyo3::{IntoPyObjectExt, PyClass, PyTypeInfo};

use super::sized;
use crate::ristretto::arithmetic::Arithmetic;
use crate::ristretto::column::{Misfit, Pairs};
use crate::ristretto::elements::Elements;
use crate::ristretto::hashing::Hasher;
use crate::ristretto::scalars::{self, Scalars};
use crate::ristretto::{dumping, embedding, fixed, sums};

/// Raised whenever this interface changes, so that an old build is noticed.
pub(super) const VERSION: u32 = 1;

impl From<Misfit> for PyErr {
    fn from(misfit: Misfit) -> Self {
        match misfit {
            Misfit::Index(_) => PyIndexError::new_err(misfit.to_string()),
            _ => PyValueError::new_err(misfit.to_string()),
        }
    }
}

/// A column of scalars.
#[pyclass(frozen, module = "loopixmix._native")]
pub(super) struct ScalarColumn(Scalars);

#[pymethods]
impl ScalarColumn {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __repr__(&self) -> String {
        format!("<{} scalars>", self.0.len())
    }

    fn __getitem__(&self, which: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(self.0.part(bounds_of(which, self.0.len())?)))
    }

    #[pyo3(signature = (indices, /))]
    fn take(&self, py: Python<'_>, indices: &Bound<'_, PyAny>) -> PyResult<Self> {
        let indices = indices_of(indices, self.0.len())?;
        Ok(Self(py.detach(|| self.0.take(&indices))?))
    }

    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| scalars::encode(&self.0)))
    }

    fn numbers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let from_bytes = PyInt::type_object(py).getattr("from_bytes")?;
        self.0.iter().map(|scalar| from_bytes.call1((PyBytes::new(py, scalar.as_bytes()), "little"))).collect()
    }

    fn __add__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.each_pair(other, scalars::add)
    }

    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.each_pair(other, scalars::subtract)
    }

    fn __mul__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.each_pair(other, scalars::multiply)
    }

    fn __neg__(&self, py: Python<'_>) -> Self {
        Self(py.detach(|| scalars::negate(&self.0)))
    }

    fn invert(&self, py: Python<'_>) -> PyResult<Self> {
        let inverted = py.detach(|| scalars::invert(&self.0));
        inverted.map(Self).ok_or_else(|| PyZeroDivisionError::new_err("0 has no inverse"))
    }

    fn sum(&self, py: Python<'_>) -> Self {
        Self(py.detach(|| vec![scalars::sum(&self.0)].into()))
    }

    #[pyo3(signature = (other, /))]
    fn inner(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let column = column::<Self>(other)?.get();
        Ok(Self(vec![other.py().detach(|| scalars::inner(&self.0, &column.0))?].into()))
    }

    fn running_products(&self, py: Python<'_>) -> Self {
        Self(py.detach(|| scalars::running_products(&self.0)))
    }

    fn __richcmp__<'py>(&self, other: &Bound<'py, PyAny>, compare: CompareOp) -> PyResult<Bound<'py, PyAny>> {
        compared::<Self>(other, compare, |column| {
            let column = column.get();
            other.py().detach(|| scalars::equal(&self.0, &column.0))
        })
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.encode(py).hash()
    }
}

impl ScalarColumn {
    fn each_pair(
        &self,
        other: &Bound<'_, PyAny>,
        combine: fn(&Pairs<'_, curve25519_dalek::Scalar, curve25519_dalek::Scalar>) -> Scalars,
    ) -> PyResult<Self> {
        let pairs = Pairs::new(&self.0, &column::<Self>(other)?.get().0)?;
        Ok(Self(other.py().detach(|| combine(&pairs))))
    }
}

/// A column of elements.
#[pyclass(frozen, module = "loopixmix._native")]
pub(super) struct ElementColumn(Elements);

#[pymethods]
impl ElementColumn {
    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __repr__(&self) -> String {
        format!("<{} elements>", self.0.len())
    }

    fn __getitem__(&self, which: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(self.0.part(bounds_of(which, self.0.len())?)))
    }

    #[pyo3(signature = (indices, /))]
    fn take(&self, py: Python<'_>, indices: &Bound<'_, PyAny>) -> PyResult<Self> {
        let indices = indices_of(indices, self.0.len())?;
        Ok(Self(py.detach(|| self.0.take(&indices))?))
    }

    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, py.detach(|| self.0.encode()).as_flattened())
    }

    fn dump<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &py.detach(|| dumping::dump(&self.0)))
    }

    fn __add__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let column = column::<Self>(other)?.get();
        Ok(Self(other.py().detach(|| self.0.add(&column.0))?))
    }

    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let column = column::<Self>(other)?.get();
        Ok(Self(other.py().detach(|| self.0.subtract(&column.0))?))
    }

    fn __neg__(&self, py: Python<'_>) -> Self {
        Self(py.detach(|| self.0.negate()))
    }

    #[pyo3(signature = (scalars, /))]
    fn times(&self, scalars: &Bound<'_, PyAny>) -> PyResult<Self> {
        let column = column::<ScalarColumn>(scalars)?.get();
        Ok(Self(scalars.py().detach(|| self.0.times(&column.0))?))
    }

    #[pyo3(signature = (scalars, /))]
    fn times_public(&self, scalars: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.times(scalars)
    }

    fn sum(&self, py: Python<'_>) -> Self {
        Self(py.detach(|| self.0.sum()))
    }

    fn is_identity(&self, py: Python<'_>) -> Vec<bool> {
        py.detach(|| self.0.is_identity())
    }

    fn __richcmp__<'py>(&self, other: &Bound<'py, PyAny>, compare: CompareOp) -> PyResult<Bound<'py, PyAny>> {
        compared::<Self>(other, compare, |column| {
            let column = column.get();
            other.py().detach(|| self.0.equal(&column.0))
        })
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.encode(py).hash()
    }
}

/// Tables for multiplying one element by many scalars.
#[pyclass(frozen, module = "loopixmix._native")]
pub(super) struct FixedBaseTable(fixed::FixedBase);

#[pymethods]
impl FixedBaseTable {
    #[new]
    #[pyo3(signature = (base, /))]
    fn new(base: &Bound<'_, PyAny>) -> PyResult<Self> {
        let base = &column::<ElementColumn>(base)?.get().0;
        match base.len() {
            1 => Ok(Self(fixed::FixedBase::new(Arithmetic::pick(), base.clone()))),
            length => Err(PyValueError::new_err(format!("a column of 1 is needed, not of {length}"))),
        }
    }

    #[getter]
    fn base(&self) -> ElementColumn {
        ElementColumn(self.0.base().clone())
    }

    #[pyo3(signature = (scalars, /))]
    fn times(&self, scalars: &Bound<'_, PyAny>) -> PyResult<ElementColumn> {
        let column = column::<ScalarColumn>(scalars)?.get();
        Ok(ElementColumn(scalars.py().detach(|| self.0.times(&column.0))))
    }

    #[pyo3(signature = (scalars, /))]
    fn times_public(&self, scalars: &Bound<'_, PyAny>) -> PyResult<ElementColumn> {
        let column = column::<ScalarColumn>(scalars)?.get();
        Ok(ElementColumn(scalars.py().detach(|| self.0.times_public(&column.0))))
    }
}

/// Decode elements, or tell the index of the first bad encoding.
#[pyfunction]
#[pyo3(signature = (encodings, /))]
pub(super) fn decode_elements<'py>(py: Python<'py>, encodings: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match py.detach(|| Elements::decode(encodings))? {
        Ok(elements) => ElementColumn(elements).into_bound_py_any(py),
        Err(index) => index.into_bound_py_any(py),
    }
}

/// Read dumped elements back.
#[pyfunction]
#[pyo3(signature = (dumped, /))]
pub(super) fn load_elements(py: Python<'_>, dumped: &[u8]) -> PyResult<ElementColumn> {
    Ok(ElementColumn(py.detach(|| dumping::load(dumped))?))
}

/// Decode scalars, or tell the index of the first bad encoding.
#[pyfunction]
#[pyo3(signature = (encodings, /))]
pub(super) fn decode_scalars<'py>(py: Python<'py>, encodings: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match py.detach(|| scalars::decode(encodings))? {
        Ok(scalars) => ScalarColumn(scalars).into_bound_py_any(py),
        Err(index) => index.into_bound_py_any(py),
    }
}

/// Read short little-endian numbers.
#[pyfunction]
#[pyo3(signature = (numbers, width, /))]
pub(super) fn short_scalars(py: Python<'_>, numbers: &[u8], width: usize) -> PyResult<ScalarColumn> {
    Ok(ScalarColumn(py.detach(|| scalars::short(numbers, width))?))
}

/// Reduce blocks of 64 bytes.
#[pyfunction]
#[pyo3(signature = (uniform, /))]
pub(super) fn reduce_scalars(py: Python<'_>, uniform: &[u8]) -> PyResult<ScalarColumn> {
    Ok(ScalarColumn(py.detach(|| scalars::reduce(uniform))?))
}

/// Hash messages to elements.
#[pyfunction]
#[pyo3(signature = (domain, messages, /))]
pub(super) fn hash_to_elements(py: Python<'_>, domain: &[u8], messages: Vec<PyBackedBytes>) -> PyResult<ElementColumn> {
    let hasher = hasher(domain)?;
    Ok(ElementColumn(py.detach(|| hasher.hash(&messages))))
}

/// Hash a seed with each of a range of numbers to elements.
#[pyfunction]
#[pyo3(signature = (domain, seed, first, count, /))]
pub(super) fn derive_elements(
    py: Python<'_>,
    domain: &[u8],
    seed: &[u8],
    first: u64,
    count: usize,
) -> PyResult<ElementColumn> {
    let hasher = hasher(domain)?;
    Ok(ElementColumn(py.detach(|| hasher.derive(seed, first, count))))
}

/// Put data into elements.
#[pyfunction]
#[pyo3(signature = (data, /))]
pub(super) fn embed_elements(py: Python<'_>, data: Vec<PyBackedBytes>) -> PyResult<ElementColumn> {
    let data = data.iter().map(|each| sized(each, "the data of an element")).collect::<PyResult<Vec<_>>>()?;
    Ok(ElementColumn(py.detach(|| embedding::embed(Arithmetic::pick(), &data))))
}

/// Read the data in elements.
#[pyfunction]
#[pyo3(signature = (elements, /))]
pub(super) fn extract_elements<'py>(elements: &Bound<'py, PyAny>) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
    let (py, column) = (elements.py(), column::<ElementColumn>(elements)?.get());
    let extracted = py.detach(|| embedding::extract(Arithmetic::pick(), &column.0));
    Ok(extracted.into_iter().map(|data| data.map(|data| PyBytes::new(py, &data))).collect())
}

/// Add up products.
#[pyfunction]
#[pyo3(signature = (scalars, elements, /))]
pub(super) fn multi_scalar(scalars: &Bound<'_, PyAny>, elements: &Bound<'_, PyAny>) -> PyResult<ElementColumn> {
    let (py, scalars) = (scalars.py(), column::<ScalarColumn>(scalars)?.get());
    let elements = column::<ElementColumn>(elements)?.get();
    Ok(ElementColumn(py.detach(|| sums::multi_scalar(Arithmetic::pick(), &scalars.0, &elements.0))?))
}

/// Join columns of elements.
#[pyfunction]
#[pyo3(signature = (columns, /))]
pub(super) fn join_elements(py: Python<'_>, columns: Vec<Bound<'_, PyAny>>) -> PyResult<ElementColumn> {
    let columns = columns.iter().map(column::<ElementColumn>).collect::<PyResult<Vec<_>>>()?;
    let columns: Vec<&Elements> = columns.iter().map(|column| &column.get().0).collect();
    Ok(ElementColumn(py.detach(|| Elements::join(&columns))))
}

/// Join columns of scalars.
#[pyfunction]
#[pyo3(signature = (columns, /))]
pub(super) fn join_scalars(py: Python<'_>, columns: Vec<Bound<'_, PyAny>>) -> PyResult<ScalarColumn> {
    let columns = columns.iter().map(column::<ScalarColumn>).collect::<PyResult<Vec<_>>>()?;
    let columns: Vec<&[_]> = columns.iter().map(|column| &*column.get().0).collect();
    Ok(ScalarColumn(py.detach(|| Scalars::join(&columns))))
}

fn hasher(domain: &[u8]) -> PyResult<Hasher> {
    let wrong = || PyValueError::new_err(format!("a domain separation tag has 1 to 255 bytes, not {}", domain.len()));
    Hasher::new(domain).ok_or_else(wrong)
}

/// Returns an operand. Another kind of object is a `ValueError`, since it may be a column of another group or engine.
fn column<'a, 'py, T: PyClass>(object: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, T>> {
    object.cast::<T>().map_err(|_| {
        let kind = object.get_type().name().map_or_else(|_| String::new(), |name| name.to_string());
        PyValueError::new_err(format!("{} is needed, not {kind}", T::NAME))
    })
}

fn compared<'py, T: PyTypeInfo>(
    other: &Bound<'py, PyAny>,
    compare: CompareOp,
    equal: impl FnOnce(&Bound<'py, T>) -> bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = other.py();
    match (compare, other.cast::<T>()) {
        (CompareOp::Eq, Ok(column)) => equal(column).into_bound_py_any(py),
        (CompareOp::Ne, Ok(column)) => (!equal(column)).into_bound_py_any(py),
        _ => Ok(py.NotImplemented().into_bound(py)),
    }
}

/// Returns where a slice begins and ends.
fn bounds_of(which: &Bound<'_, PyAny>, length: usize) -> PyResult<Range<usize>> {
    let Ok(slice) = which.cast::<PySlice>() else {
        return Err(PyTypeError::new_err("a column is indexed by slices only"));
    };
    let indices = slice.indices(isize::try_from(length)?)?;
    if indices.step != 1 {
        return Err(PyValueError::new_err(format!("the step of a slice of a column is 1, not {}", indices.step)));
    }
    let (begin, end) = (usize::try_from(indices.start)?, usize::try_from(indices.stop)?);
    Ok(begin..end.max(begin))
}

/// Reads indices: fast from an `array("I")`, else one by one.
fn indices_of(indices: &Bound<'_, PyAny>, length: usize) -> PyResult<Vec<usize>> {
    if let Ok(buffer) = PyBuffer::<u32>::get(indices) {
        return Ok(buffer.to_vec(indices.py())?.into_iter().map(|index| index as usize).collect());
    }
    let one = |index: PyResult<Bound<'_, PyAny>>| {
        index?.extract::<usize>().map_err(|error| {
            let out_of_range = error.is_instance_of::<PyOverflowError>(indices.py());
            if out_of_range { Misfit::Index(length).into() } else { error }
        })
    };
    indices.try_iter()?.map(one).collect()
}
