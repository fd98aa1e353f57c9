//! How handles go to other processes: as what they hold.

/// For a tuple struct of one field.
macro_rules! travels_as_its_field {
    ($type:ty $(, $($generics:tt)+)?) => {
        impl$(<$($generics)+>)? serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de, $($($generics)+)?> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(deserializer).map(Self)
            }
        }
    };
}

pub(super) use travels_as_its_field;
