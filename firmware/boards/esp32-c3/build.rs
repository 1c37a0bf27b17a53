//! Gives the linker esp-hal's script, and tells where painting the stack may begin: above the word that guards its end.

fn main() {
    println!("cargo:rustc-link-arg-bins=-Tlinkall.x");
    println!("cargo:rustc-link-arg-bins=--defsym=__estack=__stack_chk_guard+16");
}
