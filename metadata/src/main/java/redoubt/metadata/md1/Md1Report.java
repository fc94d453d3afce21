package redoubt.metadata.md1;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.metadata.MdWords;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.Report;
import redoubt.metadata.Report.About;
import redoubt.metadata.Report.Field;
import redoubt.metadata.Report.Section;
import redoubt.metadata.Report.Value;

/**
 * Every field of a superblock, in the order and the words of {@code mdadm --examine} (mdadm, super1.c, examine_super1).
 *
 * @param disk what was read
 */
record Md1Report(Md1DiskMetadata disk) {

    private static final List<String> RAID0_LAYOUTS = List.of("", "original", "alternate");

    /** Linux leaves so many sectors behind the superblock free. */
    private static final int LEFT_FREE_SECTORS = 72;

    private Md1Superblock superblock() {
        return disk.superblock();
    }

    Report report() {
        List<Section> sections = new ArrayList<>();
        List<Field> fields = new ArrayList<>();
        array(fields);
        sizes(fields);
        device(fields);
        geometry(fields);
        sections.add(new Section(About.CONTAINER, 0, "", fields));
        List<Extent> bad = disk.badBlocks().extents();
        if (!bad.isEmpty()) {
            sections.add(new Section(
                    About.BAD_BLOCKS,
                    0,
                    "",
                    bad.stream()
                            .map(each -> text(
                                    "entry",
                                    "Entry",
                                    "sector %d, %d sectors"
                                            .formatted(Sectors.ofBytes(each.offset()), Sectors.ofBytes(each.length()))))
                            .toList()));
        }
        return new Report(sections);
    }

    private void array(List<Field> fields) {
        fields.add(new Field("magic", "Magic", new Value.Word(Md1Superblock.MAGIC)));
        fields.add(text("version", "Version", disk.minor().version()));
        fields.add(
                text("feature_map", "Feature Map", "0x%x".formatted(superblock().features())));
        fields.add(new Field(
                "array_uuid", "Array UUID", new Value.Name(superblock().array())));
        fields.add(text("name", "Name", wholeName()));
        fields.add(time("creation_time", "Creation Time", superblock().createdAt()));
        fields.add(text("raid_level", "Raid Level", level().word()));
        fields.add(count("raid_devices", "Raid Devices", superblock().raidDisks()));
    }

    private RaidLevel level() {
        return RaidLevel.ofNumber(superblock().level()).orElseThrow();
    }

    private String wholeName() {
        String text = new String(superblock().name().toArray(), StandardCharsets.UTF_8);
        int end = text.indexOf('\0');
        return end < 0 ? text : text.substring(0, end);
    }

    private void sizes(List<Field> fields) {
        Md1Device device = superblock().device();
        fields.add(size("avail_dev_size", "Avail Dev Size", device.dataSize()));
        if (level() != RaidLevel.RAID0) {
            long array = arraySectors();
            if (array > 0) {
                fields.add(size("array_size", "Array Size", array));
            }
            if (superblock().size() != device.dataSize()) {
                fields.add(size(
                        "used_dev_size",
                        "Used Dev Size",
                        Math.max(0, superblock().size())));
            }
        }
        fields.add(size("data_offset", "Data Offset", device.dataOffset()));
        if (superblock().has(Md1Feature.NEW_OFFSET) && superblock().reshape().newOffset() != 0) {
            fields.add(count(
                    "new_offset",
                    "New Offset",
                    device.dataOffset() + superblock().reshape().newOffset()));
        }
        fields.add(size("super_offset", "Super Offset", device.superOffset()));
        if (superblock().has(Md1Feature.RECOVERY_OFFSET)) {
            fields.add(count("recovery_offset", "Recovery Offset", device.recoveryOffset()));
        }
        if (!superblock().has(Md1Feature.NEW_OFFSET)) {
            fields.add(text("unused_space", "Unused Space", unusedSpace()));
        }
    }

    /** As mdadm reckons it, which rounds to no chunk. */
    private long arraySectors() {
        int disks = superblock().raidDisks();
        long size = superblock().size();
        return switch (level()) {
            case RAID1 -> size;
            case RAID4, RAID5 -> size * (disks - 1);
            case RAID6 -> size * (disks - 2);
            case RAID10 ->
                size * disks / (superblock().layout() & 0xFF) / (superblock().layout() >>> 8 & 0xFF);
            case LINEAR, RAID0 -> 0;
        };
    }

    private String unusedSpace() {
        Md1Device device = superblock().device();
        boolean all = level() == RaidLevel.RAID0 || level() == RaidLevel.LINEAR;
        long used = all ? device.dataSize() : superblock().size();
        long log = device.superOffset() + device.badBlockOffset();
        boolean hasLog = device.badBlockSectors() != 0 && device.badBlockOffset() != 0;
        if (device.dataOffset() < device.superOffset()) {
            long end = device.superOffset();
            if (hasLog) {
                end = Math.min(end, log);
            }
            if (superblock().has(Md1Feature.BITMAP)) {
                end = Math.min(end, device.superOffset() + superblock().bitmapOffset());
            }
            return unused(device.dataOffset(), end - used - device.dataOffset());
        }
        long earliest = device.superOffset() + LEFT_FREE_SECTORS;
        if (hasLog) {
            earliest = Math.max(earliest, log + device.badBlockSectors());
        }
        if (disk.bitmap().isPresent()) {
            long bitmap = device.superOffset() + superblock().bitmapOffset();
            earliest = Math.max(earliest, bitmap + disk.bitmap().get().sectors());
        }
        return unused(device.dataOffset() - earliest, device.dataSize() - used);
    }

    private static String unused(long before, long after) {
        return "before=%d sectors, after=%d sectors".formatted(Math.max(0, before), Math.max(0, after));
    }

    private void device(List<Field> fields) {
        Md1Device device = superblock().device();
        fields.add(text("state", "State", superblock().resyncOffset() == Md1Superblock.IN_SYNC ? "clean" : "active"));
        if (superblock().resyncOffset() > 0) {
            fields.add(count("resync_offset", "Resync Offset", superblock().resyncOffset()));
        }
        fields.add(new Field("device_uuid", "Device UUID", new Value.Name(device.uuid())));
        if (superblock().has(Md1Feature.BITMAP)) {
            fields.add(text(
                    "internal_bitmap", "Internal Bitmap", superblock().bitmapOffset() + " sectors from superblock"));
        }
        if (superblock().has(Md1Feature.PPL | Md1Feature.MULTIPLE_PPLS)) {
            fields.add(text(
                    "ppl",
                    "PPL",
                    "%d sectors at offset %d sectors from superblock"
                            .formatted(superblock().pplSectors(), superblock().pplOffset())));
        }
        reshape(fields);
        if (device.flags() != 0) {
            fields.add(text("flags", "Flags", flags(device.flags())));
        }
        fields.add(time("update_time", "Update Time", superblock().updatedAt()));
        if (device.badBlockSectors() != 0 && device.badBlockOffset() != 0) {
            fields.add(text(
                    "bad_block_log",
                    "Bad Block Log",
                    "%d entries available at offset %d sectors%s"
                            .formatted(
                                    device.badBlockSectors() * (Sectors.BYTES / 8),
                                    device.badBlockOffset(),
                                    superblock().has(Md1Feature.BAD_BLOCKS) ? " - bad blocks present." : "")));
        }
        byte[] block = superblock().encode(Sectors.BYTES);
        fields.add(new Field(
                "checksum",
                "Checksum",
                new Value.Word(redoubt.metadata.LittleEndian.word(block, Md1Superblock.SUM_AT))));
        fields.add(text("events", "Events", Long.toUnsignedString(superblock().events())));
    }

    private static String flags(int flags) {
        List<String> words = new ArrayList<>();
        if ((flags & 1) != 0) {
            words.add("write-mostly");
        }
        if ((flags & 2) != 0) {
            words.add("failfast");
        }
        return words.isEmpty() ? "0x%02x".formatted(flags) : String.join(" ", words);
    }

    private void reshape(List<Field> fields) {
        if (!superblock().has(Md1Feature.RESHAPE)) {
            return;
        }
        Md1Reshape reshape = superblock().reshape();
        fields.add(count("reshape_position", "Reshape pos'n", reshape.position()));
        if (reshape.deltaDisks() != 0) {
            fields.add(count("delta_devices", "Delta Devices", reshape.deltaDisks()));
        }
        if (reshape.newLevel() != superblock().level()) {
            fields.add(count("new_level", "New Level", reshape.newLevel()));
        }
        if (reshape.newLayout() != superblock().layout()) {
            fields.add(count("new_layout", "New Layout", reshape.newLayout()));
        }
        if (reshape.newChunkSectors() != superblock().chunkSectors()) {
            fields.add(size("new_chunksize", "New Chunksize", Integer.toUnsignedLong(reshape.newChunkSectors())));
        }
    }

    private void geometry(List<Field> fields) {
        String layout = layoutWords();
        if (!layout.isEmpty()) {
            fields.add(text("layout", "Layout", layout));
        }
        long kibibytes = superblock().chunk() / 2;
        switch (level()) {
            case LINEAR -> fields.add(text("rounding", "Rounding", kibibytes + "K"));
            case RAID0, RAID4, RAID5, RAID6, RAID10 ->
                fields.add(text("chunk_size", "Chunk Size", chunkWords(kibibytes)));
            case RAID1 -> {}
        }
        fields.add(text("device_role", "Device Role", role()));
        fields.add(text("array_state", "Array State", stateLetters()));
    }

    /** mdadm's way to write a size that is a round number. */
    private static String chunkWords(long kibibytes) {
        return kibibytes % 1024 == 0 && kibibytes > 0 ? kibibytes / 1024 + "M" : kibibytes + "K";
    }

    private String layoutWords() {
        int layout = superblock().layout();
        return switch (level()) {
            case RAID0 -> superblock().has(Md1Feature.RAID0_LAYOUT) ? RAID0_LAYOUTS.get(layout) : MdWords.UNKNOWN;
            case RAID5, RAID6 -> MdWords.parityLayout(layout);
            case RAID10 -> MdWords.raid10Layout(layout);
            case LINEAR, RAID1, RAID4 -> "";
        };
    }

    private String role() {
        int role = superblock().role(superblock().device().number());
        return switch (role) {
            case Md1Superblock.SPARE -> "spare";
            case Md1Superblock.FAULTY -> "faulty";
            case Md1Superblock.JOURNAL -> "Journal";
            default -> (superblock().has(Md1Feature.REPLACEMENT) ? "Replacement device " : "Active device ") + role;
        };
    }

    private String stateLetters() {
        StringBuilder letters = new StringBuilder();
        for (int slot = 0; slot < superblock().raidDisks(); slot++) {
            letters.append(
                    switch (Collections.frequency(superblock().roles(), slot)) {
                        case 0 -> '.';
                        case 1 -> 'A';
                        default -> 'R';
                    });
        }
        return letters.toString();
    }

    private static Field text(String key, String label, String text) {
        return new Field(key, label, new Value.Text(text));
    }

    private static Field count(String key, String label, long number) {
        return new Field(key, label, new Value.Count(number));
    }

    private static Field time(String key, String label, long time) {
        return new Field(key, label, new Value.Time(Md1Superblock.seconds(time)));
    }

    private Field size(String key, String label, long sectors) {
        return new Field(key, label, new Value.Size(sectors, Sectors.BYTES));
    }
}
