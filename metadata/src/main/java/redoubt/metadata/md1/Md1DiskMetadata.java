package redoubt.metadata.md1;

import java.util.ArrayList;
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
 * @param minor where it stood
 * @param geometry of the disk it was read from
 * @param badBlocks what is recorded as not to be read
 * @param bitmap the head of the bitmap, where there is one that can be believed
 */
record Md1DiskMetadata(
        Md1Superblock superblock,
        Md1Minor minor,
        DiskGeometry geometry,
        Md1BadBlocks badBlocks,
        Optional<Md1Bitmap> bitmap)
        implements MemberMetadata {

    @Override
    public String format() {
        return minor.version();
    }

    @Override
    public ContainerPicture picture() {
        return together(List.of());
    }

    @Override
    public List<Extent> claims() {
        Md1Device device = superblock.device();
        return List.of(new Extent(Sectors.toBytes(device.dataOffset()), Sectors.toBytes(device.dataSize())));
    }

    @Override
    public long createdAt() {
        return Md1Superblock.seconds(superblock.createdAt());
    }

    @Override
    public Report report(Optional<String> serial) {
        return new Md1Report(this).report();
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
        return superblock.device().number();
    }

    @Override
    public Place placeOf(int number) {
        return switch (superblock.role(number)) {
            case Md1Superblock.SPARE -> new Place.Spare();
            case Md1Superblock.FAULTY -> new Place.Failed();
            case Md1Superblock.JOURNAL -> new Place.Journal();
            default -> new Place.Slot(superblock.role(number));
        };
    }

    @Override
    public Map<Integer, Integer> slotOfNumber() {
        Map<Integer, Integer> slots = new HashMap<>();
        for (int number = 0; number < superblock.roles().size(); number++) {
            if (placeOf(number) instanceof Place.Slot(int slot)) {
                slots.put(number, slot);
            }
        }
        return slots;
    }

    @Override
    public boolean replaces() {
        return superblock.has(Md1Feature.REPLACEMENT);
    }

    /** Level, layout and chunk as Linux compares them; size and slots, which a reshape changes. */
    @Override
    public List<Object> shape() {
        return List.of(
                superblock.level(),
                superblock.layout(),
                superblock.chunkSectors(),
                superblock.raidDisks(),
                superblock.size(),
                superblock.has(Md1Feature.RESHAPE));
    }

    @Override
    public ContainerPicture together(List<Seat> seats) {
        return new Md1Picture(superblock, minor, new ArrayList<>(seats)).container();
    }
}
