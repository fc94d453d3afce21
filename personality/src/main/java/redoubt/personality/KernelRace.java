package redoubt.personality;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;
import redoubt.base.Clock;

/**
 * Finds out which implementation of some kernels is the quicker one here, once, at start: the scalar one or the one with vectors. It
 * also rehearses both, so that the first request meets compiled code.
 *
 * <p>Compilation happens on other threads and takes its time, so rounds are run until the vectors win several times in a row and by a
 * clear margin, or a limit is over. In the interpreter, or with the simple compiler alone, they never would, and are not asked.
 */
final class KernelRace {

    /** How much a kernel works on in the race. */
    static final int BYTES = 4 << 10;

    private static final int SOURCES = 4;
    private static final int CALLS = 16;
    private static final int WINS = 5;
    private static final long LIMIT_NANOS = 3_000_000_000L;

    private final Clock clock = Clock.system();

    private KernelRace() {}

    /** Makes the calls, each of one kernel on {@link #BYTES} bytes, that a contestant runs with. */
    interface Course<T> {
        /** The calls; {@code target} and each source have room for {@link #BYTES} bytes. */
        List<Runnable> calls(T contestant, long target, long[] sources);
    }

    static <T> T winner(T scalar, Optional<T> vector, Course<T> course) {
        if (vector.isEmpty() || !optimizes()) {
            return scalar;
        }
        try (Arena arena = Arena.ofConfined()) {
            long target = arena.allocate(BYTES, Long.BYTES).address();
            long[] sources = new long[SOURCES];
            for (int i = 0; i < SOURCES; i++) {
                sources[i] = arena.allocate(BYTES, Long.BYTES).address();
            }
            boolean won = new KernelRace()
                    .vectorsWin(course.calls(scalar, target, sources), course.calls(vector.get(), target, sources));
            return won ? vector.get() : scalar;
        }
    }

    private boolean vectorsWin(List<Runnable> scalar, List<Runnable> vector) {
        long begin = clock.nanos();
        int wins = 0;
        while (wins < WINS && clock.nanos() - begin < LIMIT_NANOS) {
            long byScalar = round(scalar);
            long byVector = round(vector);
            wins = byVector < byScalar - byScalar / 4 ? wins + 1 : 0;
        }
        return wins == WINS;
    }

    /** Whether the virtual machine has its optimizing compiler, as far as it says; a wrong answer costs the race its shortness. */
    private static boolean optimizes() {
        String mode = System.getProperty("java.vm.info", "");
        return !mode.contains("interpreted") && !mode.contains("emulated-client");
    }

    /** How long the slowest kernel takes, in nanoseconds: one that has not been compiled yet decides. */
    private long round(List<Runnable> kernels) {
        long slowest = 0;
        for (Runnable kernel : kernels) {
            long begin = clock.nanos();
            for (int i = 0; i < CALLS; i++) {
                kernel.run();
            }
            slowest = Math.max(slowest, clock.nanos() - begin);
        }
        return slowest;
    }
}
