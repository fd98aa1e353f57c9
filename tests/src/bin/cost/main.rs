//! Cost.
mod elf; mod trace;
use inkle_tests::toolchain::Toolchain;
use std::path::Path;
fn main() {
    let tc = Toolchain::find(&["thumbv6m-none-eabi","thumbv7m-none-eabi"]).unwrap();
    let folder = Path::new("/tmp/t-cost");
    let _ = &tc;
    for (t,m) in [("thumbv6m-none-eabi","microbit"),("thumbv7m-none-eabi","lm3s6965evb")] {
        let mut base=None;
        let mut names: Vec<_> = std::fs::read_dir("tests/firmware/cost/src/bin").unwrap().map(|e|e.unwrap().file_name().into_string().unwrap().replace(".rs","")).collect();
        names.sort(); names.retain(|n|n!="nothing"); names.insert(0,"nothing".into());
        for n in names {
            let f=folder.join(t).join("release").join(&n);
            let Ok(b)=std::fs::read(&f) else {println!("{n} missing"); continue};
            let i=elf::Image::new(b).unwrap();
            let s=i.size();
            let b=*base.get_or_insert(s);
            println!("{t} {n:24} {:5} {:5} {:?}", s.flash-b.flash, s.ram-b.ram, trace::run(m,&f,&i));
        }
    }
}
