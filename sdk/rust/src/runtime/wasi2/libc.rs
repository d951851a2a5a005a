//! A function of wasi-libc that does not fit sockets, replaced.

use std::ffi::c_int;

const F_GETFD: c_int = 1;
const F_SETFD: c_int = 2;
const F_GETFL: c_int = 3;
const F_SETFL: c_int = 4;
const O_NONBLOCK: c_int = 4;
const FIONBIO: c_int = 2;
const EINVAL: c_int = 28;

unsafe extern "C" {
    fn ioctl(fd: c_int, request: c_int, ...) -> c_int;
    fn __errno_location() -> *mut c_int;
}

/// wasi-libc answers `EINVAL` for sockets here, which mio calls to make an accepted socket non-blocking.
/// The variable arguments arrive as a pointer to them.
#[unsafe(no_mangle)]
extern "C" fn fcntl(fd: c_int, command: c_int, arguments: *const c_int) -> c_int {
    match command {
        F_GETFD | F_SETFD => 0,
        // Callers add O_NONBLOCK to this and set it again.
        F_GETFL => 0,
        F_SETFL => {
            // SAFETY: `F_SETFL` has one argument, an int.
            let on = c_int::from(unsafe { *arguments } & O_NONBLOCK != 0);
            // SAFETY: `FIONBIO` takes a pointer to an int.
            unsafe { ioctl(fd, FIONBIO, &raw const on) }
        }
        _ => {
            // SAFETY: the location of this thread's errno is always valid.
            unsafe { *__errno_location() = EINVAL };
            -1
        }
    }
}
