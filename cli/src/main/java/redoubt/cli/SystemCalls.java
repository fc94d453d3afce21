package redoubt.cli;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redoubt.block.ErrorText;

/**
 * The calls of Linux by which devices and mounts are made. All are cold. What fails throws an {@link IOException} whose message says what was
 * wanted and what the system said; an {@link IllegalStateException} means that this is no Linux.
 */
final class SystemCalls {

    static final int EBUSY = 16;

    static final int O_RDONLY = 0;
    static final int O_RDWR = 2;
    static final int O_CLOEXEC = 0x80000;

    static final long MS_NOSUID = 2;
    static final long MS_NODEV = 4;
    static final long MS_NOEXEC = 8;
    static final long MS_BIND = 0x1000;
    static final long MS_REC = 0x4000;
    static final long MS_SLAVE = 0x80000;

    private static final int CLONE_NEWNS = 0x20000;
    private static final int S_IFCHR = 0x2000;
    private static final int CLOSE_RANGE_CLOEXEC = 4;
    private static final int FIRST_OTHER = 3; // behind stdin, stdout and stderr
    private static final int F_SETFD = 2;
    private static final StructLayout STATE = Linker.Option.captureStateLayout();

    /** What the system said to a call that it refused. */
    static final class Failed extends IOException {
        private static final long serialVersionUID = 1;
        private final int errno;

        Failed(String wanted, int errno) {
            super("cannot " + wanted + ": " + ErrorText.of(errno));
            this.errno = errno;
        }

        int errno() {
            return errno;
        }
    }

    /** What is given to a call, once there is memory to put it in. */
    private interface Call {
        int make(Arena arena, MemorySegment state) throws Throwable;
    }

    private SystemCalls() {}

    @SuppressWarnings("restricted") // the module is given native access by the launcher
    private static MethodHandle function(String name, int fixed, MemoryLayout... parameters) {
        Linker linker = Linker.nativeLinker();
        List<Linker.Option> options = new ArrayList<>(List.of(Linker.Option.captureCallState("errno")));
        if (fixed < parameters.length) {
            options.add(Linker.Option.firstVariadicArg(fixed));
        }
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow(name),
                FunctionDescriptor.of(JAVA_INT, parameters),
                options.toArray(Linker.Option[]::new));
    }

    private static int make(String wanted, Call call) throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(STATE);
            int result = call.make(arena, state);
            if (result < 0) {
                throw new Failed(wanted, (int) STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"))
                        .get(state, 0L));
            }
            return result;
        } catch (IOException | RuntimeException | Error told) {
            throw told;
        } catch (Throwable impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** The user that this process acts as. */
    static int user() throws IOException {
        MethodHandle geteuid = function("geteuid", 0);
        return make("ask who this is", (arena, state) -> (int) geteuid.invokeExact(state));
    }

    /** Opens a file; without {@link #O_CLOEXEC} a program that takes this process's place has it open too. */
    static int open(String path, int flags) throws IOException {
        MethodHandle open = function("open", 2, ADDRESS, JAVA_INT, JAVA_INT);
        return make("open '" + path + "'", (arena, state) ->
                (int) open.invokeExact(state, arena.allocateFrom(path), flags, 0));
    }

    static void close(int descriptor) throws IOException {
        MethodHandle close = function("close", 1, JAVA_INT);
        make("close a file", (arena, state) -> (int) close.invokeExact(state, descriptor));
    }

    /** Of all that is open, a program that takes this process's place has these open too, and the standard streams, and nothing else. */
    static void handOver(List<Integer> descriptors) throws IOException {
        MethodHandle closeRange = function("close_range", 3, JAVA_INT, JAVA_INT, JAVA_INT);
        make("mark what is open", (arena, state) ->
                (int) closeRange.invokeExact(state, FIRST_OTHER, -1, CLOSE_RANGE_CLOEXEC));
        MethodHandle fcntl = function("fcntl", 2, JAVA_INT, JAVA_INT, JAVA_LONG);
        for (int descriptor : descriptors) {
            make("keep a file open", (arena, state) -> (int) fcntl.invokeExact(state, descriptor, F_SETFD, 0L));
        }
    }

    /** A file of this size that is nowhere but in memory; it is closed when another program takes this process's place. */
    static int memoryFile(String name, long bytes) throws IOException {
        MethodHandle create = function("memfd_create", 2, ADDRESS, JAVA_INT);
        MethodHandle resize = function("ftruncate", 2, JAVA_INT, JAVA_LONG);
        int descriptor = make("make a file in memory", (arena, state) ->
                (int) create.invokeExact(state, arena.allocateFrom(name), 1));
        make("resize a file in memory", (arena, state) -> (int) resize.invokeExact(state, descriptor, bytes));
        return descriptor;
    }

    /** ioctl(2) with a structure, or without. */
    static int control(String wanted, int descriptor, long request, byte @Nullable [] structure) throws IOException {
        MethodHandle ioctl = function("ioctl", 2, JAVA_INT, JAVA_LONG, ADDRESS);
        return make(wanted, (arena, state) -> {
            MemorySegment argument = MemorySegment.NULL;
            if (structure != null) {
                argument = arena.allocate(structure.length, Long.BYTES).copyFrom(MemorySegment.ofArray(structure));
            }
            return (int) ioctl.invokeExact(state, descriptor, request, argument);
        });
    }

    /** From here on what this thread mounts is seen by it alone, and by the program that it becomes. */
    static void leaveMountNamespace() throws IOException {
        MethodHandle unshare = function("unshare", 1, JAVA_INT);
        make("make a mount namespace", (arena, state) -> (int) unshare.invokeExact(state, CLONE_NEWNS));
        // Not private: what others unmount later goes here too where mounts are shared, or it stays in use for as long
        // as we run.
        mount("none", "/", "", MS_REC | MS_SLAVE, "");
    }

    static void mount(String source, String target, String type, long flags, String data) throws IOException {
        MethodHandle mount = function("mount", 5, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS);
        make("mount '" + target + "'", (arena, state) -> (int) mount.invokeExact(
                state,
                arena.allocateFrom(source),
                arena.allocateFrom(target),
                arena.allocateFrom(type),
                flags,
                arena.allocateFrom(data)));
    }

    /** Makes a node for a character device that everybody may use. */
    static void characterDevice(String path, int major, int minor) throws IOException {
        MethodHandle mknod = function("mknod", 3, ADDRESS, JAVA_INT, JAVA_LONG);
        long number = (long) major << 8 | minor;
        make("make '" + path + "'", (arena, state) ->
                (int) mknod.invokeExact(state, arena.allocateFrom(path), S_IFCHR | 0666, number));
    }
}
