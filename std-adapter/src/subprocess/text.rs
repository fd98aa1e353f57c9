//! Bytes as text and text as bytes. (SP024, SP025)

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::fmt::Write;
use std::str::FromStr;

/// How bytes stand for text: Python's `encoding`, with `errors`. (SP024)
///
/// ```
/// use inkle::subprocess::{Command, Encoding, Errors};
///
/// let done = Command::shell(r"printf 'caf\351\r\n'").capture_output().run().unwrap();
/// assert_eq!(done.output.stdout_in(Encoding::Latin1, Errors::Strict).unwrap(), "café\n");
/// let error = done.output.stdout_in(Encoding::Ascii, Errors::Strict).unwrap_err();
/// assert_eq!(error.to_string(), "the byte 0xe9 at 3 is no ASCII");
/// assert_eq!(done.output.stdout_in(Encoding::Ascii, Errors::Escape).unwrap(), "caf\\xe9\n");
///
/// let latin = Encoding::Latin1.encode("naïve", Errors::Strict).unwrap();
/// let done = Command::new("cat").input(latin).capture_output().run().unwrap();
/// assert_eq!(done.output.stdout, b"na\xefve");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// One to four bytes a character.
    #[default]
    Utf8,
    /// The first 128 characters, a byte each.
    Ascii,
    /// ISO 8859-1: the first 256 characters, a byte each.
    Latin1,
    /// Two or four bytes a character; a mark at the begin tells their order, which without one is this
    /// machine's. It is written, and is not part of the text that is read.
    Utf16,
    /// As that, the lower byte first, without a mark.
    Utf16Le,
    /// As that, the higher byte first, without a mark.
    Utf16Be,
}

/// What becomes of bytes that stand for no text, and of text that has no bytes: Python's `errors`. (SP024)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Errors {
    /// An error.
    #[default]
    Strict,
    /// `U+FFFD`, or `?` among bytes.
    Replace,
    /// Nothing.
    Ignore,
    /// Its number: `\xe9`, `\u20ac`, `\U0001f980`. Python's `backslashreplace`.
    Escape,
}

/// Where bytes are no text, or text has no bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    encoding: Encoding,
    position: usize,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Byte(u8),
    Character(char),
}

impl TextError {
    /// The byte that it begins with, counted from 0: of the bytes, or of the text.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { encoding, position, what } = self;
        match what {
            What::Byte(byte) => write!(f, "the byte {byte:#04x} at {position} is no {encoding}"),
            What::Character(c) => {
                write!(f, "the character {c:?} at {position} is not in {encoding}")
            }
        }
    }
}

impl Error for TextError {}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Utf8 => "UTF-8",
            Self::Ascii => "ASCII",
            Self::Latin1 => "Latin-1",
            Self::Utf16 => "UTF-16",
            Self::Utf16Le => "UTF-16-LE",
            Self::Utf16Be => "UTF-16-BE",
        })
    }
}

/// By the names that Python has for it, in any case, with `-`, `_` or neither.
///
/// Errors: none has this name.
impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        let plain = name.chars().filter(|c| !matches!(c, '-' | '_' | ' '));
        match plain.collect::<String>().to_ascii_lowercase().as_str() {
            "utf8" | "u8" => Ok(Self::Utf8),
            "ascii" | "usascii" | "646" => Ok(Self::Ascii),
            "latin1" | "latin" | "iso88591" | "88591" | "l1" | "cp819" => Ok(Self::Latin1),
            "utf16" | "u16" => Ok(Self::Utf16),
            "utf16le" => Ok(Self::Utf16Le),
            "utf16be" => Ok(Self::Utf16Be),
            _ => Err(UnknownEncoding(name.to_owned())),
        }
    }
}

/// No [`Encoding`] has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEncoding(String);

impl fmt::Display for UnknownEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no encoding {:?}", self.0)
    }
}

impl Error for UnknownEncoding {}

impl Encoding {
    /// Text that these bytes stand for, to the byte: the ends of lines are what they are.
    ///
    /// Errors: [`TextError`], if they are [`Strict`](Errors::Strict).
    pub fn decode(self, bytes: &[u8], errors: Errors) -> Result<String, TextError> {
        let mut text = Decoded { encoding: self, errors, text: String::new() };
        text.text.reserve(bytes.len());
        match self {
            Self::Utf8 => text.utf8(bytes)?,
            Self::Latin1 => text.text.extend(bytes.iter().map(|byte| char::from(*byte))),
            Self::Ascii => {
                for (position, byte) in bytes.iter().enumerate() {
                    match byte.is_ascii() {
                        true => text.text.push(char::from(*byte)),
                        false => text.bad(bytes, position, 1)?,
                    }
                }
            }
            Self::Utf16Le => text.utf16(bytes, 0, false)?,
            Self::Utf16Be => text.utf16(bytes, 0, true)?,
            Self::Utf16 => match bytes {
                [0xff, 0xfe, ..] => text.utf16(bytes, 2, false)?,
                [0xfe, 0xff, ..] => text.utf16(bytes, 2, true)?,
                _ => text.utf16(bytes, 0, cfg!(target_endian = "big"))?,
            },
        }
        Ok(text.text)
    }

    /// Bytes that stand for this text.
    ///
    /// Errors: [`TextError`], if they are [`Strict`](Errors::Strict) and the encoding has not all characters.
    pub fn encode(self, text: &str, errors: Errors) -> Result<Vec<u8>, TextError> {
        let wide = |order: fn(u16) -> [u8; 2], mark: &[u16]| {
            let units = mark.iter().copied().chain(text.encode_utf16());
            units.flat_map(order).collect()
        };
        let most = match self {
            Self::Utf8 => return Ok(text.as_bytes().to_vec()),
            Self::Utf16 => return Ok(wide(u16::to_ne_bytes, &[0xfeff])),
            Self::Utf16Le => return Ok(wide(u16::to_le_bytes, &[])),
            Self::Utf16Be => return Ok(wide(u16::to_be_bytes, &[])),
            Self::Ascii => 0x7f,
            Self::Latin1 => 0xff,
        };
        let mut bytes = Vec::with_capacity(text.len());
        for (position, c) in text.char_indices() {
            match (u32::from(c), errors) {
                (number, _) if number <= most => bytes.push(number as u8),
                (_, Errors::Strict) => {
                    let what = What::Character(c);
                    return Err(TextError { encoding: self, position, what });
                }
                (_, Errors::Replace) => bytes.push(b'?'),
                (_, Errors::Ignore) => {}
                (number @ 0..=0xff, Errors::Escape) => {
                    bytes.extend(format!("\\x{number:02x}").bytes())
                }
                (number @ 0..=0xffff, Errors::Escape) => {
                    bytes.extend(format!("\\u{number:04x}").bytes())
                }
                (number, Errors::Escape) => bytes.extend(format!("\\U{number:08x}").bytes()),
            }
        }
        Ok(bytes)
    }
}

struct Decoded {
    encoding: Encoding,
    errors: Errors,
    text: String,
}

impl Decoded {
    /// So many bytes from `position` on stand for no text.
    fn bad(&mut self, bytes: &[u8], position: usize, len: usize) -> Result<(), TextError> {
        match self.errors {
            Errors::Strict => {
                let what = What::Byte(bytes[position]);
                return Err(TextError { encoding: self.encoding, position, what });
            }
            Errors::Replace => self.text.push(char::REPLACEMENT_CHARACTER),
            Errors::Ignore => {}
            Errors::Escape => {
                for byte in &bytes[position..position + len] {
                    // A string takes everything.
                    let _ = write!(self.text, "\\x{byte:02x}");
                }
            }
        }
        Ok(())
    }

    fn utf8(&mut self, bytes: &[u8]) -> Result<(), TextError> {
        let mut position = 0;
        for chunk in bytes.utf8_chunks() {
            self.text.push_str(chunk.valid());
            position += chunk.valid().len();
            let len = chunk.invalid().len();
            if len > 0 {
                self.bad(bytes, position, len)?;
                position += len;
            }
        }
        Ok(())
    }

    fn utf16(&mut self, bytes: &[u8], start: usize, is_big: bool) -> Result<(), TextError> {
        let order = if is_big { u16::from_be_bytes } else { u16::from_le_bytes };
        let pairs = bytes[start..].chunks_exact(2);
        let rest = pairs.remainder().len();
        let units = pairs.map(|pair| order([pair[0], pair[1]]));
        let mut position = start;
        for unit in char::decode_utf16(units) {
            match unit {
                Ok(c) => {
                    self.text.push(c);
                    position += 2 * c.len_utf16();
                }
                Err(_) => {
                    self.bad(bytes, position, 2)?;
                    position += 2;
                }
            }
        }
        if rest > 0 { self.bad(bytes, position, rest) } else { Ok(()) }
    }
}

/// CR LF and a CR alone are ends of lines too. (SP025)
pub(super) fn newlines(text: Cow<'_, str>) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.into() }
}
