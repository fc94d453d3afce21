package redoubt.block;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Locale;
import redoubt.base.Bug;

/**
 * The system calls that Java has no word for, by the foreign function interface. Numbers and structures are those of 64-bit Linux
 * (x86-64 and AArch64 agree on all that is used here); elsewhere {@link #available()} is false and everybody does without.
 *
 * <p>There are two kinds of call. Cold ones, made when a device is opened or a rare request comes, return {@code -errno}; those that a
 * request may lead to are given the memory for it, the others allocate. Hot ones ({@code preadv2} and those of io_uring) take nothing but numbers and allocate nothing in the interpreter
 * either; they say only that they failed, since asking for the reason (captureCallState) costs 40 bytes a call there. Whoever must
 * know the reason tries again by another way.
 *
 * <p>None of the calls is "critical": a call that a sleeping disk can hold up must not hold up safepoints too.
 */
final class Linux {

    private static final Bug NO_CALL = Bug.of("a native call could not be made");

    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int EINTR = 4;
    static final int EIO = 5;
    static final int EAGAIN = 11;
    static final int EACCES = 13;
    static final int EBUSY = 16;
    static final int EINVAL = 22;
    static final int EFBIG = 27;
    static final int ENOSPC = 28;
    static final int EROFS = 30;
    static final int ENOSYS = 38;
    static final int EOPNOTSUPP = 95;
    static final int EDQUOT = 122;

    static final int O_RDONLY = 0;
    static final int O_RDWR = 2;
    static final int O_EXCL = 0x80;
    static final int O_NONBLOCK = 0x800;
    static final int O_CLOEXEC = 0x80000;

    static final int FALLOC_KEEP_SIZE = 1;
    static final int FALLOC_PUNCH_HOLE = 2;
    static final int FALLOC_ZERO_RANGE = 0x10;

    static final int SEEK_DATA = 3;
    static final int SEEK_HOLE = 4;

    /** A struct iovec: address, length. */
    static final int IOVEC_BYTES = 16;

    private static final int RWF_NOWAIT = 8;

    /** Past the page cache. */
    static final int O_DIRECT = System.getProperty("os.arch", "").equals("aarch64") ? 0x10000 : 0x4000;

    private static final int SEEK_END = 2;
    private static final long IO_URING_SETUP = 425;
    private static final long IO_URING_ENTER = 426;
    private static final long IO_URING_REGISTER = 427;
    private static final long ENTER_GETEVENTS = 1;
    private static final long ENTER_EXT_ARG = 8;
    private static final long ENTER_ARGUMENT_BYTES = 24;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_SHARED_POPULATE = 0x8001;

    private static final long BLKGETSIZE64 = 0x80081272L;
    private static final long BLKSSZGET = 0x1268L;

    private static final int F_OFD_SETLK = 37;
    private static final short F_RDLCK = 0;
    private static final short F_WRLCK = 1;
    private static final long FLOCK_BYTES = 32;

    private static final long TMPFS_MAGIC = 0x01021994L;
    private static final long STATFS_BYTES = 120;

    private static final boolean AVAILABLE = supported();

    private Linux() {}

    /** Whether the calls can be made on this machine. */
    static boolean available() {
        return AVAILABLE;
    }

    private static boolean supported() {
        String system = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        String machine = System.getProperty("os.arch", "");
        boolean known = system.equals("linux") && (machine.equals("amd64") || machine.equals("aarch64"));
        return known && Linux.class.getModule().isNativeAccessEnabled();
    }

    /** Opens a path; answers a descriptor or {@code -errno}. Never waits for a FIFO's other end. */
    static int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Cold.STATE);
            int descriptor =
                    (int) Cold.OPEN.invokeExact(state, arena.allocateFrom(path), flags | O_CLOEXEC | O_NONBLOCK, 0);
            return descriptor < 0 ? -errno(state) : descriptor;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Closes a descriptor. */
    static void close(int descriptor) {
        try {
            int ignored = (int) Cold.CLOSE.invokeExact(descriptor);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Size in bytes of an open block device, or {@code -errno}. */
    static long deviceBytes(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment answer = arena.allocate(ValueLayout.JAVA_LONG);
            int result = ioctl(arena, descriptor, BLKGETSIZE64, answer);
            return result < 0 ? result : answer.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    /** Logical block size in bytes of an open block device, or {@code -errno}. */
    static int deviceBlockBytes(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment answer = arena.allocate(ValueLayout.JAVA_INT);
            int result = ioctl(arena, descriptor, BLKSSZGET, answer);
            return result < 0 ? result : answer.get(ValueLayout.JAVA_INT, 0);
        }
    }

    /**
     * Locks a whole file for this open file description (fcntl F_OFD_SETLK); 0 or {@code -errno}: EAGAIN if somebody else has a lock that
     * this one does not go with.
     */
    static int lockWhole(int descriptor, boolean shared) {
        // struct flock: 0 type (2)   2 whence (2)   8 start (8)   16 length, 0 for all (8)   24 pid (4)
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment flock = arena.allocate(FLOCK_BYTES, Long.BYTES);
            flock.set(ValueLayout.JAVA_SHORT, 0, shared ? F_RDLCK : F_WRLCK);
            MemorySegment state = arena.allocate(Cold.STATE);
            int result = (int) Cold.FCNTL.invokeExact(state, descriptor, F_OFD_SETLK, flock);
            return result < 0 ? -errno(state) : result;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    private static int ioctl(Arena arena, int descriptor, long request, MemorySegment argument) {
        MemorySegment state = arena.allocate(Cold.STATE);
        try {
            int result = (int) Cold.IOCTL.invokeExact(state, descriptor, request, argument);
            return result < 0 ? -errno(state) : result;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Where a call leaves the reason why it failed; for one thread. */
    static MemorySegment newReason() {
        return Arena.ofAuto().allocate(Cold.STATE);
    }

    /** fallocate(2); 0 or {@code -errno}. Allocates nothing where it succeeds. */
    static int fallocate(MemorySegment state, int descriptor, int mode, long offset, long length) {
        try {
            if ((int) Hot.FALLOCATE.invokeExact(descriptor, mode, offset, length) == 0) {
                return 0;
            }
            int again = (int) Cold.FALLOCATE.invokeExact(state, descriptor, mode, offset, length);
            return again < 0 ? -errno(state) : again;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** lseek(2); the position found or -1. Allocates nothing; moves the descriptor's position, which nobody uses. */
    static long seek(int descriptor, long offset, int whence) {
        try {
            return (long) Hot.LSEEK.invokeExact(descriptor, offset, whence);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /**
     * Whether cached data of this file can be read without waiting for the rest: asks for its first byte.
     *
     * @param scratch at least {@link #IOVEC_BYTES} and one byte more
     */
    static boolean canReadCached(int descriptor, MemorySegment scratch) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Cold.STATE);
            scratch.set(ValueLayout.JAVA_LONG, 0, scratch.address() + IOVEC_BYTES);
            scratch.set(ValueLayout.JAVA_LONG, Long.BYTES, 1);
            long result = (long) Cold.PREADV2.invokeExact(state, descriptor, scratch.address(), 1, 0L, RWF_NOWAIT);
            return result >= 0 || errno(state) == EAGAIN;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /**
     * preadv2(2) of one piece of memory, without waiting for a device; the bytes read, or -1. Allocates nothing.
     *
     * @param iovec address of a struct iovec
     */
    static long readCached(int descriptor, long iovec, long offset) {
        try {
            return (long) Hot.PREADV2.invokeExact(descriptor, iovec, 1, offset, RWF_NOWAIT);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Makes a ring; its descriptor, or {@code -errno}. */
    static long ringSetup(int entries, MemorySegment params) {
        return syscall(IO_URING_SETUP, entries, params.address(), 0, 0);
    }

    /** Registers something with a ring; 0 or {@code -errno}. */
    static long ringRegister(int ring, int what, MemorySegment argument, int count) {
        return syscall(IO_URING_REGISTER, ring, what, argument.address(), count);
    }

    private static long syscall(long number, long first, long second, long third, long fourth) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Cold.STATE);
            long result = (long) Cold.SYSCALL.invokeExact(state, number, first, second, third, fourth, 0L, 0L);
            return result < 0 ? -errno(state) : result;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /**
     * Sends a ring's entries and waits for ends; how many were sent, or -1. Allocates nothing.
     *
     * @param argument address of a struct io_uring_getevents_arg
     */
    static int ringEnter(int ring, int send, int await, long argument) {
        try {
            return (int) (long) Hot.SYSCALL.invokeExact(
                    IO_URING_ENTER,
                    (long) ring,
                    (long) send,
                    (long) await,
                    ENTER_GETEVENTS | ENTER_EXT_ARG,
                    argument,
                    ENTER_ARGUMENT_BYTES);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Maps a part of a ring. */
    @SuppressWarnings("restricted")
    static MemorySegment map(int descriptor, long offset, long bytes) {
        try {
            MemorySegment mapped = (MemorySegment) Cold.MMAP.invokeExact(
                    MemorySegment.NULL, bytes, PROT_READ_WRITE, MAP_SHARED_POPULATE, descriptor, offset);
            if (mapped.address() == -1) {
                throw new UnsupportedOperationException("io_uring cannot be mapped");
            }
            return mapped.reinterpret(bytes);
        } catch (UnsupportedOperationException refused) {
            throw refused;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Unmaps it. */
    static void unmap(MemorySegment mapped) {
        try {
            int ignored = (int) Cold.MUNMAP.invokeExact(mapped, mapped.byteSize());
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** A new eventfd. */
    static int eventDescriptor() {
        try {
            return (int) Cold.EVENTFD.invokeExact(0, O_CLOEXEC);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Adds the long at the address to an eventfd. Allocates nothing. */
    static void signal(int event, long address) {
        try {
            long ignored = (long) Hot.WRITE.invokeExact(event, address, (long) Long.BYTES);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Size of an open file, or -1. Allocates nothing; moves the descriptor's position, which nobody uses. */
    static long size(int descriptor) {
        try {
            return (long) Hot.LSEEK.invokeExact(descriptor, 0L, SEEK_END);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** pread(2) or pwrite(2); the bytes moved, or -1. Allocates nothing. */
    static long transfer(boolean write, int descriptor, long address, long length, long offset) {
        try {
            return write
                    ? (long) Hot.PWRITE.invokeExact(descriptor, address, length, offset)
                    : (long) Hot.PREAD.invokeExact(descriptor, address, length, offset);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** As {@link #transfer}, but {@code -errno} when it fails: to learn the reason of a call that did. */
    static long transferAgain(
            MemorySegment state, boolean write, int descriptor, long address, long length, long offset) {
        try {
            long result = write
                    ? (long) Cold.PWRITE.invokeExact(state, descriptor, address, length, offset)
                    : (long) Cold.PREAD.invokeExact(state, descriptor, address, length, offset);
            return result < 0 ? -errno(state) : result;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Whether an open file lies on tmpfs, where no read or write waits for a device. */
    static boolean onTmpfs(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment answer = arena.allocate(STATFS_BYTES, Long.BYTES);
            int result = (int) Cold.FSTATFS.invokeExact(descriptor, answer);
            return result == 0 && answer.get(ValueLayout.JAVA_LONG, 0) == TMPFS_MAGIC;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    private static int errno(MemorySegment state) {
        return (int) Cold.ERRNO.get(state, 0L);
    }

    /** The call itself throws nothing; what is thrown here is the virtual machine's, an error or a mistake in a type. */
    static RuntimeException broken(Throwable impossible) {
        if (impossible instanceof Error error) {
            throw error;
        }
        return impossible instanceof RuntimeException mistake ? mistake : NO_CALL;
    }

    /** The handles of the calls made seldom, apart, so that they are made when the first of them is. */
    private static final class Cold {
        private static final Linker LINKER = Linker.nativeLinker();
        private static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");
        static final MemoryLayout STATE = Linker.Option.captureStateLayout();
        static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

        static final MethodHandle OPEN = handle(
                "open",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT),
                CAPTURE,
                Linker.Option.firstVariadicArg(2));
        static final MethodHandle CLOSE =
                handle("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        static final MethodHandle IOCTL = handle(
                "ioctl",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS),
                CAPTURE,
                Linker.Option.firstVariadicArg(2));
        static final MethodHandle FCNTL = handle(
                "fcntl",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS),
                CAPTURE,
                Linker.Option.firstVariadicArg(2));
        static final MethodHandle FALLOCATE = handle("fallocate", FALLOCATE_SHAPE, CAPTURE);
        static final MethodHandle FSTATFS = handle(
                "fstatfs", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));

        @SuppressWarnings("restricted")
        static MethodHandle handle(String name, FunctionDescriptor shape, Linker.Option... options) {
            return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), shape, options);
        }

        static final MethodHandle PREADV2 = handle("preadv2", PREADV2_SHAPE, CAPTURE);
        static final MethodHandle PREAD = handle("pread", TRANSFER_SHAPE, CAPTURE);
        static final MethodHandle PWRITE = handle("pwrite", TRANSFER_SHAPE, CAPTURE);
        static final MethodHandle SYSCALL =
                handle("syscall", SYSCALL_SHAPE, CAPTURE, Linker.Option.firstVariadicArg(1));
        static final MethodHandle MMAP = handle(
                "mmap",
                FunctionDescriptor.of(
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG));
        static final MethodHandle MUNMAP = handle(
                "munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
        static final MethodHandle EVENTFD = handle(
                "eventfd", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    }

    private static final FunctionDescriptor TRANSFER_SHAPE = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);

    private static final FunctionDescriptor FALLOCATE_SHAPE = FunctionDescriptor.of(
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);

    private static final FunctionDescriptor SYSCALL_SHAPE = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_LONG);

    private static final FunctionDescriptor PREADV2_SHAPE = FunctionDescriptor.of(
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT);

    /** The handles of the calls of the data path. */
    private static final class Hot {
        static final MethodHandle PREADV2 = Cold.handle("preadv2", PREADV2_SHAPE);
        static final MethodHandle PREAD = Cold.handle("pread", TRANSFER_SHAPE);
        static final MethodHandle PWRITE = Cold.handle("pwrite", TRANSFER_SHAPE);
        static final MethodHandle SYSCALL = Cold.handle("syscall", SYSCALL_SHAPE, Linker.Option.firstVariadicArg(1));
        static final MethodHandle WRITE = Cold.handle(
                "write",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
        static final MethodHandle LSEEK = Cold.handle(
                "lseek",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        static final MethodHandle FALLOCATE = Cold.handle("fallocate", FALLOCATE_SHAPE);
    }
}
