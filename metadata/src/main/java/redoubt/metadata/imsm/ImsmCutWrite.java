package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataRefused;

/**
 * A write that was cut between the extension and the anchor. The anchor is still the old one, and its checksum says what the extension summed up
 * to before; where that tells what was changed, the change is taken back, and the block is the old one again. Without that the only disk of a
 * mirror that still counts could lose its metadata to an event of a second volume, which stands in the extension, and the disk that failed long
 * ago would be the one that is whole.
 *
 * <p>Taken back are the dirty marks of volumes, the failure of the one slot that a volume misses, and entries that were appended to the bad block
 * log. Nothing else can be: a sum says nothing about what was there where more than a few things may have been (docs/FORMATS.md, "A write that was
 * cut").
 */
final class ImsmCutWrite {

    private static final int DIRTY = 1;

    /** Volumes of one container. */
    private static final int VOLUMES_MAX = 2;

    private final byte[] torn;
    private final int sectorBytes;

    /** Where marks stand in the extension. */
    private final List<Integer> marks = new ArrayList<>();

    private ImsmCutWrite(byte[] torn, int sectorBytes) {
        this.torn = torn;
        this.sectorBytes = sectorBytes;
    }

    /**
     * The block as it was before the write; empty if that cannot be told.
     *
     * @param block of whole sectors, the sum of which is not what it states
     */
    static Optional<ImsmSuper> undone(byte[] block, DiskGeometry geometry, int stated) {
        ImsmCutWrite cut = new ImsmCutWrite(block.clone(), geometry.sectorBytes());
        cut.takeBackTheCountOfBadBlocks();
        try {
            ImsmSuper found = ImsmBlock.decode(cut.torn, geometry);
            List<byte[]> fitting = new ArrayList<>();
            for (byte[] before : cut.candidates(found)) {
                if (ImsmChecksum.of(before, found.bytes()) == stated) {
                    fitting.add(before);
                }
            }
            return fitting.isEmpty()
                    ? Optional.empty()
                    : Optional.of(ImsmBlock.decode(cut.mostCautious(fitting), geometry)
                            .withRestated(true));
        } catch (MetadataRefused nonsense) {
            return Optional.empty();
        }
    }

    /** Entries are appended, and the anchor says how many there were; what is behind them belongs to no block any more. */
    private void takeBackTheCountOfBadBlocks() {
        long size = LittleEndian.u32(torn, ImsmHeader.MPB_SIZE_AT);
        long logBytes = LittleEndian.u32(torn, ImsmHeader.BBM_SIZE_AT);
        long countAt = size - logBytes + ImsmBbmLog.COUNT_AT;
        if (logBytes >= ImsmBbmLog.HEADER_BYTES && countAt >= sectorBytes) {
            LittleEndian.putWord(
                    torn, (int) countAt, (int) (logBytes - ImsmBbmLog.HEADER_BYTES) / ImsmBbmLog.ENTRY_BYTES);
            Arrays.fill(torn, (int) size, torn.length, (byte) 0);
        }
    }

    /** What the block may have been: some of the marks changed, or a slot's failure not recorded yet. */
    private List<byte[]> candidates(ImsmSuper found) {
        List<byte[]> candidates = new ArrayList<>();
        List<byte[]> withoutFailure = new ArrayList<>();
        int at = ImsmHeader.BYTES + ImsmDisk.BYTES * found.disks().size();
        for (ImsmDev dev : found.devs()) {
            int mark = at + ImsmDev.DIRTY_AT;
            if (mark >= sectorBytes && marks.size() < VOLUMES_MAX) {
                marks.add(mark);
                failureTakenBack(dev.vol(), at + ImsmDev.MAP_AT).ifPresent(withoutFailure::add);
            }
            at += dev.bytes();
        }
        for (int chosen = 0; chosen < 1 << marks.size(); chosen++) {
            byte[] before = torn.clone();
            for (int i = 0; i < marks.size(); i++) {
                before[marks.get(i)] ^= (byte) ((chosen >> i & 1) * DIRTY);
            }
            candidates.add(before);
        }
        if (withoutFailure.size() == 1) {
            candidates.addAll(withoutFailure); // of two, nobody could say which it was
        }
        return candidates;
    }

    private Optional<byte[]> failureTakenBack(ImsmVol vol, int mapAt) {
        ImsmMap map = vol.map();
        List<Integer> lost = new ArrayList<>();
        for (int slot = 0; slot < map.members(); slot++) {
            if (map.slots().get(slot).outOfSync()) {
                lost.add(slot);
            }
        }
        if (vol.migrating() || lost.size() != 1 || map.failedSlot() != lost.getFirst()) {
            return Optional.empty();
        }
        byte[] before = torn.clone();
        LittleEndian.putU8(before, mapAt + ImsmMap.STATE_AT, ImsmMap.NORMAL);
        LittleEndian.putU8(before, mapAt + ImsmMap.FAILED_SLOT_AT, ImsmMap.NO_FAILED_SLOT);
        LittleEndian.putWord(
                before,
                mapAt + ImsmMap.ORDS_AT + ImsmMap.ORD_BYTES * lost.getFirst(),
                map.slots().get(lost.getFirst()).plain().word());
        return Optional.of(before);
    }

    /** Where one of two marks was made, and the sum cannot say which of them, both stay dirty. */
    private byte[] mostCautious(List<byte[]> fitting) {
        byte[] before = fitting.getFirst().clone();
        for (byte[] other : fitting) {
            for (int mark : marks) {
                before[mark] |= other[mark];
            }
        }
        return before;
    }
}
