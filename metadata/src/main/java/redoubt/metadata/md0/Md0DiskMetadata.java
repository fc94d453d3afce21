package redoubt.metadata.md0;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MdUuid;
import redoubt.metadata.MemberMetadata;
import redoubt.metadata.Report;

/**
 * What one disk says.
 *
 * @param superblock whole and lawful
 * @param geometry of the disk it was read from
 */
record Md0DiskMetadata(Md0Superblock superblock, DiskGeometry geometry) implements MemberMetadata {

    @Override
    public String format() {
        return Md0Format.NAME;
    }

    @Override
    public ContainerPicture picture() {
        return together(List.of());
    }

    @Override
    public List<Extent> claims() {
        return List.of(new Extent(0, Sectors.toBytes(Md0Superblock.sectorOn(geometry))));
    }

    @Override
    public long createdAt() {
        return superblock.u32(Md0Superblock.CREATED_AT);
    }

    @Override
    public Report report(Optional<String> serial) {
        return new Md0Report(superblock).report();
    }

    @Override
    public MdUuid array() {
        return superblock.array();
    }

    @Override
    public long events() {
        return superblock.events();
    }

    @Override
    public int number() {
        return superblock.thisDisk().number();
    }

    @Override
    public Place placeOf(int number) {
        Md0Descriptor disk = superblock.descriptor(number);
        if (superblock.seated(disk)) {
            return new Place.Slot(disk.slot());
        }
        return disk.has(Md0Descriptor.FAULTY) ? new Place.Failed() : new Place.Spare();
    }

    @Override
    public Map<Integer, Integer> slotOfNumber() {
        Map<Integer, Integer> slots = new HashMap<>();
        for (int number = 0; number < Md0Superblock.DISKS_MAX; number++) {
            if (placeOf(number) instanceof Place.Slot(int slot)) {
                slots.put(number, slot);
            }
        }
        return slots;
    }

    @Override
    public boolean replaces() {
        return false;
    }

    @Override
    public List<Object> shape() {
        return List.of(
                superblock.order(),
                superblock.level(),
                superblock.layout(),
                superblock.chunkSectors(),
                superblock.raidDisks(),
                superblock.size(),
                superblock.reshaping());
    }

    @Override
    public ContainerPicture together(List<Seat> seats) {
        return new Md0Picture(superblock, seats).container();
    }
}
