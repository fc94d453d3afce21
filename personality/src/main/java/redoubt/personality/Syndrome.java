package redoubt.personality;

import java.util.List;
import java.util.Optional;

/**
 * The arithmetic of RAID6's second parity over native memory: Q is the sum of the strips, each multiplied by a power of 2 of its own
 * ({@link GaloisField}; specs: md-core §11). Addresses as in {@link Parity}, whose laws hold here as well: no call allocates, two
 * implementations give the same bytes, and a race at start chooses.
 */
public abstract class Syndrome {

    /** Instead of an address in {@link #gather}: a strip that counts as zeroes. */
    static final long NOTHING = 0;

    /** How much of many sources is gathered at a time, in bytes: what is added up stays in the nearest cache. */
    private static final long GATHERED_BYTES = 4096;

    /** The implementation for this machine; the first call takes a moment. */
    public static Syndrome best() {
        return Choice.BEST;
    }

    /** The one that is good everywhere. */
    public static Syndrome scalar() {
        return new ScalarSyndrome();
    }

    /** The one with wide registers, where the vector module is there. */
    public static Optional<Syndrome> vector() {
        return Parity.vectorsAreThere() ? Optional.of(new VectorSyndrome()) : Optional.empty();
    }

    /** {@code target = 2 · target}. */
    abstract void twice(long target, long bytes);

    /** {@code target = 2 · target ^ source}. */
    abstract void twiceAdd(long target, long source, long bytes);

    /** {@code target ^= factor · source}; a factor of 0 to 255. */
    public abstract void scaleAdd(long target, long source, int factor, long bytes);

    /** {@code target = factor · target}; a factor of 0 to 255. */
    public abstract void scale(long target, int factor, long bytes);

    /**
     * {@code target} becomes the sum of the sources, number {@code k} of them multiplied by 2 to the power of {@code k}; none overlaps it.
     *
     * @param sources addresses, or {@link #NOTHING}
     */
    public final void gather(long target, long[] sources, int count, long bytes) {
        for (long done = 0; done < bytes; done += GATHERED_BYTES) {
            gatherPiece(target + done, sources, count, done, Math.min(GATHERED_BYTES, bytes - done));
        }
    }

    /** By Horner's rule, from the highest power down. */
    private void gatherPiece(long target, long[] sources, int count, long at, long bytes) {
        int power = count - 1;
        while (power >= 0 && sources[power] == NOTHING) {
            power--;
        }
        if (power < 0) {
            scale(target, 0, bytes);
            return;
        }
        Parity.copy(target, sources[power] + at, bytes);
        for (power--; power >= 0; power--) {
            if (sources[power] == NOTHING) {
                twice(target, bytes);
            } else {
                twiceAdd(target, sources[power] + at, bytes);
            }
        }
    }

    /** The race, once a process. */
    private static final class Choice {
        static final Syndrome BEST = KernelRace.winner(scalar(), vector(), Choice::kernels);

        private static List<Runnable> kernels(Syndrome syndrome, long target, long[] sources) {
            return List.of(
                    () -> syndrome.twice(target, KernelRace.BYTES),
                    () -> syndrome.twiceAdd(target, sources[0], KernelRace.BYTES),
                    () -> syndrome.scaleAdd(target, sources[0], 0x8e, KernelRace.BYTES),
                    () -> syndrome.scale(target, 0x8e, KernelRace.BYTES));
        }
    }
}
