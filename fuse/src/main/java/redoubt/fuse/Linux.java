package redoubt.fuse;

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
 * The system calls of this room, by the foreign function interface. Numbers and structures are those of 64-bit Linux; elsewhere
 * {@link #available()} is false and nothing is mounted.
 *
 * <p>Cold calls answer {@code -errno} and may allocate. Hot ones, made for each request, take nothing but numbers and allocate nothing in
 * the interpreter either; they say only that they failed, and {@link #poll} then tells what there is to know.
 */
final class Linux {

    private static final Bug NO_CALL = Bug.of("a native call to the kernel could not be made");

    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int EIO = 5;
    static final int ENOMEM = 12;
    static final int EACCES = 13;
    static final int EBUSY = 16;
    static final int ENODEV = 19;
    static final int ENOTDIR = 20;
    static final int EISDIR = 21;
    static final int EINVAL = 22;
    static final int ENFILE = 23;
    static final int EBADF = 9;
    static final int ENOSPC = 28;
    static final int EROFS = 30;
    static final int ENAMETOOLONG = 36;
    static final int ENOSYS = 38;
    static final int EPROTO = 71;
    static final int EOPNOTSUPP = 95;

    static final int O_RDWR = 2;
    static final int O_NONBLOCK = 0x800;
    static final int O_CLOEXEC = 0x80000;

    static final int MS_NOSUID = 2;
    static final int MS_NODEV = 4;
    static final int MNT_DETACH = 2;
    static final int UMOUNT_NOFOLLOW = 8;

    static final short POLL_IN = 1;
    static final short POLL_GONE = 0x8 | 0x10 | 0x20; // ERR, HUP, NVAL

    /** A struct pollfd: 0 descriptor (4)   4 what for (2)   6 what there is (2). */
    static final int POLLFD_BYTES = 8;

    static final int POLLFD_EVENTS = 4;
    static final int POLLFD_ANSWER = 6;

    /** A struct iovec: address, length. */
    static final int IOVEC_BYTES = 16;

    static final int SOCK_STREAM = 1;
    static final int SOCK_SEQPACKET = 5;

    private static final int AF_UNIX = 1;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;
    private static final int SOCK_CLOEXEC = 0x80000;
    private static final int MSG_CMSG_CLOEXEC = 0x40000000;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;

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

    // ---------------------------------------------------------------------------------------------- for each request

    /** read(2); the bytes read, or -1. */
    static long read(int descriptor, long address, long length) {
        try {
            return (long) Hot.READ.invokeExact(descriptor, address, length);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** write(2); the bytes written, or -1. */
    static long write(int descriptor, long address, long length) {
        try {
            return (long) Hot.WRITE.invokeExact(descriptor, address, length);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** writev(2) of the struct iovecs at the address; the bytes written, or -1. */
    static long gather(int descriptor, long iovecs, int count) {
        try {
            return (long) Hot.WRITEV.invokeExact(descriptor, iovecs, count);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** poll(2) of the struct pollfds at the address; how many have something to say, or -1. */
    static int poll(long pollfds, int count, int limitMillis) {
        try {
            return (int) Hot.POLL.invokeExact(pollfds, (long) count, limitMillis);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    // ---------------------------------------------------------------------------------------------- at start and at
    // the end

    /** Opens a path; a descriptor or {@code -errno}. */
    static int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Cold.STATE);
            int descriptor = (int) Cold.OPEN.invokeExact(state, arena.allocateFrom(path), flags | O_CLOEXEC, 0);
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

    /** Makes {@code number} another name of what {@code descriptor} is; what it was before is closed. */
    static void replace(int number, int descriptor) {
        try {
            int ignored = (int) Cold.DUP3.invokeExact(descriptor, number, O_CLOEXEC);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Calls on this descriptor do not wait from now on; 0 or {@code -errno}. */
    static int doNotBlock(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Cold.STATE);
            int flags = (int) Cold.FCNTL.invokeExact(state, descriptor, F_GETFL, 0L);
            int result = flags < 0
                    ? flags
                    : (int) Cold.FCNTL.invokeExact(state, descriptor, F_SETFL, (long) (flags | O_NONBLOCK));
            return result < 0 ? -errno(state) : 0;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** A new eventfd. */
    static int eventDescriptor() {
        try {
            return (int) Cold.EVENTFD.invokeExact(0, O_CLOEXEC | O_NONBLOCK);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** The user that this process acts as. */
    static int user() {
        try {
            return (int) Cold.GETEUID.invokeExact();
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** The group that this process acts as. */
    static int group() {
        try {
            return (int) Cold.GETEGID.invokeExact();
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** mount(2); 0 or {@code -errno}. */
    static int mount(String source, String target, String type, long flags, String data) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Cold.STATE);
            int result = (int) Cold.MOUNT.invokeExact(
                    state,
                    arena.allocateFrom(source),
                    arena.allocateFrom(target),
                    arena.allocateFrom(type),
                    flags,
                    arena.allocateFrom(data));
            return result < 0 ? -errno(state) : 0;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** umount2(2); 0 or {@code -errno}. */
    static int unmount(String target, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Cold.STATE);
            int result = (int) Cold.UMOUNT.invokeExact(state, arena.allocateFrom(target), flags);
            return result < 0 ? -errno(state) : 0;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Two sockets, each the other's end; {@code ends} takes their descriptors. Answers 0 or {@code -errno}. */
    static int socketPair(int type, int[] ends) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Cold.STATE);
            MemorySegment both = arena.allocate(ValueLayout.JAVA_INT, 2);
            int result = (int) Cold.SOCKETPAIR.invokeExact(state, AF_UNIX, type | SOCK_CLOEXEC, 0, both);
            if (result < 0) {
                return -errno(state);
            }
            ends[0] = both.getAtIndex(ValueLayout.JAVA_INT, 0);
            ends[1] = both.getAtIndex(ValueLayout.JAVA_INT, 1);
            return 0;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Waits for a message on a socket that carries a descriptor; that descriptor, or -1 if none came. */
    static int receiveDescriptor(int socket) {
        // struct msghdr: 0 name (8)   8 its length (4)   16 iovecs (8)   24 how many (8)   32 control (8)   40 its
        // length (8)   48 flags (4)
        // struct cmsghdr: 0 length (8)   8 level (4)   12 type (4)   16 the descriptor (4), padded to 8
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Cold.STATE);
            MemorySegment octet = arena.allocate(1);
            MemorySegment iovec = arena.allocate(IOVEC_BYTES, Long.BYTES);
            iovec.set(ValueLayout.JAVA_LONG, 0, octet.address());
            iovec.set(ValueLayout.JAVA_LONG, Long.BYTES, 1);
            MemorySegment control = arena.allocate(24, Long.BYTES);
            MemorySegment message = arena.allocate(56, Long.BYTES);
            message.set(ValueLayout.JAVA_LONG, 16, iovec.address());
            message.set(ValueLayout.JAVA_LONG, 24, 1);
            message.set(ValueLayout.JAVA_LONG, 32, control.address());
            message.set(ValueLayout.JAVA_LONG, 40, control.byteSize());
            long got;
            do {
                got = (long) Cold.RECVMSG.invokeExact(state, socket, message, MSG_CMSG_CLOEXEC);
            } while (got < 0 && errno(state) == 4); // EINTR
            boolean carries = got > 0
                    && message.get(ValueLayout.JAVA_LONG, 40) >= 20
                    && control.get(ValueLayout.JAVA_LONG, 0) >= 20
                    && control.get(ValueLayout.JAVA_INT, 8) == SOL_SOCKET
                    && control.get(ValueLayout.JAVA_INT, 12) == SCM_RIGHTS;
            return carries ? control.get(ValueLayout.JAVA_INT, 16) : -1;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    static int errno(MemorySegment state) {
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
    static final class Cold {
        private static final Linker LINKER = Linker.nativeLinker();
        static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");
        static final MemoryLayout STATE = Linker.Option.captureStateLayout();
        static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

        private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
        private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
        private static final MemoryLayout POINTER = ValueLayout.ADDRESS;

        static final MethodHandle OPEN = handle(
                "open", FunctionDescriptor.of(INT, POINTER, INT, INT), CAPTURE, Linker.Option.firstVariadicArg(2));
        static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(INT, INT));
        static final MethodHandle DUP3 = handle("dup3", FunctionDescriptor.of(INT, INT, INT, INT));
        static final MethodHandle FCNTL =
                handle("fcntl", FunctionDescriptor.of(INT, INT, INT, LONG), CAPTURE, Linker.Option.firstVariadicArg(2));
        static final MethodHandle EVENTFD = handle("eventfd", FunctionDescriptor.of(INT, INT, INT));
        static final MethodHandle GETEUID = handle("geteuid", FunctionDescriptor.of(INT));
        static final MethodHandle GETEGID = handle("getegid", FunctionDescriptor.of(INT));
        static final MethodHandle MOUNT =
                handle("mount", FunctionDescriptor.of(INT, POINTER, POINTER, POINTER, LONG, POINTER), CAPTURE);
        static final MethodHandle UMOUNT = handle("umount2", FunctionDescriptor.of(INT, POINTER, INT), CAPTURE);
        static final MethodHandle SOCKETPAIR =
                handle("socketpair", FunctionDescriptor.of(INT, INT, INT, INT, POINTER), CAPTURE);
        static final MethodHandle RECVMSG = handle("recvmsg", FunctionDescriptor.of(LONG, INT, POINTER, INT), CAPTURE);

        private Cold() {}

        @SuppressWarnings("restricted")
        static MethodHandle handle(String name, FunctionDescriptor shape, Linker.Option... options) {
            return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), shape, options);
        }
    }

    /** The handles of the calls made for each request. */
    private static final class Hot {
        private static final FunctionDescriptor TRANSFER_SHAPE = FunctionDescriptor.of(
                ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG);

        static final MethodHandle READ = Cold.handle("read", TRANSFER_SHAPE);
        static final MethodHandle WRITE = Cold.handle("write", TRANSFER_SHAPE);
        static final MethodHandle WRITEV = Cold.handle(
                "writev",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        static final MethodHandle POLL = Cold.handle(
                "poll",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
    }
}
