package redoubt.personality;

import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.md.Array;

/**
 * Where the parts that are worked on together touch the strips of their band. For each slot it keeps the hull of what is touched, and whose
 * it is where it is one part's only; places within a strip are in bytes from the strip's start. Confined to its work.
 *
 * <p>A part names a stripe ({@link IoRequest#cookie}) and a run of each of its strips (offset and length, on the member); what it touches of a
 * strip is where that run and the parent's range meet.
 */
final class BandPieces {

    private static final Bug NOT_ALONE = Bug.of("a slot is not touched by one part alone");

    private final ParityLayout layout;
    private final long zeroes;
    private final int[] from;
    private final int[] to;
    private final @Nullable IoRequest[] only;
    private @Nullable IoRequest first;
    private @Nullable IoRequest last;
    private long stripe;
    private int low;
    private int high;
    private long touched;
    private long avoided;
    private int flags;

    /**
     * Makes room.
     *
     * @param zeroes the address of as many zeroes as a band is wide
     */
    BandPieces(ParityLayout layout, long zeroes) {
        this.layout = layout;
        this.zeroes = zeroes;
        this.from = new int[layout.slots()];
        this.to = new int[layout.slots()];
        this.only = new IoRequest[layout.slots()];
    }

    /** The strip's run that a part covers begins here. */
    static int low(ParityLayout layout, IoRequest part) {
        return (int) (part.offset() - part.cookie * layout.chunkBytes());
    }

    /** Forgets everything. */
    void clear() {
        for (long left = touched; left != 0; left &= left - 1) {
            only[Long.numberOfTrailingZeros(left)] = null;
        }
        first = null;
        last = null;
        touched = 0;
        avoided = 0;
        flags = 0;
    }

    /** Takes a part of the same band along. */
    void add(IoRequest part) {
        IoRequest parent = Array.parentOf(part);
        int partLow = low(layout, part);
        int partHigh = partLow + (int) part.length();
        IoRequest end = last;
        if (end == null) {
            stripe = part.cookie;
            first = part;
            low = partLow;
            high = partHigh;
        } else {
            end.next = part;
            low = Math.min(low, partLow);
            high = Math.max(high, partHigh);
        }
        last = part;
        avoided |= parent.avoidedSlots;
        flags |= part.flags();
        for (int index = firstIndex(parent); index <= lastIndex(parent); index++) {
            int begin = pieceFrom(part, index);
            int end2 = pieceTo(part, index);
            if (begin < end2) {
                touch(layout.dataSlot(stripe, index), begin, end2, part);
            }
        }
    }

    private void touch(int slot, int begin, int end, IoRequest part) {
        long bit = 1L << slot;
        if ((touched & bit) == 0) {
            touched |= bit;
            from[slot] = begin;
            to[slot] = end;
            only[slot] = part;
        } else {
            from[slot] = Math.min(from[slot], begin);
            to[slot] = Math.max(to[slot], end);
            only[slot] = null;
        }
    }

    // Of its stripe, a parent touches the chunks from firstIndex to lastIndex.

    private int firstIndex(IoRequest parent) {
        long within = parent.offset() - stripe * layout.stripeBytes();
        return within <= 0 ? 0 : (int) (within / layout.chunkBytes());
    }

    private int lastIndex(IoRequest parent) {
        long within = parent.offset() + parent.length() - stripe * layout.stripeBytes();
        return within >= layout.stripeBytes() ? layout.dataSlots() - 1 : (int) ((within - 1) / layout.chunkBytes());
    }

    private int pieceFrom(IoRequest part, int index) {
        long begin = Array.parentOf(part).offset() - chunkStart(index);
        return (int) Math.max(low(layout, part), begin);
    }

    private int pieceTo(IoRequest part, int index) {
        IoRequest parent = Array.parentOf(part);
        long end = parent.offset() + parent.length() - chunkStart(index);
        return (int) Math.min(low(layout, part) + part.length(), end);
    }

    private long chunkStart(int index) {
        return stripe * layout.stripeBytes() + index * layout.chunkBytes();
    }

    /** The parts, a list by {@link IoRequest#next}. */
    @Nullable
    IoRequest parts() {
        return first;
    }

    long stripe() {
        return stripe;
    }

    /** The first byte of the strips that any part touches. */
    int low() {
        return low;
    }

    /** The byte after the last one of the strips that any part touches. */
    int high() {
        return high;
    }

    /** The slots that are touched. */
    long touched() {
        return touched;
    }

    /** The slots that some parent must not read again. */
    long avoided() {
        return avoided;
    }

    /** The flags of all parts. */
    int flags() {
        return flags;
    }

    int from(int slot) {
        return from[slot];
    }

    int to(int slot) {
        return to[slot];
    }

    /** Whether one part alone touches the slot. */
    boolean single(int slot) {
        return only[slot] != null;
    }

    /** The part that alone touches the slot. */
    IoRequest only(int slot) {
        IoRequest part = only[slot];
        if (part == null) {
            throw NOT_ALONE;
        }
        return part;
    }

    /** Bytes between the first and the last that are touched, added up over the slots. */
    long touchedBytes() {
        long sum = 0;
        for (long left = touched; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            sum += to[slot] - from[slot];
        }
        return sum;
    }

    /** The slots that are touched everywhere from {@link #low} to {@link #high}. */
    long covered() {
        long covered = 0;
        for (long left = touched; left != 0; left &= left - 1) {
            int slot = Long.numberOfTrailingZeros(left);
            boolean wide = from[slot] <= low && to[slot] >= high;
            if (wide && (single(slot) || withoutGap(slot))) {
                covered |= 1L << slot;
            }
        }
        return covered;
    }

    /** Follows the pieces from the first on, as far as one goes on where another ends. */
    private boolean withoutGap(int slot) {
        int index = layout.indexOn(stripe, slot);
        int reached = from[slot];
        boolean further = true;
        while (further) {
            further = false;
            for (IoRequest part = first; part != null; part = part.next) {
                int begin = pieceFrom(part, index);
                int end = pieceTo(part, index);
                if (begin < end && begin <= reached && end > reached) {
                    reached = end;
                    further = true;
                }
            }
        }
        return reached == to[slot];
    }

    /** Where the byte at {@code place} of the slot's strip stands in the memory of the one part that touches it. */
    long address(int slot, int place) {
        IoRequest part = only(slot);
        return part.operation() == IoOperation.WRITE_ZEROES
                ? zeroes
                : Array.parentOf(part).address() + inParent(slot, place);
    }

    /** How far that byte is from the start of the parent's range. */
    long inParent(int slot, int place) {
        long chunk = chunkStart(layout.indexOn(stripe, slot));
        return chunk + place - Array.parentOf(only(slot)).offset();
    }

    /** Copies what the parts have for the slot over what stands in {@code strip}, the address of the strip's first byte. */
    void overlay(int slot, long strip) {
        int index = layout.indexOn(stripe, slot);
        for (IoRequest part = first; part != null; part = part.next) {
            int begin = pieceFrom(part, index);
            int end = pieceTo(part, index);
            if (begin < end) {
                IoRequest parent = Array.parentOf(part);
                long source = part.operation() == IoOperation.WRITE_ZEROES
                        ? zeroes
                        : parent.address() + chunkStart(index) + begin - parent.offset();
                Parity.copy(strip + begin, source, end - begin);
            }
        }
    }
}
