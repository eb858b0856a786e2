//! Entries that never change, in one piece of memory, of which parts are shared.

#![forbid(unsafe_code)]

use std::ops::Range;
use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

/// What is wrong with the arguments of an operation on columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// Lengths that are neither equal nor 1.
    Lengths(usize, usize),
    /// Lengths that are not equal.
    Unequal(usize, usize),
    /// An index that is not below the length.
    Index(usize),
    /// Bytes that are no multiple of the width of an entry.
    Bytes(usize, usize),
    /// The index of an element that was not dumped by this engine.
    Dump(usize),
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lengths(mine, other) => {
                write!(f, "columns of {mine} and {other} do not go together: lengths are equal, or one of them is 1")
            }
            Self::Unequal(mine, other) => write!(f, "columns of {mine} and {other} are not equally long"),
            Self::Index(length) => write!(f, "an index is not below the length of the column, {length}"),
            Self::Bytes(length, width) => write!(f, "{length} bytes are no multiple of {width}"),
            Self::Dump(index) => write!(f, "element {index} was not dumped by this engine"),
        }
    }
}

/// Entries that are wiped when nobody uses them any more. A part shares the memory of the whole, and keeps it.
#[derive(Clone)]
pub struct Column<T: Zeroize> {
    all: Arc<Zeroizing<Vec<T>>>,
    range: Range<usize>,
}

impl<T: Zeroize> From<Vec<T>> for Column<T> {
    fn from(entries: Vec<T>) -> Self {
        let range = 0..entries.len();
        Self { all: Arc::new(Zeroizing::new(entries)), range }
    }
}

impl<T: Zeroize> std::ops::Deref for Column<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all[self.range.clone()]
    }
}

impl<T: Zeroize + Copy> Column<T> {
    /// Returns a part, sharing the memory.
    ///
    /// # Panics
    /// If `part` does not lie inside.
    #[must_use]
    pub fn part(&self, part: Range<usize>) -> Self {
        assert!(part.start <= part.end && part.end <= self.len());
        Self { all: self.all.clone(), range: self.range.start + part.start..self.range.start + part.end }
    }

    /// Returns the entries at `indices`, in that order.
    ///
    /// # Errors
    /// [`Misfit::Index`].
    pub fn take(&self, indices: &[usize]) -> Result<Self, Misfit> {
        let taken = indices.iter().map(|&index| self.get(index).copied()).collect::<Option<Vec<T>>>();
        taken.map(Self::from).ok_or(Misfit::Index(self.len()))
    }

    /// Returns all entries of several columns, in order.
    #[must_use]
    pub fn join(columns: &[&[T]]) -> Self {
        columns.concat().into()
    }
}

/// Two columns side by side: of equal length, or one of length 1 that goes with each entry of the other.
pub struct Pairs<'a, A, B> {
    left: &'a [A],
    right: &'a [B],
    length: usize,
}

impl<'a, A: Copy, B: Copy> Pairs<'a, A, B> {
    /// Puts two columns side by side.
    ///
    /// # Errors
    /// [`Misfit::Lengths`].
    pub fn new(left: &'a [A], right: &'a [B]) -> Result<Self, Misfit> {
        let length = match (left.len(), right.len()) {
            (left, right) if left == right || right == 1 => left,
            (1, right) => right,
            (left, right) => return Err(Misfit::Lengths(left, right)),
        };
        Ok(Self { left, right, length })
    }

    /// Returns how many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Tells whether there is no pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Returns the pairs from `begin` on.
    pub fn from(&self, begin: usize) -> impl Iterator<Item = (&'a A, &'a B)> {
        let (left, right) = (self.left, self.right);
        let at = |length: usize, index: usize| if length == 1 { 0 } else { index };
        (begin..self.length).map(move |index| (&left[at(left.len(), index)], &right[at(right.len(), index)]))
    }
}

/// Bytes that are cut into pieces of `N`.
#[derive(Clone, Copy)]
pub struct Pieces<'a, const N: usize>(&'a [u8]);

impl<'a, const N: usize> Pieces<'a, N> {
    /// Takes the bytes.
    ///
    /// # Errors
    /// [`Misfit::Bytes`].
    pub fn new(bytes: &'a [u8]) -> Result<Self, Misfit> {
        if bytes.len() % N == 0 { Ok(Self(bytes)) } else { Err(Misfit::Bytes(bytes.len(), N)) }
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len() / N
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the pieces from `begin` on.
    pub fn from(&self, begin: usize) -> impl Iterator<Item = [u8; N]> + 'a {
        self.0[begin * N..].chunks_exact(N).map(|piece| piece.try_into().unwrap_or([0; N]))
    }
}
