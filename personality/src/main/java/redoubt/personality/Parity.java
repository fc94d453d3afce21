package redoubt.personality;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * XOR over native memory. Addresses are raw, so that the bytes of clients, stripes and whatever else may be mixed; the caller answers for
 * their being there. No call allocates: not compiled, not interpreted.
 *
 * <p>Two implementations give the same bytes. {@link ScalarParity} takes eight bytes at a time and is good everywhere. {@link VectorParity}
 * is several times quicker once the optimizing compiler has had it, and worse than useless before: each of its vectors is an object then. So
 * the choice is made at start by a race, after enough rounds for the compiler; it falls out by itself where the vector module, the
 * compiler or wide registers are missing.
 */
public abstract class Parity {

    /** All memory there is. */
    @SuppressWarnings("restricted") // the door to raw addresses, this once
    static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** How much of many sources is gathered at a time, in bytes: what is added up stays in the nearest cache. */
    private static final long GATHERED_BYTES = 4096;

    /** The implementation for this machine; the first call takes a moment. */
    public static Parity best() {
        return Choice.BEST;
    }

    /** The one that is good everywhere. */
    public static Parity scalar() {
        return new ScalarParity();
    }

    /** The one with wide registers, where the vector module is there. */
    public static Optional<Parity> vector() {
        boolean there = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
        return there ? Optional.of(new VectorParity()) : Optional.empty();
    }

    /** {@code target ^= source}. */
    public abstract void add(long target, long source, long bytes);

    /** {@code target ^= first ^ second}: the difference that a change makes. */
    public abstract void add(long target, long first, long second, long bytes);

    /** {@code target = first ^ second}. */
    abstract void set(long target, long first, long second, long bytes);

    /** {@code target = first ^ second ^ third}. */
    abstract void set(long target, long first, long second, long third, long bytes);

    /** {@code target = first ^ second ^ third ^ fourth}. */
    abstract void set(long target, long first, long second, long third, long fourth, long bytes);

    /** {@code target} becomes the XOR of the first {@code count} sources, at least 1, none of which overlaps it. */
    public final void gather(long target, long[] sources, int count, long bytes) {
        for (long done = 0; done < bytes; done += GATHERED_BYTES) {
            gatherPiece(target + done, sources, count, done, Math.min(GATHERED_BYTES, bytes - done));
        }
    }

    private void gatherPiece(long target, long[] sources, int count, long at, long bytes) {
        int taken;
        long first = sources[0] + at;
        if (count == 1) {
            copy(target, first, bytes);
            return;
        } else if (count == 2) {
            set(target, first, sources[1] + at, bytes);
            return;
        } else if (count == 3) {
            set(target, first, sources[1] + at, sources[2] + at, bytes);
            return;
        } else {
            set(target, first, sources[1] + at, sources[2] + at, sources[3] + at, bytes);
            taken = 4;
        }
        for (; taken + 1 < count; taken += 2) {
            add(target, sources[taken] + at, sources[taken + 1] + at, bytes);
        }
        if (taken < count) {
            add(target, sources[taken] + at, bytes);
        }
    }

    /** Copies bytes. */
    public static void copy(long target, long source, long bytes) {
        MemorySegment.copy(MEMORY, source, MEMORY, target, bytes);
    }

    /** The race, once a process. */
    private static final class Choice {
        static final Parity BEST = ParityRace.winner();
    }
}
