package redoubt.fuse;

import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.block.BlockLimits;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;

/**
 * Volumes as files of their size. Nothing of them is cached by the kernel (direct I/O): a write that was answered is with the array, an
 * fsync is a flush, and a write to a file opened with O_DSYNC is durable when it is answered.
 *
 * <p><b>Nothing waits here.</b> A read or write goes to the device and is answered by whoever brings it back, wherever that is; until then
 * it is an exchange of the stock and no thread. The answer's data lies where the request says in the end: an array that lost a member goes
 * on in other memory.
 *
 * <p><b>Not like a file.</b> A volume cannot be cut short, so it is not opened to be truncated: a copy that leaves out holes, believing
 * that the old content is gone, would be a mixture of both. What is written, zeroed or punched begins and ends at blocks, as on a disk
 * opened with O_DIRECT; what is read need not.
 */
final class VolumeResponder implements Responder, IoCompletion {

    private static final Bug NO_EXCHANGE = Bug.of("a request without an exchange came back");

    private static final int DIRECTORY_MODE = Wire.S_IFDIR | 0755;
    private static final long ROOT = Wire.ROOT_NODE;
    private static final long ROOT_HANDLE = 0;
    private static final int SECTOR_BYTES = 512;
    private static final int TYPE_FILE = 8;

    private final FuseFiles files;
    private final IoRequestPool requests;
    private final int longestBytes;
    private final int background;
    private final int user = Linux.user();
    private final int group = Linux.group();
    private final long sinceSeconds;
    private @Nullable ExchangeStock stock;

    /**
     * Over files.
     *
     * @param requests of which every exchange has one set aside
     * @param background how many requests the kernel may have under way of its own accord
     */
    VolumeResponder(FuseFiles files, IoRequestPool requests, int background, long sinceSeconds) {
        this.files = files;
        this.longestBytes = files.longestBytes();
        this.requests = requests;
        this.background = background;
        this.sinceSeconds = sinceSeconds;
    }

    /** Where exchanges go back to; before the first request. */
    void serves(ExchangeStock exchanges) {
        stock = exchanges;
    }

    @Override
    public int longestTransferBytes() {
        return longestBytes;
    }

    @Override
    public int background() {
        return background;
    }

    @Override
    public boolean answer(Opcode opcode, Exchange exchange) {
        return switch (opcode) {
            case READ -> read(exchange);
            case WRITE -> write(exchange);
            case FSYNC -> flush(exchange);
            case FALLOCATE -> zero(exchange);
            case FORGET, BATCH_FORGET -> true; // No number is given twice.
            case LOOKUP -> lookUp(exchange);
            case GETATTR -> attributes(exchange);
            case SETATTR -> setAttributes(exchange);
            case OPEN -> open(exchange);
            case RELEASE -> release(exchange);
            case OPENDIR -> openDirectory(exchange);
            case READDIR -> list(exchange, false);
            case READDIRPLUS -> list(exchange, true);
            case STATFS -> statistics(exchange);
            case ACCESS, FLUSH, RELEASEDIR, FSYNCDIR -> {
                exchange.done();
                yield true;
            }
            case POLL -> refuse(exchange, Linux.ENOSYS); // The kernel says then what it says of every file.
            case READLINK -> refuse(exchange, Linux.EINVAL);
            case CREATE, MKNOD, TMPFILE -> refuse(exchange, Linux.EACCES);
            case SYMLINK, MKDIR, UNLINK, RMDIR, RENAME, RENAME2, LINK -> refuse(exchange, Linux.EPERM);
            case INIT, INTERRUPT, DESTROY -> throw new IllegalStateException("the connection answers " + opcode);
        };
    }

    private static boolean refuse(Exchange exchange, int errno) {
        exchange.refuse(errno);
        return true;
    }

    private @Nullable VolumeFile file(long number) {
        return files.find(number);
    }

    /** What stands for no file: the directory, or a file that went. */
    private static int absence(Exchange exchange) {
        return exchange.node() == ROOT ? Linux.EISDIR : Linux.EIO;
    }

    // ---------------------------------------------------------------------------------------------- data

    private boolean read(Exchange exchange) {
        VolumeFile file = file(exchange.node());
        if (file == null) {
            return refuse(exchange, absence(exchange));
        }
        long offset = exchange.longAt(Wire.RW_OFFSET);
        long wanted = exchange.intAt(Wire.RW_SIZE) & 0xFFFFFFFFL;
        long size = file.limits.sizeBytes();
        if (offset < 0) {
            return refuse(exchange, Linux.EINVAL);
        }
        if (offset >= size || wanted == 0) {
            exchange.answer(0);
            return true;
        }
        long block = file.limits.blockBytes();
        long begin = offset / block * block;
        long most = Math.min(longestBytes, file.limits.maxTransferBytes() - (offset - begin));
        long length = Math.min(Math.min(wanted, size - offset), most);
        long end = Math.min(size, (offset + length + block - 1) / block * block);
        if (end - begin > file.limits.maxTransferBytes()) {
            end -= block;
            length = end - offset;
        }
        exchange.skipBytes = (int) (offset - begin);
        exchange.answerBytes = (int) length;
        send(file, exchange, IoOperation.READ, begin, end - begin, 0);
        return false;
    }

    private boolean write(Exchange exchange) {
        VolumeFile file = file(exchange.node());
        if (file == null) {
            return refuse(exchange, absence(exchange));
        }
        long offset = exchange.longAt(Wire.RW_OFFSET);
        int said = exchange.intAt(Wire.RW_SIZE);
        int flags = exchange.intAt(Wire.RW_OPEN_FLAGS);
        long size = file.limits.sizeBytes();
        if (said < 0 || said != exchange.bodyBytes() - Wire.WRITE_IN_BYTES || said > longestBytes || offset < 0) {
            return refuse(exchange, Linux.EINVAL);
        }
        if (offset >= size && said > 0) {
            return refuse(exchange, Linux.ENOSPC);
        }
        int length = (int) Math.min(said, size - Math.min(offset, size));
        if (length == 0) {
            exchange.answerBytes = 0;
            written(exchange);
            return true;
        }
        if (((offset | length) & (file.limits.blockBytes() - 1)) != 0) {
            return refuse(exchange, Linux.EINVAL);
        }
        exchange.answerBytes = length;
        boolean durable = (flags & Wire.O_DSYNC) != 0;
        send(file, exchange, IoOperation.WRITE, offset, length, durable ? IoRequest.FUA : 0);
        return false;
    }

    private boolean flush(Exchange exchange) {
        VolumeFile file = file(exchange.node());
        if (file == null) {
            return refuse(exchange, absence(exchange));
        }
        send(file, exchange, IoOperation.FLUSH, 0, 0, 0);
        return false;
    }

    private boolean zero(Exchange exchange) {
        VolumeFile file = file(exchange.node());
        long offset = exchange.longAt(Wire.FALLOCATE_OFFSET);
        long length = exchange.longAt(Wire.FALLOCATE_LENGTH);
        int how = exchange.intAt(Wire.FALLOCATE_MODE) & ~Wire.FALLOC_KEEP_SIZE;
        if (file == null) {
            return refuse(exchange, absence(exchange));
        }
        if (how != Wire.FALLOC_PUNCH_HOLE && how != Wire.FALLOC_ZERO_RANGE) {
            return refuse(exchange, Linux.EOPNOTSUPP);
        }
        long size = file.limits.sizeBytes();
        if (offset < 0 || length <= 0) {
            return refuse(exchange, Linux.EINVAL);
        }
        if (offset >= size || length > size - offset) {
            // A hole may be punched beyond the end, and nothing is there.
            if (how == Wire.FALLOC_ZERO_RANGE) {
                return refuse(exchange, Linux.ENOSPC);
            }
            length = Math.max(0, size - offset);
            if (length == 0) {
                exchange.done();
                return true;
            }
        }
        int flags = how == Wire.FALLOC_ZERO_RANGE ? IoRequest.NO_HOLE : 0;
        send(file, exchange, IoOperation.WRITE_ZEROES, offset, length, flags);
        return false;
    }

    private void send(VolumeFile file, Exchange exchange, IoOperation operation, long offset, long length, int flags) {
        exchange.requestReserved = false;
        IoBuffer buffer = operation.movesBytes() ? exchange.buffer() : null;
        IoRequest request =
                requests.take().prepare(operation, offset, length, flags, buffer, Exchange.PAYLOAD_AT, this);
        request.attachment = exchange;
        file.device.submit(request);
    }

    /** A request came back: on whatever thread that is, it is answered there. */
    @Override
    public void completed(IoRequest request) {
        if (!(request.attachment instanceof Exchange exchange)) {
            throw NO_EXCHANGE;
        }
        int errno = errno(request.status());
        if (errno != 0) {
            exchange.refuse(errno);
        } else {
            switch (request.operation()) {
                case READ -> answerRead(exchange, request);
                case WRITE -> written(exchange);
                case FLUSH, TRIM, WRITE_ZEROES, ALLOCATION -> exchange.done();
            }
        }
        request.free();
        exchange.leaveBufferIfShared();
        ExchangeStock home = stock;
        if (home != null) {
            home.giveBack(exchange);
        }
    }

    private static void answerRead(Exchange exchange, IoRequest request) {
        boolean inPlace = request.buffer() == exchange.buffer() && request.bufferOffset() == Exchange.PAYLOAD_AT;
        if (inPlace) {
            exchange.answerData(exchange.skipBytes, exchange.answerBytes);
        } else {
            exchange.answerFrom(request.address() + exchange.skipBytes, exchange.answerBytes);
        }
    }

    private static void written(Exchange exchange) {
        exchange.begin(Wire.WRITE_OUT_BYTES);
        exchange.put(0, exchange.answerBytes);
        exchange.answer(Wire.WRITE_OUT_BYTES);
    }

    private static int errno(IoStatus status) {
        return switch (status) {
            case OK -> 0;
            case IO_ERROR, TIMED_OUT, GONE -> Linux.EIO;
            case NO_SPACE -> Linux.ENOSPC;
            case INVALID -> Linux.EINVAL;
            case READ_ONLY -> Linux.EROFS;
            case UNSUPPORTED -> Linux.EOPNOTSUPP;
        };
    }

    // ---------------------------------------------------------------------------------------------- names and
    // attributes

    private boolean lookUp(Exchange exchange) {
        String name = exchange.node() == ROOT ? exchange.name() : null;
        VolumeFile file = files.find(name);
        if (file == null) {
            return refuse(exchange, Linux.ENOENT);
        }
        exchange.begin(Wire.ENTRY_BYTES);
        putEntry(exchange, 0, file);
        exchange.answer(Wire.ENTRY_BYTES);
        return true;
    }

    private void putEntry(Exchange exchange, int at, VolumeFile file) {
        exchange.put(at, file.number);
        exchange.put(at + Wire.ENTRY_GENERATION, 1L);
        putAttributes(exchange, at + Wire.ENTRY_ATTR, file);
    }

    private void putAttributes(Exchange exchange, int at, @Nullable VolumeFile file) {
        exchange.put(at, file == null ? ROOT : file.number);
        for (int time = 0; time < 3; time++) {
            exchange.put(at + Wire.ATTR_TIMES + time * Long.BYTES, sinceSeconds);
        }
        exchange.put(at + Wire.ATTR_NLINK, file == null ? 2 : 1);
        exchange.put(at + Wire.ATTR_UID, user);
        exchange.put(at + Wire.ATTR_GID, group);
        if (file == null) {
            exchange.put(at + Wire.ATTR_MODE, DIRECTORY_MODE);
            exchange.put(at + Wire.ATTR_BLOCK, Wire.PAGE_BYTES);
        } else {
            BlockLimits limits = file.limits;
            exchange.put(at + Wire.ATTR_MODE, file.mode());
            exchange.put(at + Wire.ATTR_SIZE, limits.sizeBytes());
            exchange.put(at + Wire.ATTR_BLOCKS, limits.sizeBytes() / SECTOR_BYTES);
            exchange.put(at + Wire.ATTR_BLOCK, Math.min(limits.preferredBytes(), longestBytes));
        }
    }

    private boolean attributes(Exchange exchange) {
        VolumeFile file = file(exchange.node());
        if (exchange.node() != ROOT && file == null) {
            return refuse(exchange, Linux.ENOENT);
        }
        exchange.begin(Wire.ATTR_OUT_BYTES);
        putAttributes(exchange, Wire.ATTR_OUT_ATTR, file);
        exchange.answer(Wire.ATTR_OUT_BYTES);
        return true;
    }

    private boolean setAttributes(Exchange exchange) {
        VolumeFile file = file(exchange.node());
        int which = exchange.intAt(0);
        boolean cut = file != null
                && (which & Wire.SET_SIZE) != 0
                && exchange.longAt(Wire.SETATTR_SIZE) != file.limits.sizeBytes();
        if (cut || (which & (Wire.SET_MODE | Wire.SET_UID | Wire.SET_GID)) != 0) {
            return refuse(exchange, Linux.EPERM);
        }
        return attributes(exchange);
    }

    private boolean open(Exchange exchange) {
        VolumeFile file = file(exchange.node());
        if (file == null) {
            return refuse(exchange, Linux.EISDIR);
        }
        int flags = exchange.intAt(0);
        boolean writes = (flags & Wire.O_ACCESS_MODE) != 0;
        if (writes && file.limits.readOnly()) {
            return refuse(exchange, Linux.EROFS);
        }
        if ((flags & Wire.O_TRUNC) != 0) {
            return refuse(exchange, Linux.EPERM);
        }
        if (writes) {
            file.writerCame();
        }
        exchange.begin(Wire.OPEN_OUT_BYTES);
        exchange.put(0, file.number);
        exchange.put(Wire.OPEN_OUT_FLAGS, Wire.OPEN_DIRECT_IO | Wire.OPEN_PARALLEL_DIRECT_WRITES);
        if (!exchange.answer(Wire.OPEN_OUT_BYTES) && writes) {
            file.writerGone();
        }
        return true;
    }

    private boolean release(Exchange exchange) {
        VolumeFile file = file(exchange.node());
        if (file != null && (exchange.intAt(Long.BYTES) & Wire.O_ACCESS_MODE) != 0) {
            file.writerGone();
        }
        exchange.done();
        return true;
    }

    private static boolean openDirectory(Exchange exchange) {
        if (exchange.node() != ROOT) {
            return refuse(exchange, Linux.ENOTDIR);
        }
        exchange.begin(Wire.OPEN_OUT_BYTES);
        exchange.put(0, ROOT_HANDLE);
        exchange.answer(Wire.OPEN_OUT_BYTES);
        return true;
    }

    private boolean list(Exchange exchange, boolean plus) {
        long from = Math.max(0, exchange.longAt(Wire.RW_OFFSET));
        int wanted = exchange.intAt(Wire.RW_SIZE);
        int room = Math.min(exchange.payloadCapacity(), wanted < 0 ? Integer.MAX_VALUE : wanted);
        int before = plus ? Wire.ENTRY_BYTES : 0;
        int used = 0;
        for (VolumeFile file : files.all()) {
            if (file.number <= from) {
                continue;
            }
            int bytes = before + Directories.entryBytes(file.nameBytes.length);
            if (bytes > room - used) {
                break;
            }
            exchange.clear(used, bytes);
            if (plus) {
                putEntry(exchange, used, file);
            }
            Directories.put(exchange, used + before, file.number, file.number, TYPE_FILE, file.nameBytes);
            used += bytes;
        }
        exchange.answer(used);
        return true;
    }

    private boolean statistics(Exchange exchange) {
        exchange.begin(Wire.STATFS_BYTES);
        exchange.put(0, files.totalBytes() / Wire.PAGE_BYTES);
        exchange.put(Wire.STATFS_BLOCK, Wire.PAGE_BYTES);
        exchange.put(Wire.STATFS_NAME, Wire.NAME_LIMIT_BYTES);
        exchange.put(Wire.STATFS_FRAGMENT, Wire.PAGE_BYTES);
        exchange.answer(Wire.STATFS_BYTES);
        return true;
    }
}
