package redoubt.metadata.imsm;

import java.util.List;
import redoubt.metadata.Bytes;

/** The private block of a pristine spare: one disk, no volume, a family that is the sum of the block itself (docs/FORMATS.md, "Spare"). */
final class ImsmSpare {

    private static final int FIRST_GENERATION = 1;
    private static final int POWER_CYCLES = 1;

    private ImsmSpare() {}

    /** The block of a spare. */
    static ImsmSuper block(ImsmMember spare, int sectorBytes) {
        long sectors = spare.geometry().sizeSectors();
        int attributes = sectors > 0xFFFF_FFFFL ? ImsmAttributes.DISK_2TB : 0;
        ImsmSuper block = empty(attributes, POWER_CYCLES)
                .withGeneration(FIRST_GENERATION)
                .withDisks(List.of(ImsmDisk.fresh(spare.serial(), sectors, spare.busAddress(), ImsmDisk.SPARE)));
        int sum = ImsmChecksum.of(block.encode(sectorBytes), block.bytes());
        return block.withFamily(sum, 0);
    }

    /** A block with nothing in it, from which spares and containers begin. */
    static ImsmSuper empty(int attributes, int powerCycles) {
        return new ImsmSuper(
                ImsmHeader.fresh(attributes, powerCycles),
                List.of(),
                List.of(),
                Bytes.empty(),
                null,
                Bytes.empty(),
                false);
    }
}
