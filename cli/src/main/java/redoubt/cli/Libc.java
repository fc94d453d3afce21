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
import java.util.List;

/** The few calls of the C library that Java has no words for. Where one is missing, or fails, the answer is no. */
final class Libc {

    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int UNIX_PATH_AT = 2;
    private static final int UNIX_PATH_LIMIT_BYTES = 108;

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

    /**
     * Runs another program in this process. Returns only if that cannot be done.
     *
     * @param program its path
     * @param words what it is given, its own name first; one char is one byte
     * @param variable a variable of the environment to set unless it is set
     */
    static void replaceProcess(String program, List<String> words, String variable, String value) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment list = arena.allocate(ADDRESS, words.size() + 1L);
            for (int i = 0; i < words.size(); i++) {
                list.setAtIndex(ADDRESS, i, arena.allocateFrom(words.get(i), StandardCharsets.ISO_8859_1));
            }
            MethodHandle setenv = function("setenv", JAVA_INT, ADDRESS, ADDRESS, JAVA_INT);
            MethodHandle execv = function("execv", JAVA_INT, ADDRESS, ADDRESS);
            int set = (int) setenv.invokeExact(arena.allocateFrom(variable), arena.allocateFrom(value), 0);
            int refused = set == 0 ? (int) execv.invokeExact(arena.allocateFrom(program), list) : set;
            assert refused != 0;
        } catch (Throwable notHere) {
            return;
        }
    }
}
