#!/usr/bin/env python3
"""Breaks the process protocol, and attacks what is around a process, in plain Python.

A case appends one line to this file, `main("what")`. `what` is a function of the first part, which is the whole life of
the process, or `attempts`: then the action `try` runs one of the second part and answers with what came of it.
"""

import array
import ctypes
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

# ------------------------------------------------------------------------------------------------- the protocol


def pack(value):
    if value is None:
        return b"\xc0"
    if value is True or value is False:
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value) if value < 0 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        return b"\xdb" + struct.pack(">I", len(text)) + text
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, dict):
        items = b"".join(pack(key) + pack(item) for key, item in value.items())
        return b"\xdf" + struct.pack(">I", len(value)) + items
    return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))


NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
           0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
# Bytes of the length that follows.
LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def value(self):
        tag = self.take(1)[0]
        if tag <= 0x7F:
            return tag
        if tag >= 0xE0:
            return tag - 0x100
        if tag in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[tag]
        if tag in NUMBERS:
            return struct.unpack(NUMBERS[tag], self.take(struct.calcsize(NUMBERS[tag])))[0]
        if tag in LENGTHS:
            length = int.from_bytes(self.take(LENGTHS[tag]), "big")
        else:
            length = tag & (0x1F if 0xA0 <= tag <= 0xBF else 0x0F)
        if tag <= 0x8F or tag in (0xDE, 0xDF):
            return {self.value(): self.value() for _ in range(length)}
        if tag <= 0x9F or tag in (0xDC, 0xDD):
            return [self.value() for _ in range(length)]
        content = self.take(length)
        return content if tag in (0xC4, 0xC5, 0xC6) else content.decode()


hub = socket.socket(fileno=3)
stream = hub.makefile("rb")
switch = None
config = {}


def frame(body):
    return struct.pack(">I", len(body)) + body


def message(name, /, **fields):
    return frame(pack({name: {key.replace("_", "-"): value for key, value in fields.items()}}))


def say(name, /, **fields):
    hub.sendall(message(name, **fields))


def log(text):
    say("log", level="info", message=text)


def hear():
    """The next message's name and fields; None when the hub has hung up."""
    prefix = stream.read(4)
    if len(prefix) < 4:
        return None, None
    return next(iter(Reader(stream.read(struct.unpack(">I", prefix)[0])).value().items()))


def call(number, request):
    """A call and its answer. Nothing else may be under way."""
    say("call", id=number, request=request)
    while True:
        name, fields = hear()
        if name is None:
            sys.exit(0)
        if name == "answer":
            return fields["result"]


def device(name="bench", kind="switch"):
    return {"id": name, "name": "Breaker", "attributes": [], "entities": [
        {"id": "switch", "name": "Switch", "attributes": [], "components": [
            {"kind": kind, "access": "read-write", "attributes": []}]}]}


def hello(**more):
    global config
    say("hello", version="0.1", sdk="a breaker", **more)
    config = json.loads(hear()[1]["config"])


def greet(kind="switch", **more):
    """A good beginning. The device has the identifier of the neighbour's."""
    global switch
    hello(**more)
    switch, = call(1, {"describe": {"device": device(kind=kind)}})["ok"]["handles"]
    say("complete")
    say("ready")


def answers(fields, carry_out=None):
    """The frame that answers an order, after it was carried out."""
    order, result = fields["request"], {"ok": None}
    if "command" in order:
        for change in order["command"]["changes"]:
            say("write", updates=[{"component": switch, "value": change["value"]}])
    elif "action" in order:
        result = {"ok": json.dumps(carry_out(json.loads(order["action"]["parameters"])))}
    return message("answer", id=fields["id"], result=result)


def obey(times=1, carry_out=None, wrong=0):
    """Does as it is told until the hub hangs up, and answers so many times."""
    while True:
        name, fields = hear()
        if name is None:
            return
        if name == "call":
            if wrong:
                for number in (fields["id"] + wrong, 0, 2**64 - 1):
                    hub.sendall(message("answer", id=number, result={"ok": None}))
            hub.sendall(answers(fields, carry_out) * times)


def wait():
    while True:
        time.sleep(3600)


# ---------------------------------------------------------------------------------------------- whole lives


def good():
    greet()
    obey()


def huge_frame():
    greet()
    hub.sendall(b"\xff\xff\xff\xff")
    wait()


def frame_above_the_limit():
    greet()
    hub.sendall(struct.pack(">I", (4 << 20) + 1))
    wait()


def truncated_frame():
    greet()
    hub.sendall(struct.pack(">I", 100) + b"too few")
    os._exit(0)


def half_a_frame():
    greet()
    hub.sendall(struct.pack(">I", 100) + b"too few")
    wait()


def garbage_frames():
    greet()
    while True:
        hub.sendall(frame(os.urandom(64)))


def garbage():
    greet()
    while True:
        hub.sendall(b"\x7f" + os.urandom(65536))


def empty_frames():
    greet()
    while True:
        hub.sendall(frame(b""))


def nested():
    greet()
    for _ in range(20):
        hub.sendall(frame(b"\x91" * (1 << 20)))
    wait()


def promised_lengths():
    """Arrays and maps that say they have four thousand million items."""
    greet()
    while True:
        hub.sendall(frame(b"\x81\xa5write\x81\xa7updates\xdd\xff\xff\xff\xff"))
        hub.sendall(frame(b"\xdf\xff\xff\xff\xff"))


def wrong_ids():
    greet()
    obey(wrong=1000)


def answers_twice():
    greet()
    obey(times=2)


def no_hello():
    say("complete")
    wait()


def silent():
    wait()


def hello_twice():
    hello()
    say("hello", version="0.1")
    wait()


def other_version():
    say("hello", version="99.0")
    wait()


def unknown_message():
    greet()
    say("frobnicate", colour="blue")
    obey()


def unknown_messages():
    greet()
    for number in range(5000):
        say(f"frobnicate-{number}")
    obey()


def unknown_field():
    greet()
    say("ready", colour="blue")
    obey()


def unknown_request():
    greet()
    result = call(2, {"frobnicate": {}})
    log(f"the hub says {json.dumps(result)}")
    obey()


def unknown_kind():
    greet(kind="frobnication")
    obey()


def others_devices():
    greet()
    updates = [{"component": number, "value": {"boolean": False}} for number in range(4096) if number != switch]
    refused = call(2, {"write": {"updates": updates}})["ok"]["refused"]
    log(f"{len(refused)} of {len(updates)} were refused")
    call(3, {"set-available": {"device": "neighbour", "available": False}})
    call(4, {"remove": {"device": "neighbour"}})
    obey()


def others_name():
    greet(name="good", instance="i1", id="i1")
    obey()


def same_call_twice():
    """Many calls with one id."""
    greet()
    for _ in range(100):
        say("call", id=7, request={"store-set": {"key": "k", "value": b"x"}})
    obey()


def flood_writes():
    greet()
    one = message("write", updates=[{"component": switch, "value": {"boolean": True}}]) * 1000
    while True:
        hub.sendall(one)


def flood_logs():
    greet()
    one = message("log", level="info", message="flood") * 1000
    while True:
        hub.sendall(one)


def flood_answers():
    greet()
    one = message("answer", id=1, result={"ok": None}) * 1000
    while True:
        hub.sendall(one)


def flood_calls():
    """Asks without end, and reads no answer."""
    greet()
    one = message("call", id=9, request={"store-keys": {"prefix": ""}}) * 100
    while True:
        hub.sendall(one)


def flood_output():
    greet()
    while True:
        os.write(1, b"flood\n" * 1000)


def flood_descriptors():
    """Sends descriptors where none belong."""
    greet()
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(100)]
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
    one = message("log", level="debug", message="with descriptors")
    try:
        for _ in range(50):
            hub.sendmsg([one], rights)
        log("sent 5000 descriptors")
    except OSError as error:
        log(f"descriptors are refused: {error.strerror}")
    obey()


def never_reads():
    """Asks for what is large, and reads nothing of it."""
    greet()
    call(2, {"store-set": {"key": "k", "value": bytes(1 << 20)}})
    for number in range(64):
        say("call", id=number + 10, request={"store-get": {"key": "k"}})
    wait()


def closes_its_socket():
    greet()
    stream.close()
    hub.close()
    wait()


def leaves_children():
    greet()
    if config.get("argument"):
        leave_children(config["argument"])
    obey(carry_out=lambda parameters: attempt(**parameters))


def attempts():
    greet()
    obey(carry_out=lambda parameters: attempt(**parameters))


# ------------------------------------------------------------------------------------------- single attempts

libc = ctypes.CDLL(None, use_errno=True)


def attempt(what, to=None):
    try:
        return f"done: {ATTEMPTS[what](to)}"
    except OSError as error:
        return f"refused: {error.strerror}"
    except ValueError as error:
        return f"refused: {error}"


def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read(path):
    with open(path, "rb") as file:
        return len(file.read(1000))


def through(link, path):
    try:
        os.unlink("/data/link")
    except FileNotFoundError:
        pass
    link(path, "/data/link")
    return read("/data/link")


def list_descriptors(_):
    return sorted(int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}"))


def processes(_):
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def ptrace(pid):
    attach = 16
    return checked(libc.ptrace(attach, int(pid), None, None))


def new_namespace(flags):
    return checked(libc.unshare(int(flags)))


def clone_namespace(flags):
    number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    pid = checked(libc.syscall(number, int(flags) | signal.SIGCHLD, None, None, None, None))
    if pid == 0:
        os._exit(0)
    return pid


def mount(target):
    return checked(libc.mount(b"none", target.encode(), b"tmpfs", 0, None))


def fork_bomb(_):
    """Forks until it cannot: why, and after how many."""
    count = 0
    try:
        while count < 100_000:
            if os.fork() == 0:
                signal.pause()
            count += 1
    except OSError as error:
        return f"{error.strerror} after {count}"
    return f"{count}"


def leave_children(argument):
    """Children that are nobody's: in sessions of their own, their parents gone."""
    for _ in range(8):
        if os.fork() == 0:
            os.setsid()
            subprocess.Popen(["/bin/sleep", argument], close_fds=True)
            os._exit(0)
    return "left"


def leave_and_exit(argument):
    leave_children(argument)
    time.sleep(0.2)
    os._exit(0)


def fill_disk(_):
    """Writes into one file until it cannot: why, and after how much."""
    chunk, written = b"x" * (1 << 20), 0
    try:
        with open("/data/fill", "wb", buffering=0) as file:
            for _ in range(512):
                written += file.write(chunk)
    except OSError as error:
        return f"{error.strerror} after {written >> 20} MiB"
    finally:
        os.unlink("/data/fill")
    return f"{written >> 20} MiB"


def connect_unix(path):
    if path.startswith("@"):
        path = "\0" + path[1:]
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path)


def make_socket(family_and_kind):
    family, kind = family_and_kind.split()
    socket.socket(getattr(socket, family), getattr(socket, kind)).close()


def raise_limit(_):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard * 2 if hard > 0 else 1))


def connect(to):
    host, port = to.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 5):
        return "connected"


ATTEMPTS = {
    "read": read,
    "symlink": lambda path: through(os.symlink, path),
    "hard-link": lambda path: through(os.link, path),
    "list": os.listdir,
    "write": lambda path: os.close(os.open(path, os.O_WRONLY | os.O_CREAT)),
    "open-device": lambda path: os.close(os.open(path, os.O_RDWR | os.O_NOCTTY)),
    "make-device": lambda path: os.mknod(path, 0o600 | 0o020000, os.makedev(4, 64)),
    "environment": lambda _: dict(os.environ),
    "descriptors": list_descriptors,
    "processes": processes,
    "ptrace": ptrace,
    "kill": lambda pid: os.kill(int(pid), signal.SIGKILL),
    "setuid": lambda uid: os.setuid(int(uid)),
    "setuid-program": lambda path: subprocess.run([path, "-c", "id"], check=True, capture_output=True).stdout,
    "chroot": os.chroot,
    "mount": mount,
    "unshare": new_namespace,
    "clone": clone_namespace,
    "fork-bomb": fork_bomb,
    "leave-children": leave_children,
    "leave-and-exit": leave_and_exit,
    "fill-disk": fill_disk,
    "connect": connect,
    "connect-unix": connect_unix,
    "socket": make_socket,
    "raise-limit": raise_limit,
    "reboot": lambda _: checked(libc.reboot(0x01234567)),
    "set-clock": lambda _: time.clock_settime(time.CLOCK_REALTIME, 0.0),
}


def main(what):
    globals()[what]()
