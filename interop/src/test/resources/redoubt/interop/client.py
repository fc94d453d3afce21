# Runs in libnbd's shell: h is connected to a writable export of at least 4 MiB. Every assert is a promise to clients.
import errno
import random

size = h.get_size()
assert size >= 4 << 20, size
assert h.get_protocol() == "newstyle-fixed", h.get_protocol()
assert h.get_structured_replies_negotiated()
assert h.can_flush() and h.can_fua() and h.can_zero() and h.can_trim() and h.can_multi_conn() and h.can_df()
assert not h.is_read_only()
assert h.can_meta_context(nbd.CONTEXT_BASE_ALLOCATION)

# A server that tells no block sizes (0) serves single bytes.
minimum = h.get_block_size(nbd.SIZE_MINIMUM) or 1
preferred = h.get_block_size(nbd.SIZE_PREFERRED) or 4096
maximum = h.get_block_size(nbd.SIZE_MAXIMUM) or 32 << 20
assert 1 <= minimum <= 4096 and minimum <= preferred <= maximum, (minimum, preferred, maximum)

# Whatever is written is read, at every alignment and size, with FUA and without, and nothing beside it changes.
numbers = random.Random(int(seed))
model = bytearray(h.pread(4 << 20, 0))
for turn in range(200):
    length = numbers.choice([1, 7, 512, 513, 4096, 5000, 65536, 65537, 200000]) * minimum
    length = min(length, 1 << 20)
    offset = numbers.randrange(0, (4 << 20) - length + 1) // minimum * minimum
    flags = nbd.CMD_FLAG_FUA if numbers.random() < 0.2 else 0
    kind = numbers.randrange(3)
    if kind == 0:
        h.zero(length, offset, flags | (nbd.CMD_FLAG_NO_HOLE if numbers.random() < 0.5 else 0))
        model[offset:offset + length] = bytes(length)
    elif kind == 1:
        data = numbers.randbytes(length)
        h.pwrite(data, offset, flags)
        model[offset:offset + length] = data
    else:
        got = h.pread(length, offset)
        assert got == model[offset:offset + length], (turn, offset, length)
assert h.pread(4 << 20, 0) == model, "the first 4 MiB differ at the end"

# A structured read tells about every byte once.
told = bytearray(1 << 20)
def chunk(data, offset, status, error):
    assert error.value == 0, error.value
    if status == nbd.READ_DATA:
        for i in range(len(data)):
            told[offset + i] += 1
    else:
        assert status == nbd.READ_HOLE, status
h.pread_structured(1 << 20, 0, chunk)
assert max(told) <= 1  # libnbd tells where a hole begins, not where it ends, so 0 may be right

# With DF ("don't fragment") it tells in one piece, 64 KiB at least.
pieces = []
h.pread_structured(65536, 0, lambda data, offset, status, error: pieces.append(len(data)), nbd.CMD_FLAG_DF)
assert pieces == [65536], pieces

# base:allocation covers what was asked for.
covered = []
def extents(context, offset, entries, error):
    assert context == nbd.CONTEXT_BASE_ALLOCATION
    covered.append(sum(entries[0::2]))
h.block_status(1 << 20, 0, extents)
assert covered and covered[0] > 0, covered

h.trim(1 << 20, 1 << 20)
h.cache(1 << 20, 0) if h.can_cache() else None
h.flush()

# Wishes that no device can grant are refused with the errno of the protocol, and the connection lives on.
h.set_strict_mode(0)
def refused(what, expected, wish):
    try:
        wish()
    except nbd.Error as e:
        assert e.errnum == expected, (what, errno.errorcode.get(e.errnum))
        return
    assert False, what + " was not refused"
refused("a read past the end", errno.EINVAL, lambda: h.pread(minimum, size))
refused("a write past the end", errno.ENOSPC, lambda: h.pwrite(bytes(minimum), size))
refused("zeroes past the end", errno.ENOSPC, lambda: h.zero(minimum, size))
assert h.pread(minimum, 0) is not None

print("client.py: all is well")
