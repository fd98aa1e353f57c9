//! Parcels of many bytes: these go in memory of their own, by a descriptor. So what is left to be sent fits where
//! it goes, and whoever sends it waits for nobody.
//!
//! # Format
//!
//! Behind the bytes of the parcel one more: 0; or 1 and nothing before it, and then the last descriptor is that of
//! the memory.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::parcel::Parcel;
use crate::os::memory;

/// More bytes than these go by descriptor. The system's smallest buffer of a socket has room for them.
const MOST: usize = 2048;
/// No parcel is longer than this when it has been packed.
pub(super) const LIMIT: usize = MOST + 1;
/// Asked of the allocator before the bytes are there.
const AT_ONCE: usize = 1 << 20;

impl Parcel {
    /// Makes it one of few bytes.
    pub(super) fn lighten(mut self) -> io::Result<Self> {
        if self.bytes.len() <= MOST {
            self.bytes.push(0);
            return Ok(self);
        }
        let memory = memory::create("inkle-parcel", self.bytes.len())?;
        let mut file = File::from(memory);
        file.write_all(&self.bytes)?;
        self.fds.push(Arc::new(file.into()));
        Ok(Self { bytes: vec![1], fds: self.fds })
    }

    /// Makes it what it was.
    pub(super) fn unfold(mut self) -> io::Result<Self> {
        match self.bytes.pop() {
            Some(0) => Ok(self),
            Some(1) => {
                let memory = self.fds.pop().ok_or(io::ErrorKind::InvalidData)?;
                self.bytes = read(&File::from(memory.try_clone()?))?;
                Ok(self)
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Not by the position, which all share who have the descriptor.
fn read(file: &File) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    let mut got = 0;
    while got < length {
        // The length is only a claim.
        bytes.resize(length.min(got + AT_ONCE.max(got)), 0);
        match file.read_at(&mut bytes[got..], got as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
