//! As much of an image's file as the measurement needs: sizes of its sections, and its instructions.

/// Addresses from here on are RAM on both machines.
const RAM: u32 = 0x2000_0000;

/// Flags and types of sections, from the format's specification.
const ALLOC: u32 = 2;
const NO_BITS: u32 = 8;

/// An image.
pub(crate) struct Image {
    file: Vec<u8>,
    sections: Vec<Section>,
}

struct Section {
    has_bits: bool,
    address: u32,
    offset: u32,
    size: u32,
}

/// Bytes of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Code, constants, and what variables start with.
    pub(crate) flash: u32,
    /// Variables.
    pub(crate) ram: u32,
}

impl Image {
    /// `None` if this is not a 32-bit little-endian ELF file.
    pub(crate) fn new(file: Vec<u8>) -> Option<Self> {
        let has_magic = file.starts_with(&[0x7F, b'E', b'L', b'F', 1, 1]);
        let (table, entry, count) = (word(&file, 0x20)?, half(&file, 0x2E)?, half(&file, 0x30)?);
        let sections = (0..u32::from(count))
            .map(|n| section(&file, table + n * u32::from(entry)))
            .collect::<Option<Vec<_>>>()?;
        has_magic.then(|| Self { file, sections: sections.into_iter().flatten().collect() })
    }

    pub(crate) fn size(&self) -> Size {
        let sum = |of: fn(&Section) -> bool| {
            self.sections.iter().filter(|section| of(section)).map(|section| section.size).sum()
        };
        Size { flash: sum(|section| section.has_bits), ram: sum(|section| section.address >= RAM) }
    }

    /// The 16 bits at this address: a whole instruction, or the first half of one.
    pub(crate) fn instruction(&self, address: u32) -> Option<u16> {
        self.sections.iter().filter(|section| section.has_bits).find_map(|section| {
            let inside = address.checked_sub(section.address)?;
            (inside < section.size).then(|| half(&self.file, section.offset + inside))?
        })
    }
}

/// A section of what is loaded; the inner `None` is one that is not.
fn section(file: &[u8], at: u32) -> Option<Option<Section>> {
    let (kind, flags) = (word(file, at + 4)?, word(file, at + 8)?);
    let section = Section {
        has_bits: kind != NO_BITS,
        address: word(file, at + 12)?,
        offset: word(file, at + 16)?,
        size: word(file, at + 20)?,
    };
    Some((flags & ALLOC != 0).then_some(section))
}

fn half(file: &[u8], at: u32) -> Option<u16> {
    let bytes = file.get(at as usize..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

fn word(file: &[u8], at: u32) -> Option<u32> {
    let bytes = file.get(at as usize..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}
