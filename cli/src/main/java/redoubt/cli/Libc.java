package redoubt.cli;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The few calls of the C library that Java has no words for. Where one is missing, or fails, the answer is no. */
final class Libc {

    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int UNIX_PATH_AT = 2;
    private static final int UNIX_PATH_LIMIT_BYTES = 108;
    private static final int PR_SET_IO_FLUSHER = 57;
    private static final int RLIMIT_MEMLOCK = 8;
    private static final int M_TRIM_THRESHOLD = -1;
    private static final int M_MMAP_MAX = -4;
    private static final int PIN_BYTES = 16 << 10;
    private static final int MADV_DONTNEED = 4;
    private static final int MADV_POPULATE_WRITE = 23;
    private static final long PAGE_BYTES = 4096;
    private static final int MCL_CURRENT = 1;
    private static final int MCL_FUTURE = 2;
    private static final int MCL_ONFAULT = 4;

    private Libc() {}

    @SuppressWarnings("restricted") // the module is given native access by the launcher
    private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, parameters));
    }

    /** Whether a file descriptor is a terminal. */
    static boolean isTerminal(int descriptor) {
        try {
            return (int) function("isatty", JAVA_INT, JAVA_INT).invokeExact(descriptor) == 1;
        } catch (Throwable unknown) {
            return false;
        }
    }

    /**
     * Sends one datagram to a Unix socket.
     *
     * @param address a path, or a name in Linux' abstract name space with '@' before it
     * @return whether it went
     */
    static boolean sendDatagram(String address, String text) {
        byte[] path = address.getBytes(StandardCharsets.UTF_8);
        if (path.length == 0 || path.length >= UNIX_PATH_LIMIT_BYTES) {
            return false;
        }
        if (path[0] == '@') {
            path[0] = 0;
        }
        byte[] message = text.getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            //   0: family (2)   2: path (108)
            MemorySegment to = arena.allocate(UNIX_PATH_AT + UNIX_PATH_LIMIT_BYTES);
            to.set(JAVA_SHORT, 0, (short) AF_UNIX);
            MemorySegment.copy(path, 0, to, JAVA_BYTE, UNIX_PATH_AT, path.length);
            MemorySegment bytes = arena.allocate(message.length);
            MemorySegment.copy(message, 0, bytes, JAVA_BYTE, 0, message.length);
            boolean named = path[0] != 0;
            int length = UNIX_PATH_AT + path.length + (named ? 1 : 0);
            int socket = (int) function("socket", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT)
                    .invokeExact(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
            if (socket < 0) {
                return false;
            }
            long sent = (long) function("sendto", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT)
                    .invokeExact(socket, bytes, (long) message.length, MSG_NOSIGNAL, to, length);
            int closed = (int) function("close", JAVA_INT, JAVA_INT).invokeExact(socket);
            return sent == message.length && closed == 0;
        } catch (Throwable notHere) {
            return false;
        }
    }

    /** Marks the calling thread, and what it becomes, as one by whose writing memory is freed. Whether it is marked is seen in {@code /proc}. */
    static void markIoFlusher() {
        try {
            int refused = (int) function("prctl", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG)
                    .invokeExact(PR_SET_IO_FLUSHER, 1L, 0L, 0L, 0L);
            assert refused <= 0;
        } catch (Throwable notHere) {
            return;
        }
    }

    /** Raises the limit of locked memory as far as this process may. */
    static void raiseLockedMemoryLimit() {
        try (Arena arena = Arena.ofConfined()) {
            MethodHandle setrlimit = function("setrlimit", JAVA_INT, JAVA_INT, ADDRESS);
            //   0: soft limit (8)   8: hard limit (8)
            MemorySegment limit = arena.allocate(JAVA_LONG, 2);
            limit.fill((byte) 0xFF); // RLIM_INFINITY
            if ((int) setrlimit.invokeExact(RLIMIT_MEMLOCK, limit) != 0
                    && (int) function("getrlimit", JAVA_INT, JAVA_INT, ADDRESS).invokeExact(RLIMIT_MEMLOCK, limit)
                            == 0) {
                limit.setAtIndex(JAVA_LONG, 0, limit.getAtIndex(JAVA_LONG, 1));
                int refused = (int) setrlimit.invokeExact(RLIMIT_MEMLOCK, limit);
                assert refused <= 0;
            }
        } catch (Throwable notHere) {
            return;
        }
    }

    /**
     * A piece of memory.
     *
     * @param address its first byte
     * @param bytes its size
     */
    record Piece(long address, long bytes) {}

    /**
     * Gives back to the system what the C library has that is free, and takes it from the library, so that nobody will be given it: free memory that lies between
     * what is in use, and is left when compilers have gone. What is smaller than {@code smallestBytes} stays free.
     *
     * @return whole pages that nobody writes to any more
     */
    static List<Piece> retireFree(int largestBytes, int smallestBytes) {
        List<Piece> retired = new ArrayList<>();
        try {
            MethodHandle malloc = function("malloc", ADDRESS, JAVA_LONG);
            MethodHandle free = free();
            MethodHandle madvise = function("madvise", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
            int set = (int) function("mallopt", JAVA_INT, JAVA_INT, JAVA_INT).invokeExact(M_MMAP_MAX, 0);
            set += (int) function("malloc_trim", JAVA_INT, JAVA_LONG).invokeExact(0L);
            assert set >= 0;
            long end = ((MemorySegment) function("sbrk", ADDRESS, JAVA_LONG).invokeExact(0L)).address();
            for (int bytes = largestBytes; bytes >= smallestBytes; bytes /= 2) {
                while (true) {
                    MemorySegment piece = (MemorySegment) malloc.invokeExact((long) bytes);
                    long from = piece.address();
                    if (from == 0 || from + bytes > end) {
                        free.invokeExact(piece); // there was none: this is new
                        break;
                    }
                    long first = (from + PAGE_BYTES - 1) & -PAGE_BYTES;
                    long behind = (from + bytes) & -PAGE_BYTES;
                    if (behind > first) {
                        int refused = (int) madvise.invokeExact(first, behind - first, MADV_DONTNEED);
                        assert refused <= 0;
                        retired.add(new Piece(first, behind - first));
                    }
                }
            }
        } catch (Throwable notHere) {
            return retired;
        }
        return retired;
    }

    @SuppressWarnings("restricted") // the module is given native access by the launcher
    private static MethodHandle free() {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow("free"), FunctionDescriptor.ofVoid(ADDRESS));
    }

    /**
     * Takes a reserve that is there, touched, and stays with this process: what the C library is asked for from now on comes out of it, and what is freed
     * goes back into it. For a process whose memory is locked: otherwise the virtual machine, which looks for free memory by itself, gives it back.
     */
    @SuppressWarnings("restricted") // the module is given native access by the launcher
    static void keepReserve(int bytes, int pieceBytes) {
        try {
            MethodHandle mallopt = function("mallopt", JAVA_INT, JAVA_INT, JAVA_INT);
            MethodHandle malloc = function("malloc", ADDRESS, JAVA_LONG);
            MethodHandle free = free();
            int set = (int) mallopt.invokeExact(M_MMAP_MAX, 0);
            set += (int) mallopt.invokeExact(M_TRIM_THRESHOLD, Integer.MAX_VALUE);
            assert set >= 0;
            MemorySegment[] pieces = new MemorySegment[bytes / pieceBytes];
            for (int i = 0; i < pieces.length; i++) {
                pieces[i] = (MemorySegment) malloc.invokeExact((long) pieceBytes);
                if (pieces[i].address() != 0) {
                    touch(pieces[i], pieceBytes);
                }
            }
            // Never freed: what lies below it is never at the end, from where the virtual machine would give it back. A
            // small one may come from between others.
            long highest = 0;
            for (MemorySegment piece : pieces) {
                highest = Math.max(highest, piece.address());
            }
            MemorySegment pin;
            do {
                pin = (MemorySegment) malloc.invokeExact((long) PIN_BYTES);
            } while (pin.address() != 0 && pin.address() < highest);
            for (MemorySegment piece : pieces) {
                free.invokeExact(piece);
            }
        } catch (Throwable notHere) {
            return;
        }
    }

    @SuppressWarnings("restricted") // of the size that was asked for
    private static void touch(MemorySegment piece, int bytes) {
        piece.reinterpret(bytes).fill((byte) 1);
    }

    /**
     * Keeps all memory of this process from being taken away, also what it will get.
     *
     * @param onceTouched only from the moment on at which it is first used
     * @return whether that is so
     */
    static boolean lockAllMemory(boolean onceTouched) {
        try {
            return (int) function("mlockall", JAVA_INT, JAVA_INT)
                            .invokeExact(MCL_CURRENT | MCL_FUTURE | (onceTouched ? MCL_ONFAULT : 0))
                    == 0;
        } catch (Throwable notHere) {
            return false;
        }
    }

    /** Has a piece of memory there, as if all of it had been written; answers whether that went well. For a process whose memory is locked. */
    static boolean populate(long address, long bytes) {
        try {
            int refused = (int) function("madvise", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT)
                    .invokeExact(address, bytes, MADV_POPULATE_WRITE);
            // Before Linux 5.14; that makes a mapping of its own of each piece.
            return refused == 0
                    || (int) function("mlock", JAVA_INT, JAVA_LONG, JAVA_LONG).invokeExact(address, bytes) == 0;
        } catch (Throwable notHere) {
            return false;
        }
    }

    /**
     * Runs another program in this process. Returns only if that cannot be done.
     *
     * @param program its path
     * @param words what it is given, its own name first; one char is one byte
     * @param variables of the environment, to set unless they are set
     */
    static void replaceProcess(String program, List<String> words, Map<String, String> variables) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment list = arena.allocate(ADDRESS, words.size() + 1L);
            for (int i = 0; i < words.size(); i++) {
                list.setAtIndex(ADDRESS, i, arena.allocateFrom(words.get(i), StandardCharsets.ISO_8859_1));
            }
            MethodHandle setenv = function("setenv", JAVA_INT, ADDRESS, ADDRESS, JAVA_INT);
            MethodHandle execv = function("execv", JAVA_INT, ADDRESS, ADDRESS);
            int set = 0;
            for (Map.Entry<String, String> variable : variables.entrySet()) {
                set |= (int) setenv.invokeExact(
                        arena.allocateFrom(variable.getKey()), arena.allocateFrom(variable.getValue()), 0);
            }
            int refused = set == 0 ? (int) execv.invokeExact(arena.allocateFrom(program), list) : set;
            assert refused != 0;
        } catch (Throwable notHere) {
            return;
        }
    }
}
