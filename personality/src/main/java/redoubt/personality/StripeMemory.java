package redoubt.personality;

import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;

/**
 * The memory of one {@link StripeWork}: for each slot a buffer as wide as a band, in which the byte of the strip at {@code place} stands at
 * {@code place - start of the band}.
 *
 * <p>A call that hangs keeps the buffer that it was given, which is <em>stranded</em>. At the end of the operation a spare takes its place; while
 * there is no spare, the memory is not whole, and its work stays away from service. Confined to the work, but for {@link #strand}.
 */
final class StripeMemory {

    private static final Bug NO_MEMORY = Bug.of("a work has no memory for one of its slots");

    private final IoMemory memory;
    private final int bufferBytes;
    private final int bandBytes;
    private final IoBuffer zeroes;
    private final @Nullable IoBuffer[] strips;
    private final boolean[] stranded; // by slot; set by the thread of the child, before its end is counted
    private boolean parentsInDoubt; // as stranded
    private int bandStart;

    /**
     * Takes the buffers.
     *
     * @param memory all works' memory
     * @param bufferBytes the size of its buffers: a band, and not less than the memory can cut
     * @param zeroes a buffer of zeroes, nobody's to write
     */
    StripeMemory(IoMemory memory, int slots, int bufferBytes, int bandBytes, IoBuffer zeroes) {
        this.memory = memory;
        this.bufferBytes = bufferBytes;
        this.bandBytes = bandBytes;
        this.zeroes = zeroes;
        this.strips = new IoBuffer[slots];
        this.stranded = new boolean[slots];
        for (int slot = 0; slot < slots; slot++) {
            strips[slot] = memory.take(bufferBytes);
        }
    }

    /** An operation begins on the band of this place. */
    void begin(int place) {
        bandStart = place / bandBytes * bandBytes;
    }

    /** Whether the place is in the band. */
    boolean sameBand(int place) {
        return place >= bandStart && place < bandStart + bandBytes;
    }

    IoBuffer zeroes() {
        return zeroes;
    }

    /** The buffer of a slot. */
    IoBuffer strip(int slot) {
        IoBuffer strip = strips[slot];
        if (strip == null) {
            throw NO_MEMORY;
        }
        return strip;
    }

    /** Where in a buffer the byte at {@code place} stands. */
    int within(int place) {
        return place - bandStart;
    }

    /** The address of the byte at {@code place} in the buffer of a slot; of place 0 too, from which places are counted. */
    long address(int slot, int place) {
        return strip(slot).address() + place - bandStart;
    }

    /** A call that has not come back has the slot's buffer. Any thread, before it counts the call's request as ended. */
    void strand(int slot) {
        stranded[slot] = true;
    }

    /** A call that has not come back may write into the memory of the parent. As {@link #strand}. */
    void strandParents() {
        parentsInDoubt = true;
    }

    boolean parentsInDoubt() {
        return parentsInDoubt;
    }

    /** The operation is over: spares for what is stranded; answers whether the memory is whole. */
    boolean restore() {
        parentsInDoubt = false;
        boolean whole = true;
        for (int slot = 0; slot < strips.length; slot++) {
            IoBuffer strip = strips[slot];
            if (strip != null && stranded[slot]) {
                stranded[slot] = false;
                strips[slot] = null;
                strip.release();
                strip = null;
            }
            if (strip == null) {
                strips[slot] = memory.take(bufferBytes);
                whole &= strips[slot] != null;
            }
        }
        return whole;
    }

    /** Gives the buffers back; nothing begins afterwards. */
    void close() {
        for (int slot = 0; slot < strips.length; slot++) {
            IoBuffer strip = strips[slot];
            if (strip != null) {
                strip.release();
                strips[slot] = null;
            }
        }
    }
}
