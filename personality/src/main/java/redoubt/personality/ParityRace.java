package redoubt.personality;

import java.lang.foreign.Arena;
import java.util.Optional;
import redoubt.base.Clock;

/**
 * Finds out which {@link Parity} is the quicker one here, once, at start. It also rehearses both, so that the first request meets
 * compiled code.
 *
 * <p>Compilation happens on other threads and takes its time, so rounds are run until the vectors win several times in a row and by a
 * clear margin, or a limit is over. In the interpreter, or with the simple compiler alone, they never would, and are not asked.
 */
final class ParityRace {

    private static final int BYTES = 4 << 10;
    private static final int CALLS = 16;
    private static final int WINS = 5;
    private static final long LIMIT_NANOS = 3_000_000_000L;

    private final Clock clock = Clock.system();
    private final long target;
    private final long[] sources = new long[4];

    private ParityRace(Arena arena) {
        target = arena.allocate(BYTES, Long.BYTES).address();
        for (int i = 0; i < sources.length; i++) {
            sources[i] = arena.allocate(BYTES, Long.BYTES).address();
        }
    }

    static Parity winner() {
        Parity scalar = Parity.scalar();
        Optional<Parity> vector = Parity.vector();
        if (vector.isEmpty() || !optimizes()) {
            return scalar;
        }
        try (Arena arena = Arena.ofConfined()) {
            ParityRace race = new ParityRace(arena);
            long begin = race.clock.nanos();
            int wins = 0;
            while (wins < WINS && race.clock.nanos() - begin < LIMIT_NANOS) {
                long byScalar = race.round(scalar);
                long byVector = race.round(vector.get());
                wins = byVector < byScalar - byScalar / 4 ? wins + 1 : 0;
            }
            if (wins == WINS) {
                return vector.get();
            }
        }
        return scalar;
    }

    /** Whether the virtual machine has its optimizing compiler, as far as it says; a wrong answer costs the race its shortness. */
    private static boolean optimizes() {
        String mode = System.getProperty("java.vm.info", "");
        return !mode.contains("interpreted") && !mode.contains("emulated-client");
    }

    /** How long the slowest kernel takes, in nanoseconds: one that has not been compiled yet decides. */
    private long round(Parity parity) {
        long slowest = 0;
        for (int kernel = 0; kernel < 5; kernel++) {
            long begin = clock.nanos();
            for (int i = 0; i < CALLS; i++) {
                run(parity, kernel);
            }
            slowest = Math.max(slowest, clock.nanos() - begin);
        }
        return slowest;
    }

    private void run(Parity parity, int kernel) {
        switch (kernel) {
            case 0 -> parity.add(target, sources[0], BYTES);
            case 1 -> parity.add(target, sources[0], sources[1], BYTES);
            case 2 -> parity.set(target, sources[0], sources[1], BYTES);
            case 3 -> parity.set(target, sources[0], sources[1], sources[2], BYTES);
            default -> parity.set(target, sources[0], sources[1], sources[2], sources[3], BYTES);
        }
    }
}
