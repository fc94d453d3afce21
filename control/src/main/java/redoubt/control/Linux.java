package redoubt.control;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Locale;
import redoubt.base.Bug;

/**
 * The system calls by which a client of a mount reads, stores and polls: Java has no poll(2) for what is no socket, and no errno. Each answers
 * {@code -errno} if it is refused. Cold: they may allocate.
 */
final class Linux {

    private static final Bug NO_CALL = Bug.of("a native call to the kernel could not be made");

    static final int O_RDONLY = 0;
    static final int O_WRONLY = 1;
    static final int EINTR = 4;
    static final int EBADF = 9;

    /** A struct pollfd: 0 descriptor (4)   4 what for (2)   6 what there is (2). */
    static final int POLLFD_BYTES = 8;

    static final int POLLFD_EVENTS = 4;
    static final int POLLFD_ANSWER = 6;
    static final short POLL_IN = 1;
    static final short POLL_PRI = 2;

    private static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;

    private Linux() {}

    /** Whether the calls can be made on this machine. */
    static boolean available() {
        return System.getProperty("os.name", "").toLowerCase(Locale.ROOT).equals("linux")
                && Linux.class.getModule().isNativeAccessEnabled();
    }

    /** Opens a file; a descriptor. */
    static int open(String path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Calls.STATE);
            int descriptor = (int) Calls.OPEN.invokeExact(state, arena.allocateFrom(path), flags | O_CLOEXEC, 0);
            return descriptor < 0 ? -errno(state) : descriptor;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    static void close(int descriptor) {
        try (Arena arena = Arena.ofConfined()) {
            int ignored = (int) Calls.CLOSE.invokeExact(arena.allocate(Calls.STATE), descriptor);
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Reads from a position; how many bytes there were. */
    static int read(int descriptor, byte[] target, long position) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Calls.STATE);
            MemorySegment bytes = arena.allocate(target.length);
            long got = (long) Calls.PREAD.invokeExact(state, descriptor, bytes, (long) target.length, position);
            if (got < 0) {
                return -errno(state);
            }
            MemorySegment.copy(bytes, 0, MemorySegment.ofArray(target), 0, got);
            return (int) got;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Reads a number that was written to an event descriptor, which has no positions. */
    static void drain(int eventDescriptor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(JAVA_LONG);
            long ignored = (long)
                    Calls.READ.invokeExact(arena.allocate(Calls.STATE), eventDescriptor, number, number.byteSize());
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Writes all at once; how many bytes were taken. */
    static int write(int descriptor, byte[] source) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Calls.STATE);
            MemorySegment bytes = arena.allocateFrom(JAVA_BYTE, source);
            long taken = (long) Calls.WRITE.invokeExact(state, descriptor, bytes, (long) source.length);
            return taken < 0 ? -errno(state) : (int) taken;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** Waits for one of these struct pollfds; how many have something to say. */
    static int poll(MemorySegment pollfds, int limitMillis) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Calls.STATE);
            int ready = (int) Calls.POLL.invokeExact(state, pollfds, pollfds.byteSize() / POLLFD_BYTES, limitMillis);
            return ready < 0 ? -errno(state) : ready;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    /** A descriptor that can be read when somebody wrote 8 bytes to it. */
    static int eventDescriptor() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Calls.STATE);
            int descriptor = (int) Calls.EVENTFD.invokeExact(state, 0, O_CLOEXEC | O_NONBLOCK);
            return descriptor < 0 ? -errno(state) : descriptor;
        } catch (Throwable impossible) {
            throw broken(impossible);
        }
    }

    private static int errno(MemorySegment state) {
        return (int) Calls.ERRNO.get(state, 0L);
    }

    /** The call itself throws nothing; what is thrown here is the virtual machine's. */
    private static RuntimeException broken(Throwable impossible) {
        if (impossible instanceof Error error) {
            throw error;
        }
        return impossible instanceof RuntimeException mistake ? mistake : NO_CALL;
    }

    /** The handles, made when the first call is. */
    private static final class Calls {
        private static final Linker LINKER = Linker.nativeLinker();
        static final StructLayout STATE = Linker.Option.captureStateLayout();
        static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
        private static final Linker.Option CAPTURE = Linker.Option.captureCallState("errno");

        static final MethodHandle OPEN = handle(
                "open",
                FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT),
                CAPTURE,
                Linker.Option.firstVariadicArg(2));
        static final MethodHandle CLOSE = handle("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT), CAPTURE);
        static final MethodHandle PREAD =
                handle("pread", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG), CAPTURE);
        static final MethodHandle READ =
                handle("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG), CAPTURE);
        static final MethodHandle WRITE =
                handle("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG), CAPTURE);
        static final MethodHandle POLL =
                handle("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT), CAPTURE);
        static final MethodHandle EVENTFD =
                handle("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT), CAPTURE);

        private Calls() {}

        @SuppressWarnings("restricted") // the module is given native access by the launcher
        private static MethodHandle handle(String name, FunctionDescriptor shape, Linker.Option... options) {
            return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), shape, options);
        }
    }
}
