package redoubt.metadata.imsm;

import java.util.Arrays;
import java.util.Optional;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataRefused;

/**
 * A write that was cut between the extension and the anchor, where all that it changed in the extension is the dirty mark of a volume. The
 * anchor is still the old one, and its checksum says what the extension was before; so the mark is put back, and the block is the old one
 * again. Without that the only disk of a mirror that still counts could lose its metadata to the dirty mark of a second volume, which
 * stands in the extension, and the disk that failed long ago would be the one that is whole.
 */
final class ImsmCutMark {

    private static final int DIRTY = 1;

    /** Volumes of one container. */
    private static final int VOLUMES_MAX = 2;

    private ImsmCutMark() {}

    /**
     * The block as it was before the write; empty if that was another one.
     *
     * @param block of whole sectors, the sum of which is not what it states
     */
    static Optional<ImsmSuper> undone(byte[] block, DiskGeometry geometry, int stated) {
        try {
            ImsmSuper torn = ImsmBlock.decode(block, geometry);
            int[] marks = marksInTheExtension(torn, geometry.sectorBytes());
            for (int chosen = 1; chosen < 1 << marks.length; chosen++) {
                byte[] before = block.clone();
                for (int i = 0; i < marks.length; i++) {
                    before[marks[i]] ^= (byte) ((chosen >> i & 1) * DIRTY);
                }
                if (ImsmChecksum.of(before, torn.bytes()) == stated) {
                    return Optional.of(ImsmBlock.decode(before, geometry).withRestated(true));
                }
            }
            return Optional.empty();
        } catch (MetadataRefused nonsense) {
            return Optional.empty();
        }
    }

    private static int[] marksInTheExtension(ImsmSuper mpb, int sectorBytes) {
        int[] marks = new int[VOLUMES_MAX];
        int count = 0;
        int at = ImsmHeader.BYTES + ImsmDisk.BYTES * mpb.disks().size();
        for (ImsmDev dev : mpb.devs()) {
            int mark = at + ImsmDev.DIRTY_AT;
            if (mark >= sectorBytes && count < VOLUMES_MAX) {
                marks[count++] = mark;
            }
            at += dev.bytes();
        }
        return Arrays.copyOf(marks, count);
    }
}
