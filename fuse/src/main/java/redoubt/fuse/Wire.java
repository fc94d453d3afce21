package redoubt.fuse;

/**
 * The numbers of the FUSE kernel interface, as Linux' include/uapi/linux/fuse.h has them, up to version 7.38. All fields are in the
 * machine's byte order. Where a structure is drawn here, the number before a field is its offset and the one behind it its size.
 */
final class Wire {

    static final int MAJOR = 7;

    /** Linux 4.20: what is older does not tell how large a request may be. */
    static final int OLDEST_MINOR = 28;

    /** The newest version whose structures are spoken here. */
    static final int MINOR = 38;

    // ---- fuse_in_header: 0 len (4)   4 opcode (4)   8 unique (8)   16 nodeid (8)   24 uid (4)   28 gid (4)   32 pid
    // (4)
    //      36 length of extensions in longs (2)   38 padding (2)
    static final int IN_HEADER_BYTES = 40;
    static final int IN_OPCODE = 4;
    static final int IN_UNIQUE = 8;
    static final int IN_NODE = 16;
    static final int IN_THREAD = 32;
    static final int IN_EXTENSIONS = 36;

    // ---- fuse_out_header: 0 len (4)   4 error, as -errno (4)   8 unique (8)
    static final int OUT_HEADER_BYTES = 16;

    /** The smallest buffer with which the kernel lets itself be read. */
    static final int MIN_READ_BUFFER_BYTES = 8192;

    // ---- fuse_init_in: 0 major (4)   4 minor (4)   8 max_readahead (4)   12 flags (4)
    static final int INIT_MINOR = 4;
    static final int INIT_READAHEAD = 8;
    static final int INIT_FLAGS = 12;

    // ---- fuse_init_out: 0 major (4)   4 minor (4)   8 max_readahead (4)   12 flags (4)   16 max_background (2)
    //      18 congestion_threshold (2)   20 max_write (4)   24 time_gran (4)   28 max_pages (2)   30 map_alignment (2)
    //      32 flags2 (4)   36 unused (28)
    static final int INIT_OUT_BYTES = 64;
    static final int INIT_OUT_BACKGROUND = 16;
    static final int INIT_OUT_CONGESTION = 18;
    static final int INIT_OUT_MAX_WRITE = 20;
    static final int INIT_OUT_TIME_GRANULARITY = 24;
    static final int INIT_OUT_MAX_PAGES = 28;

    static final int INIT_ASYNC_READ = 1;
    static final int INIT_ATOMIC_O_TRUNC = 1 << 3;
    static final int INIT_BIG_WRITES = 1 << 5;
    static final int INIT_DO_READDIRPLUS = 1 << 13;
    static final int INIT_READDIRPLUS_AUTO = 1 << 14;
    static final int INIT_ASYNC_DIO = 1 << 15;
    static final int INIT_PARALLEL_DIROPS = 1 << 18;
    static final int INIT_MAX_PAGES = 1 << 22;

    // ---- fuse_attr: 0 ino (8)   8 size (8)   16 blocks (8)   24 atime (8)   32 mtime (8)   40 ctime (8)   48 their
    // nanoseconds (3 x 4)
    //      60 mode (4)   64 nlink (4)   68 uid (4)   72 gid (4)   76 rdev (4)   80 blksize (4)   84 flags (4)
    static final int ATTR_BYTES = 88;
    static final int ATTR_SIZE = 8;
    static final int ATTR_BLOCKS = 16;
    static final int ATTR_TIMES = 24;
    static final int ATTR_MODE = 60;
    static final int ATTR_NLINK = 64;
    static final int ATTR_UID = 68;
    static final int ATTR_GID = 72;
    static final int ATTR_BLOCK = 80;

    // ---- fuse_entry_out: 0 nodeid (8)   8 generation (8)   16 how long the name holds (8)   24 how long the
    // attributes hold (8)
    //      32 their nanoseconds (2 x 4)   40 fuse_attr
    static final int ENTRY_BYTES = 128;
    static final int ENTRY_GENERATION = 8;
    static final int ENTRY_ATTR = 40;

    // ---- fuse_attr_out: 0 how long it holds (8)   8 nanoseconds (4)   12 unused (4)   16 fuse_attr
    static final int ATTR_OUT_BYTES = 104;
    static final int ATTR_OUT_ATTR = 16;

    // ---- fuse_setattr_in: 0 which (4)   4 padding (4)   8 fh (8)   16 size (8) ...
    static final int SETATTR_SIZE = 16;
    static final int SET_MODE = 1;
    static final int SET_UID = 1 << 1;
    static final int SET_GID = 1 << 2;
    static final int SET_SIZE = 1 << 3;

    // ---- fuse_open_in: 0 flags (4)   4 open_flags (4);  fuse_open_out: 0 fh (8)   8 open_flags (4)   12 unused (4)
    static final int OPEN_OUT_BYTES = 16;
    static final int OPEN_OUT_FLAGS = 8;
    static final int OPEN_DIRECT_IO = 1;
    static final int OPEN_PARALLEL_DIRECT_WRITES = 1 << 6;

    // ---- fuse_read_in, fuse_write_in: 0 fh (8)   8 offset (8)   16 size (4)   20 its flags (4)   24 lock owner (8)
    //      32 the file's open flags (4)   36 padding (4)
    static final int RW_OFFSET = 8;
    static final int RW_SIZE = 16;
    static final int RW_OPEN_FLAGS = 32;
    static final int WRITE_IN_BYTES = 40;

    // ---- fuse_write_out: 0 size (4)   4 padding (4)
    static final int WRITE_OUT_BYTES = 8;

    // ---- fuse_fallocate_in: 0 fh (8)   8 offset (8)   16 length (8)   24 mode (4)   28 padding (4)
    static final int FALLOCATE_OFFSET = 8;
    static final int FALLOCATE_LENGTH = 16;
    static final int FALLOCATE_MODE = 24;
    static final int FALLOC_KEEP_SIZE = 1;
    static final int FALLOC_PUNCH_HOLE = 2;
    static final int FALLOC_ZERO_RANGE = 0x10;

    // ---- fuse_poll_in: 0 fh (8)   8 kh (8)   16 flags (4)   20 events (4);  fuse_poll_out: 0 revents (4)   4 padding
    // (4)
    static final int POLL_KERNEL_HANDLE = 8;
    static final int POLL_FLAGS = 16;
    static final int POLL_OUT_BYTES = 8;
    static final int POLL_SCHEDULE_NOTIFY = 1;

    // ---- What the kernel is told unasked has unique 0 and a number in the place of the error.
    static final int NOTIFY_POLL = 1;
    static final int NOTIFY_POLL_BYTES = OUT_HEADER_BYTES + 8;

    // ---- fuse_statfs_out: 0 blocks (8)   8 bfree (8)   16 bavail (8)   24 files (8)   32 ffree (8)   40 bsize (4)
    // 44 namelen (4)
    //      48 frsize (4)   52 padding (4)   56 spare (24)
    static final int STATFS_BYTES = 80;
    static final int STATFS_BLOCK = 40;
    static final int STATFS_NAME = 44;
    static final int STATFS_FRAGMENT = 48;

    // ---- fuse_batch_forget_in: 0 count (4)   4 unused (4), then that often: 0 nodeid (8)   8 nlookup (8)
    static final int BATCH_FORGET_BYTES = 8;
    static final int FORGET_ONE_BYTES = 16;

    // ---- fuse_dirent: 0 ino (8)   8 off (8)   16 namelen (4)   20 type (4)   24 name, padded to 8
    static final int DIRENT_BYTES = 24;
    static final int DIRENT_OFFSET = 8;
    static final int DIRENT_NAME_LENGTH = 16;
    static final int DIRENT_TYPE = 20;

    /** The root of each mount. */
    static final long ROOT_NODE = 1;

    // ---- stat(2) and open(2).
    static final int S_IFDIR = 0x4000;
    static final int S_IFREG = 0x8000;
    static final int S_IFLNK = 0xA000;
    static final int O_ACCESS_MODE = 3;
    static final int O_WRONLY = 1;
    static final int O_RDWR = 2;
    static final int O_TRUNC = 0x200;
    static final int O_DSYNC = 0x1000;

    // ---- poll(2).
    static final int POLLIN = 0x001;
    static final int POLLPRI = 0x002;
    static final int POLLOUT = 0x004;
    static final int POLLERR = 0x008;
    static final int POLLRDNORM = 0x040;
    static final int POLLWRNORM = 0x100;

    static final int NAME_LIMIT_BYTES = 255;
    static final int PAGE_BYTES = 4096;

    private Wire() {}
}
