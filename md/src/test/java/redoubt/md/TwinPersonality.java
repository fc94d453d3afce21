package redoubt.md;

import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/** The least that is a personality: every member holds everything; reads go to the first slot that may be asked. */
final class TwinPersonality implements Personality {

    private final PersonalityHost host;
    private final int slots;
    private final Level level;
    private final boolean redundant;

    TwinPersonality(PersonalityHost host, int slots) {
        this(host, slots, Level.RAID1);
    }

    /**
     * Makes it.
     *
     * @param level what it passes for
     */
    TwinPersonality(PersonalityHost host, int slots, Level level) {
        this.host = host;
        this.slots = slots;
        this.level = level;
        redundant = level != Level.RAID0 && level != Level.LINEAR;
    }

    @Override
    public Traits traits() {
        return new Traits(level, new TwinLayout(slots), redundant, false, 4096, 65536, slots);
    }

    @Override
    public boolean operational(long inSyncSlots) {
        return redundant ? inSyncSlots != 0 : Long.bitCount(inSyncSlots) == slots;
    }

    @Override
    public void submit(IoRequest request, ArrayView view) {
        boolean reading = request.operation() == IoOperation.READ;
        long asked = view.inSyncSlots() & (reading ? ~request.avoidedSlots : -1);
        if (asked == 0) {
            host.finished(request, IoStatus.IO_ERROR);
            return;
        }
        if (reading) {
            asked = Long.lowestOneBit(asked);
        }
        int children = Long.bitCount(asked);
        if (!host.reserve(children)) {
            host.waitForChildren(request);
            return;
        }
        request.expectChildren(children);
        for (int slot = 0; slot < slots; slot++) {
            if ((asked & 1L << slot) != 0) {
                IoRequest child = host.child()
                        .prepare(
                                request.operation(),
                                request.offset(),
                                request.length(),
                                request.flags(),
                                request.operation().movesBytes() ? request.buffer() : null,
                                request.operation().movesBytes() ? request.bufferOffset() : 0,
                                this::ended);
                child.parent = request;
                child.slot = slot;
                view.member(slot).submit(child);
            }
        }
    }

    private void ended(IoRequest child) {
        IoRequest parent = Array.parentOf(child);
        boolean last = host.childEnded(parent, child, child.slot);
        child.free();
        if (last) {
            host.childrenSettled(parent);
        }
    }

    private record TwinLayout(int slots) implements Layout {
        @Override
        public long capacity(long componentBytes) {
            return componentBytes;
        }

        @Override
        public long run(long offset) {
            return Long.MAX_VALUE;
        }

        @Override
        public int copies() {
            return slots;
        }

        @Override
        public int slot(long offset, int copy) {
            return copy;
        }

        @Override
        public long memberOffset(long offset, int copy) {
            return offset;
        }
    }
}
