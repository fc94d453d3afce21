package redoubt.fuse;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import redoubt.block.ErrorText;

/**
 * A child process that is given a descriptor of ours, which Java's own processes cannot be. It has no other one of ours, for all are opened
 * close-on-exec, and no thread waits for it.
 */
final class Child {

    private static final int FILE_ACTIONS_BYTES = 256;
    private static final int ATTRIBUTES_BYTES = 512;
    private static final short SPAWN_SETSID = 0x80;
    private static final int WNOHANG = 1;
    private static final int NEVER_RAN = 127;
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    private final int pid;

    private Child(int pid) {
        this.pid = pid;
    }

    /**
     * What a child is to be.
     *
     * @param words the program, looked for on the PATH, and its arguments
     * @param variables put into its environment
     * @param descriptor of ours, that it gets
     * @param number under which it gets it
     * @param ownSession whether signals to our terminal and our process group pass it by; its output goes nowhere then
     */
    record Plan(List<String> words, Map<String, String> variables, int descriptor, int number, boolean ownSession) {}

    /**
     * Starts a child.
     *
     * @throws FuseRefused if there is no such program, or no process to be had
     */
    static Child start(Plan plan) throws FuseRefused {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment actions = arena.allocate(FILE_ACTIONS_BYTES, Long.BYTES);
            MemorySegment attributes = arena.allocate(ATTRIBUTES_BYTES, Long.BYTES);
            MemorySegment pid = arena.allocate(ValueLayout.JAVA_INT);
            int failed = (int) Calls.ACTIONS_INIT.invokeExact(actions);
            failed |= (int) Calls.ATTRIBUTES_INIT.invokeExact(attributes);
            if (plan.ownSession()) {
                failed |= (int) Calls.SET_FLAGS.invokeExact(attributes, SPAWN_SETSID);
                MemorySegment nowhere = arena.allocateFrom("/dev/null");
                failed |= (int) Calls.ADD_OPEN.invokeExact(actions, 1, nowhere, Linux.O_RDWR, 0);
                failed |= (int) Calls.ADD_OPEN.invokeExact(actions, 2, nowhere, Linux.O_RDWR, 0);
            }
            failed |= (int) Calls.ADD_DUP2.invokeExact(actions, plan.descriptor(), plan.number());
            if (failed == 0) {
                failed = (int) Calls.SPAWN.invokeExact(
                        pid,
                        arena.allocateFrom(plan.words().getFirst()),
                        actions,
                        attributes,
                        strings(arena, plan.words()),
                        strings(arena, environment(plan.variables())));
            }
            int ignored = (int) Calls.ACTIONS_DESTROY.invokeExact(actions)
                    | (int) Calls.ATTRIBUTES_DESTROY.invokeExact(attributes);
            if (failed != 0) {
                throw new FuseRefused("cannot start '" + plan.words().getFirst() + "': " + ErrorText.of(failed));
            }
            return new Child(pid.get(ValueLayout.JAVA_INT, 0));
        } catch (FuseRefused refused) {
            throw refused;
        } catch (Throwable impossible) {
            throw Linux.broken(impossible);
        }
    }

    private static List<String> environment(Map<String, String> more) {
        Map<String, String> all = new TreeMap<>(System.getenv());
        all.putAll(more);
        List<String> lines = new ArrayList<>();
        all.forEach((name, value) -> lines.add(name + "=" + value));
        return lines;
    }

    private static MemorySegment strings(Arena arena, List<String> words) {
        MemorySegment list = arena.allocate(ValueLayout.ADDRESS, words.size() + 1L);
        for (int i = 0; i < words.size(); i++) {
            list.setAtIndex(ValueLayout.ADDRESS, i, arena.allocateFrom(words.get(i)));
        }
        return list;
    }

    /** Its process id. */
    int pid() {
        return pid;
    }

    /**
     * Waits for its end, and takes note of it so that nothing is left of it.
     *
     * @return its exit code, 128 or more if a signal ended it, or -1 if it has not ended within the limit
     */
    int awaitEnd(long limitNanos) {
        long start = System.nanoTime();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(ValueLayout.JAVA_INT);
            while (true) {
                int ended = (int) Calls.WAITPID.invokeExact(pid, status, WNOHANG);
                if (ended == pid) {
                    int word = status.get(ValueLayout.JAVA_INT, 0);
                    return (word & 0x7F) == 0 ? (word >> 8) & 0xFF : 128 + (word & 0x7F);
                }
                if (ended < 0) {
                    return NEVER_RAN;
                }
                if (System.nanoTime() - start > limitNanos) {
                    return -1;
                }
                LockSupport.parkNanos(this, LOOK_AGAIN_NANOS);
            }
        } catch (Throwable impossible) {
            throw Linux.broken(impossible);
        }
    }

    private static final class Calls {
        private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
        private static final java.lang.foreign.MemoryLayout POINTER = ValueLayout.ADDRESS;

        static final MethodHandle ACTIONS_INIT =
                Linux.Cold.handle("posix_spawn_file_actions_init", FunctionDescriptor.of(INT, POINTER));
        static final MethodHandle ACTIONS_DESTROY =
                Linux.Cold.handle("posix_spawn_file_actions_destroy", FunctionDescriptor.of(INT, POINTER));
        static final MethodHandle ADD_DUP2 =
                Linux.Cold.handle("posix_spawn_file_actions_adddup2", FunctionDescriptor.of(INT, POINTER, INT, INT));
        static final MethodHandle ADD_OPEN = Linux.Cold.handle(
                "posix_spawn_file_actions_addopen", FunctionDescriptor.of(INT, POINTER, INT, POINTER, INT, INT));
        static final MethodHandle ATTRIBUTES_INIT =
                Linux.Cold.handle("posix_spawnattr_init", FunctionDescriptor.of(INT, POINTER));
        static final MethodHandle ATTRIBUTES_DESTROY =
                Linux.Cold.handle("posix_spawnattr_destroy", FunctionDescriptor.of(INT, POINTER));
        static final MethodHandle SET_FLAGS = Linux.Cold.handle(
                "posix_spawnattr_setflags", FunctionDescriptor.of(INT, POINTER, ValueLayout.JAVA_SHORT));
        static final MethodHandle SPAWN = Linux.Cold.handle(
                "posix_spawnp", FunctionDescriptor.of(INT, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER));
        static final MethodHandle WAITPID = Linux.Cold.handle("waitpid", FunctionDescriptor.of(INT, INT, POINTER, INT));
    }
}
