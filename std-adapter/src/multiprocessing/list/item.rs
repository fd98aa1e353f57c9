//! What a list holds, and how it lies in a slot.

use std::fmt;

/// An item of a [`ShareableList`](super::ShareableList).
///
/// ```
/// use inkle::multiprocessing::Item;
///
/// assert_eq!(Item::from("yarn"), Item::Str("yarn".to_owned()));
/// assert_eq!(Item::from(7), Item::Int(7));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Nothing.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

macro_rules! items_of {
    ($($type:ty => |$value:ident| $item:expr;)+) => {
        $(impl From<$type> for Item {
            fn from($value: $type) -> Self {
                $item
            }
        })+
    };
}

items_of! {
    () => |_nothing| Self::None;
    bool => |value| Self::Bool(value);
    i32 => |value| Self::Int(value.into());
    i64 => |value| Self::Int(value);
    f64 => |value| Self::Float(value);
    &str => |value| Self::Str(value.to_owned());
    String => |value| Self::Str(value);
    &[u8] => |value| Self::Bytes(value.to_vec());
    Vec<u8> => |value| Self::Bytes(value);
}

/// What kind of item a slot holds: a number of three bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    None,
    Bool,
    Int,
    Float,
    Str,
    Bytes,
}

impl Kind {
    const ALL: [Self; 6] = [Self::None, Self::Bool, Self::Int, Self::Float, Self::Str, Self::Bytes];
    pub(super) const BITS: u32 = 3;

    pub(super) fn of(bits: usize) -> Option<Self> {
        Self::ALL.get(bits).copied()
    }

    /// As Python's `struct` writes it, in a slot of so many bytes.
    pub(super) fn format(self, capacity: usize) -> String {
        match self {
            Self::None => "xxxxxx?x".to_owned(),
            Self::Bool => "xxxxxxx?".to_owned(),
            Self::Int => "q".to_owned(),
            Self::Float => "d".to_owned(),
            Self::Str | Self::Bytes => format!("{capacity}s"),
        }
    }
}

impl Item {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::None => Kind::None,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Str(_) => Kind::Str,
            Self::Bytes(_) => Kind::Bytes,
        }
    }

    /// Calls `f` with its bytes.
    pub(super) fn with_bytes<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Self::None => f(&[]),
            Self::Bool(value) => f(&[u8::from(*value)]),
            Self::Int(value) => f(&value.to_ne_bytes()),
            Self::Float(value) => f(&value.to_ne_bytes()),
            Self::Str(value) => f(value.as_bytes()),
            Self::Bytes(value) => f(value),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.with_bytes(<[u8]>::len)
    }

    /// `None` if the bytes are none of that kind.
    pub(super) fn of(kind: Kind, bytes: Vec<u8>) -> Option<Self> {
        Some(match kind {
            Kind::None => Self::None,
            Kind::Bool => Self::Bool(*bytes.first()? != 0),
            Kind::Int => Self::Int(i64::from_ne_bytes(bytes.try_into().ok()?)),
            Kind::Float => Self::Float(f64::from_ne_bytes(bytes.try_into().ok()?)),
            Kind::Str => Self::Str(String::from_utf8(bytes).ok()?),
            Kind::Bytes => Self::Bytes(bytes),
        })
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Str(value) => value.fmt(f),
            Self::Bytes(value) => write!(f, "{value:?}"),
        }
    }
}
