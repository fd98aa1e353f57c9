//! What is measured of an image, and on what.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use inkle_tests::toolchain::Toolchain;

use crate::elf::Image;
use crate::rows::{JOBS, WHOLE};
use crate::trace;

/// A column of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Flash,
    Ram,
    Put,
    Take,
    Full,
    Empty,
    Window,
    Stack,
}

impl Metric {
    pub(crate) const ALL: [Self; 8] = [
        Self::Flash,
        Self::Ram,
        Self::Put,
        Self::Take,
        Self::Full,
        Self::Empty,
        Self::Window,
        Self::Stack,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Flash => "flash",
            Self::Ram => "RAM",
            Self::Put => "put",
            Self::Take => "take",
            Self::Full => "full",
            Self::Empty => "empty",
            Self::Window => "off",
            Self::Stack => "stack",
        }
    }
}

/// A figure for each [`Metric`], in their order; none for what cannot be.
pub(crate) type Figures = [Option<u32>; 8];

/// A chip, and what stands in for atomic instructions that it does not have.
pub(crate) struct Ground {
    pub(crate) name: &'static str,
    target: &'static str,
    machine: &'static str,
    feature: &'static str,
}

pub(crate) const GROUNDS: [Ground; 3] = [
    Ground {
        name: "Cortex-M3 (thumbv7m)",
        target: "thumbv7m-none-eabi",
        machine: "lm3s6965evb",
        feature: "single-core",
    },
    Ground {
        name: "Cortex-M0 (thumbv6m), portable-atomic's `unsafe-assume-single-core`",
        target: "thumbv6m-none-eabi",
        machine: "microbit",
        feature: "single-core",
    },
    Ground {
        name: "Cortex-M0 (thumbv6m), portable-atomic's `critical-section`",
        target: "thumbv6m-none-eabi",
        machine: "microbit",
        feature: "any-core",
    },
];

pub(crate) const TARGETS: [&str; 2] = ["thumbv6m-none-eabi", "thumbv7m-none-eabi"];

/// Builds all images for this ground into `folder` and measures each.
pub(crate) fn measure(
    ground: &Ground,
    toolchain: &Toolchain,
    folder: &Path,
) -> Result<HashMap<&'static str, Figures>, String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/cost/Cargo.toml");
    toolchain.build(manifest, &[ground.target], folder, &["--features", ground.feature])?;
    let built = folder.join(ground.target).join("release");
    let without = measure_image(ground, &built.join("nothing"))?;
    let mut measured = HashMap::new();
    for name in images() {
        let mut figures =
            measure_image(ground, &built.join(name)).map_err(|error| format!("{name}: {error}"))?;
        // The code around the operations is the same in both.
        for (figure, without) in figures.iter_mut().zip(without).take(2) {
            *figure = figure.zip(without).map(|(figure, without)| figure - without);
        }
        measured.insert(name, figures);
    }
    Ok(measured)
}

fn images() -> impl Iterator<Item = &'static str> {
    let ours = JOBS.iter().flat_map(|job| job.ours.iter().map(|ours| ours.image));
    let peers = JOBS.iter().flat_map(|job| job.peers.iter().map(|peer| peer.0));
    ours.chain(peers).chain(WHOLE.iter().flat_map(|row| [row.0, row.2]))
}

fn measure_image(ground: &Ground, file: &Path) -> Result<Figures, String> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let image = Image::new(bytes).ok_or("not an image")?;
    let (size, counts) = (image.size(), trace::run(ground.machine, file, &image)?);
    let [full, empty] = counts.refused.map_or([None; 2], |refused| refused.map(Some));
    let [flash, ram, put, take, off, stack] =
        [size.flash, size.ram, counts.put, counts.take, counts.window, counts.stack].map(Some);
    Ok([flash, ram, put, take, full, empty, off, stack])
}
