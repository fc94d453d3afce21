package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.RaidLevel;

/**
 * A write that was cut between the extension and the anchor. The anchor is still the old one, and its checksum says what the extension summed up
 * to before; where that tells what was changed, the block can be believed. Without that the only disk of a mirror that still counts could lose
 * its metadata to an event of a second volume, which stands in the extension, and the disk that failed long ago would be the one that is
 * whole.
 *
 * <p>Known are the dirty marks of volumes, the failure of the one slot that a volume misses, and entries that were appended to the bad block log.
 * Nothing else is: a sum says nothing about what was there where more than a few things may have been. And since a sum of 32 bits may fit by
 * accident, what is believed is the more cautious of old and new: dirty where either says so, failed where the new one does; at most one resync
 * too many comes of it. Entries appended to the log are forgotten, as the write that met them was never acknowledged (docs/FORMATS.md, "A write
 * that was cut").
 */
final class ImsmCutWrite {

    private static final int DIRTY = 1;

    /** Volumes of one container; a block with more is nothing that anybody writes. */
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
     * What the block says for certain, with nothing in it that is better than before the write or after; empty if the sum does not tell what was
     * changed.
     *
     * @param block of whole sectors, the sum of which is not what it states
     */
    static Optional<ImsmSuper> believable(byte[] block, DiskGeometry geometry, int stated) {
        ImsmCutWrite cut = new ImsmCutWrite(block.clone(), geometry.sectorBytes());
        cut.takeBackTheCountOfBadBlocks();
        try {
            ImsmSuper found = ImsmBlock.decode(cut.torn, geometry);
            byte[] cautious = cut.torn.clone();
            boolean proved = false;
            for (byte[] before : cut.candidates(found)) {
                if (ImsmChecksum.of(before, found.bytes()) == stated) {
                    proved = true;
                    for (int mark : cut.marks) {
                        cautious[mark] |= before[mark];
                    }
                }
            }
            return proved ? Optional.of(ImsmBlock.decode(cautious, geometry).withRestated(true)) : Optional.empty();
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

    /** What the block may have been: some of the marks changed, or a slot's failure not recorded yet. While something migrates, only its log. */
    private List<byte[]> candidates(ImsmSuper found) {
        List<byte[]> candidates = new ArrayList<>();
        candidates.add(torn);
        if (found.devs().size() > VOLUMES_MAX
                || found.devs().stream().anyMatch(dev -> dev.vol().migrating())) {
            return candidates;
        }
        List<byte[]> withoutFailure = new ArrayList<>();
        int at = ImsmHeader.BYTES + ImsmDisk.BYTES * found.disks().size();
        for (ImsmDev dev : found.devs()) {
            boolean marked = ImsmGeometry.of(dev).level() != RaidLevel.RAID0; // which is never dirty
            if (marked && at + ImsmDev.DIRTY_AT >= sectorBytes) {
                marks.add(at + ImsmDev.DIRTY_AT);
            }
            if (at + ImsmDev.MAP_AT >= sectorBytes) {
                failureTakenBack(dev.vol(), at + ImsmDev.MAP_AT).ifPresent(withoutFailure::add);
            }
            at += dev.bytes();
        }
        for (int chosen = 1; chosen < 1 << marks.size(); chosen++) {
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
        if (lost.size() != 1 || map.failedSlot() != lost.getFirst()) {
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
}
