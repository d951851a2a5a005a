//! The seccomp filter that hands socket calls to the broker.
//!
//! It is a second filter beside the sandbox's own one, of which the stricter answer counts. It allows what it does not
//! name. It only looks at registers: nothing that a program can change after it has looked.
//!
//! | call | answer |
//! |---|---|
//! | `socket` | `AF_INET`, `AF_INET6`: the broker; `AF_UNIX`: allowed; others: `EAFNOSUPPORT` |
//! | `socketpair` | `AF_UNIX`: allowed; others: `EAFNOSUPPORT` |
//! | `connect`, `bind`, `listen`, `accept`, `accept4`, `sendmsg`, `sendmmsg` | the broker |
//! | `sendto` | with an address: the broker; with `MSG_FASTOPEN`, which connects: `EOPNOTSUPP` |
//! | `setsockopt` | those listed here: allowed; `SO_LINGER`: the broker; others (multicast joins, source routes, devices, marks, filters): `EPERM` |
//! | `fcntl`, `ioctl` that take `O_NONBLOCK` away | the broker, which relies on it |
//! | `ioctl` about network devices | `EACCES`: sockets are of the hub's namespace, whose devices are not to be seen |
//! | `io_uring_*` | `ENOSYS`: they would do all of it past the filter |
//! | another architecture's calls, x32 | kills |
//!
//! No netlink socket makes glibc's `getaddrinfo` believe that the machine has IPv4 and IPv6.

use std::{
    io,
    os::fd::{FromRawFd as _, OwnedFd, RawFd},
};

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO,
    SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_USER_NOTIF, c_int, sock_filter,
};

// include/uapi/linux/audit.h: the ELF machine, with the bits for 64-bit and little-endian.
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the socket filter knows x86-64 and AArch64");

/// `__X32_SYSCALL_BIT`, arch/x86/include/uapi/asm/unistd.h. No call of AArch64 has such a number.
const X32: u32 = 0x4000_0000;

/// `FIONBIO`, include/uapi/asm-generic/ioctls.h.
pub(crate) const FIONBIO: u32 = 0x5421;
/// The first and last requests about devices: include/uapi/linux/sockios.h from `SIOCGIFNAME`, and wireless.h.
const DEVICE_REQUESTS: (u32, u32) = (0x8910, 0x8fff);

/// Options of `SOL_SOCKET`, include/uapi/asm-generic/socket.h. Buffers, timeouts, reuse, keep-alive, time stamps.
const SOCKET_OPTIONS: &[u32] =
    &[2, 6, 7, 8, 9, 10, 11, 12, 15, 16, 18, 20, 21, 29, 35, 37, 40, 42, 49, 63, 64, 65, 66, 67];
/// Options of `IPPROTO_TCP`, include/uapi/linux/tcp.h: `NODELAY`, `MAXSEG`, `CORK`, keep-alive, `SYNCNT`, `LINGER2`,
/// `DEFER_ACCEPT`, `WINDOW_CLAMP`, `QUICKACK`, thin streams, `USER_TIMEOUT`, `FASTOPEN` (of a listener), `TIMESTAMP`,
/// `NOTSENT_LOWAT`, `SAVE_SYN`, `INQ`.
const TCP_OPTIONS: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 17, 18, 23, 24, 25, 27, 36];
/// Options of `IPPROTO_IP`, include/uapi/linux/in.h: `TOS`, `TTL`, `PKTINFO`, `MTU_DISCOVER`, `RECVERR`, `RECVTTL`,
/// `RECVTOS`, `BIND_ADDRESS_NO_PORT`, and what is *sent* to multicast groups (the address is decided each time).
const IP_OPTIONS: &[u32] = &[1, 2, 8, 10, 11, 12, 13, 24, 32, 33, 34];
/// Options of `IPPROTO_IPV6`, include/uapi/linux/in6.h: the same, `V6ONLY`, `DONTFRAG` and `AUTOFLOWLABEL`.
const IPV6_OPTIONS: &[u32] = &[16, 17, 18, 19, 23, 25, 26, 49, 51, 62, 66, 67, 70];
/// Options of `IPPROTO_UDP`, include/uapi/linux/udp.h: `CORK`, `SEGMENT`, `GRO`.
const UDP_OPTIONS: &[u32] = &[1, 103, 104];

/// Calls that always are the broker's.
const BROKERED: &[i64] = &[
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
];
/// Calls that would go around the filter.
const WAYS_AROUND: &[i64] = &[libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

const ALLOW: u32 = SECCOMP_RET_ALLOW;
const BROKER: u32 = SECCOMP_RET_USER_NOTIF;
const KILL: u32 = SECCOMP_RET_KILL_PROCESS;

/// `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`, Linux 5.19: a call that the broker has taken is ended by a fatal signal
/// only. Otherwise a signal could repeat a call between its being made and its being answered, and what it sends would
/// be sent twice. Older kernels have that window.
const WAIT_KILLABLE_RECV: libc::c_ulong = 1 << 5;

const fn refuse(errno: c_int) -> u32 {
    SECCOMP_RET_ERRNO | errno as u32
}

/// Installs the filter for the calling thread and what it becomes, and returns the listener, which [`super::serve`]
/// answers from another process. Sets no-new-privileges. Safe to call between fork and exec: it allocates nothing.
///
/// From here on the caller's own socket calls wait for the broker too. So the listener cannot be sent by `sendmsg`;
/// another process takes it by `pidfd_getfd`, or shares the table of descriptors. It is close-on-exec.
///
/// # Errors
///
/// What seccomp(2) says: `EINVAL` by a kernel without it, `EBUSY` where a filter with a listener is in force.
pub fn install() -> io::Result<OwnedFd> {
    let program = libc::sock_fprog { len: PROGRAM.length, filter: PROGRAM.code.as_ptr().cast_mut() };
    // SAFETY: prctl(2) and seccomp(2) read `program`, whose pointer and length are those of a static array; the kernel
    // copies it and does not write to it. A value of at least 0 is a new descriptor that nobody else owns.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 {
            return Err(io::Error::last_os_error());
        }
        let install = |flags: libc::c_ulong| {
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
        };
        let mut descriptor = install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE_RECV);
        if descriptor < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
            descriptor = install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
        }
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(descriptor as RawFd))
    }
}

/// Whether this kernel has what the broker needs, without installing anything.
///
/// # Errors
///
/// What is missing, in words.
pub fn supported() -> Result<(), &'static str> {
    let action = BROKER;
    // SAFETY: SECCOMP_GET_ACTION_AVAIL reads one u32.
    let available =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) } == 0;
    if !available {
        return Err("the kernel has no seccomp user notification (Linux 5.0)");
    }
    // SO_NETNS_COOKIE came with the same release as SECCOMP_ADDFD_FLAG_SEND, Linux 5.14, and is cheaper to ask for.
    super::socket::own_namespace().map(|_| ()).map_err(|_| "the kernel cannot answer a call by a socket (Linux 5.14)")
}

/// A program of at most this many instructions; the kernel's own limit is 4096.
const SIZE: usize = 256;

struct Program {
    code: [sock_filter; SIZE],
    length: u16,
}

// A `static`, so that it has one address, and no code runs between fork and exec.
static PROGRAM: Program = program();

const fn program() -> Program {
    let mut program = Program { code: [sock_filter { code: 0, jt: 0, jf: 0, k: 0 }; SIZE], length: 0 };
    let p = &mut program;
    // struct seccomp_data: nr, arch, instruction_pointer, args[6].
    p.load(4);
    p.if_equal(ARCHITECTURE, 1, 0);
    p.answer(KILL);
    p.load(0);
    p.add(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1);
    p.answer(KILL);

    // Each call is a block that a different number skips, and that ends with an answer. So the number stays loaded.
    p.each(BROKERED, BROKER);
    p.each(WAYS_AROUND, refuse(libc::ENOSYS));

    let start = p.call(libc::SYS_socket);
    p.load_argument(0);
    p.answer_if(libc::AF_INET as u32, BROKER);
    p.answer_if(libc::AF_INET6 as u32, BROKER);
    p.answer_if(libc::AF_UNIX as u32, ALLOW);
    p.answer(refuse(libc::EAFNOSUPPORT));
    p.end(start);

    let start = p.call(libc::SYS_socketpair);
    p.load_argument(0);
    p.answer_if(libc::AF_UNIX as u32, ALLOW);
    p.answer(refuse(libc::EAFNOSUPPORT));
    p.end(start);

    let start = p.call(libc::SYS_sendto);
    p.load_argument(3);
    p.add(BPF_JMP | BPF_JSET | BPF_K, libc::MSG_FASTOPEN as u32, 0, 1);
    p.answer(refuse(libc::EOPNOTSUPP));
    p.load_argument(4);
    p.if_equal(0, 1, 0);
    p.answer(BROKER);
    p.load_argument_high(4);
    p.answer_if(0, ALLOW);
    p.answer(BROKER);
    p.end(start);

    let start = p.call(libc::SYS_fcntl);
    p.load_argument(1);
    p.if_equal(libc::F_SETFL as u32, 1, 0);
    p.answer(ALLOW);
    p.load_argument(2);
    p.add(BPF_JMP | BPF_JSET | BPF_K, libc::O_NONBLOCK as u32, 0, 1);
    p.answer(ALLOW);
    p.answer(BROKER);
    p.end(start);

    let start = p.call(libc::SYS_ioctl);
    p.load_argument(1);
    p.answer_if(FIONBIO, BROKER);
    p.add(BPF_JMP | BPF_JGE | BPF_K, DEVICE_REQUESTS.0, 0, 2);
    p.add(BPF_JMP | BPF_JGE | BPF_K, DEVICE_REQUESTS.1 + 1, 1, 0);
    p.answer(refuse(libc::EACCES));
    p.answer(ALLOW);
    p.end(start);

    let start = p.call(libc::SYS_setsockopt);
    p.load_argument(1);
    p.options(libc::SOL_SOCKET as u32, SOCKET_OPTIONS, libc::SO_LINGER as u32);
    p.options(libc::IPPROTO_TCP as u32, TCP_OPTIONS, u32::MAX);
    p.options(libc::IPPROTO_IP as u32, IP_OPTIONS, u32::MAX);
    p.options(libc::IPPROTO_IPV6 as u32, IPV6_OPTIONS, u32::MAX);
    p.options(libc::IPPROTO_UDP as u32, UDP_OPTIONS, u32::MAX);
    p.answer(refuse(libc::EPERM));
    p.end(start);

    p.answer(ALLOW);
    program
}

impl Program {
    const fn add(&mut self, code: u32, k: u32, jt: u8, jf: u8) {
        self.code[self.length as usize] = sock_filter { code: code as u16, jt, jf, k };
        self.length += 1;
    }

    const fn load(&mut self, offset: u32) {
        self.add(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
    }

    /// The low half of an argument: all of it, where the kernel takes an `int`. Both architectures are little-endian.
    const fn load_argument(&mut self, index: u32) {
        self.load(16 + 8 * index);
    }

    const fn load_argument_high(&mut self, index: u32) {
        self.load(16 + 8 * index + 4);
    }

    const fn if_equal(&mut self, value: u32, jt: u8, jf: u8) {
        self.add(BPF_JMP | BPF_JEQ | BPF_K, value, jt, jf);
    }

    const fn answer(&mut self, action: u32) {
        self.add(BPF_RET | BPF_K, action, 0, 0);
    }

    const fn answer_if(&mut self, value: u32, action: u32) {
        self.if_equal(value, 0, 1);
        self.answer(action);
    }

    const fn each(&mut self, calls: &[i64], action: u32) {
        let mut i = 0;
        while i < calls.len() {
            self.answer_if(calls[i] as u32, action);
            i += 1;
        }
    }

    /// Begins a block for what is loaded being this call, up to [`Self::end`].
    const fn call(&mut self, number: i64) -> u16 {
        self.if_equal(number as u32, 0, 0);
        self.length
    }

    const fn end(&mut self, start: u16) {
        let length = self.length - start;
        assert!(length <= u8::MAX as u16, "a jump of classic BPF skips 255 instructions at most");
        self.code[start as usize - 1].jf = length as u8;
    }

    /// A block for what is loaded being this level: the option decides.
    const fn options(&mut self, level: u32, allowed: &[u32], brokered: u32) {
        self.if_equal(level, 0, 0);
        let start = self.length;
        self.load_argument(2);
        if brokered != u32::MAX {
            self.answer_if(brokered, BROKER);
        }
        let mut i = 0;
        while i < allowed.len() {
            // To the last instruction of the block, over the ones between.
            self.if_equal(allowed[i], (allowed.len() - i) as u8, 0);
            i += 1;
        }
        self.answer(refuse(libc::EPERM));
        self.answer(ALLOW);
        self.end(start);
    }
}
