package redoubt.personality;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * RAID0 of members that differ in size (Linux, drivers/md/raid0.c, create_strip_zones and map_sector). The array is cut into zones: the first lies
 * on all members, as far as the smallest goes; the next on those that go on from there, in the order of their slots; and so on. Within a zone
 * chunks are dealt out in turn. Which member has the turn is counted, in the original kind, from the start of the array, and in the
 * alternate one from the start of the zone; Linux had the one until 3.13 and the other since, so that metadata has to tell.
 *
 * <p>Pure arithmetic, no state.
 */
public final class ZonedLayout implements CopiesLayout {

    private final long chunkBytes;
    private final boolean original;
    private final int slots;
    private final int[][] members; // slots of each zone, in order
    private final long[] memberStarts; // where each zone begins on its members, in chunks
    private final long[] starts; // and in the array, in chunks; one more for the end

    /**
     * Makes a layout.
     *
     * @param memberBytes how much of each member the array uses at most, slot by slot
     * @param original whether turns are counted from the start of the array
     */
    public ZonedLayout(long[] memberBytes, long chunkBytes, boolean original) {
        if (memberBytes.length == 0 || chunkBytes < 1) {
            throw new IllegalArgumentException(
                    "no zones of %d members with chunk %d".formatted(memberBytes.length, chunkBytes));
        }
        this.chunkBytes = chunkBytes;
        this.original = original;
        this.slots = memberBytes.length;
        long[] chunks =
                Arrays.stream(memberBytes).map(bytes -> bytes / chunkBytes).toArray();
        long[] ends = Arrays.stream(chunks)
                .filter(each -> each > 0)
                .sorted()
                .distinct()
                .toArray();
        this.members = new int[ends.length][];
        this.memberStarts = new long[ends.length];
        this.starts = new long[ends.length + 1];
        for (int zone = 0; zone < ends.length; zone++) {
            long from = zone == 0 ? 0 : ends[zone - 1];
            memberStarts[zone] = from;
            members[zone] = IntStream.range(0, slots)
                    .filter(slot -> chunks[slot] > from)
                    .toArray();
            starts[zone + 1] =
                    Math.addExact(starts[zone], Math.multiplyExact(ends[zone] - from, (long) members[zone].length));
        }
    }

    @Override
    public int slots() {
        return slots;
    }

    @Override
    public int copies() {
        return 1;
    }

    @Override
    public int slotsToTheNextChunk() {
        return 1;
    }

    /** The members' own sizes count. */
    @Override
    public long capacity(long componentBytes) {
        return Math.multiplyExact(starts[starts.length - 1], chunkBytes);
    }

    @Override
    public long run(long offset) {
        return chunkBytes - offset % chunkBytes;
    }

    @Override
    public int slot(long offset, int copy) {
        long chunk = offset / chunkBytes;
        int zone = zone(chunk);
        return members[zone][(int) ((chunk - firstTurn(zone)) % members[zone].length)];
    }

    @Override
    public long memberOffset(long offset, int copy) {
        long chunk = offset / chunkBytes;
        int zone = zone(chunk);
        long row = (chunk - starts[zone]) / members[zone].length;
        return (memberStarts[zone] + row) * chunkBytes + offset % chunkBytes;
    }

    @Override
    public long held(int slot, long end) {
        long held = 0;
        for (int zone = 0; zone < members.length; zone++) {
            int turn = turn(zone, slot);
            long from = starts[zone] * chunkBytes;
            if (turn >= 0 && end > from) {
                long within = Math.min(end, starts[zone + 1] * chunkBytes) - from;
                long stripe = members[zone].length * chunkBytes;
                long part = within % stripe - turn * chunkBytes;
                held += within / stripe * chunkBytes + Math.clamp(part, 0, chunkBytes);
            }
        }
        return held;
    }

    /** Which chunk of each row of a zone the slot has; negative where it is not in the zone. */
    private int turn(int zone, int slot) {
        int count = members[zone].length;
        int place = Arrays.binarySearch(members[zone], slot);
        return place < 0 ? -1 : (int) Math.floorMod(place - (starts[zone] - firstTurn(zone)), (long) count);
    }

    private int zone(long chunk) {
        int zone = 0;
        while (zone < members.length - 1 && chunk >= starts[zone + 1]) {
            zone++;
        }
        return zone;
    }

    /** The chunk from which turns are counted. */
    private long firstTurn(int zone) {
        return original ? 0 : starts[zone];
    }
}
