"""A worker in Python: counts the words of each job. Speaks the frames of docs/GUIDE.md."""
import struct
import sys

HEAD = struct.Struct("<4sIQIIQ")  # tag, word, id, length, longest reply, nanoseconds


def read(count):
    data = sys.stdin.buffer.read(count)
    if len(data) < count:
        sys.exit(0)  # the parent has closed the pipe: no more jobs
    return data


def write(tag, word, number, body):
    sys.stdout.buffer.write(HEAD.pack(tag, word, number, len(body), 0, 0) + body)
    sys.stdout.buffer.flush()


tag, version, _, length, _, _ = HEAD.unpack(read(HEAD.size))
settings = read(length)  # lines of text; a worker reads what it understands
if tag != b"HELO" or version != 1:
    sys.exit("the parent speaks another protocol")
write(b"REDY", 0, 0, b"")  # no layer of a sandbox is in force, and we say so

while True:
    tag, kind, number, length, longest, _ = HEAD.unpack(read(HEAD.size))
    body = read(length)
    if kind == 0:
        write(b"RPLY", 0, number, str(len(body.split())).encode())
    else:
        write(b"RPLY", 1, number, b"no such kind")  # 1: the job failed, and this is why
