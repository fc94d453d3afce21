package redoubt.metadata.md0;

import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import redoubt.base.Sectors;
import redoubt.metadata.MdWords;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.Report;
import redoubt.metadata.Report.About;
import redoubt.metadata.Report.Field;
import redoubt.metadata.Report.Section;
import redoubt.metadata.Report.Value;

/**
 * Every field of a superblock, in the order and the words of {@code mdadm --examine} (mdadm, super0.c, examine_super0); the table of disks as
 * sections of their own.
 *
 * @param superblock what was read
 */
record Md0Report(Md0Superblock superblock) {

    Report report() {
        List<Section> sections = new ArrayList<>();
        List<Field> fields = new ArrayList<>();
        array(fields);
        reshape(fields);
        state(fields);
        geometry(fields);
        Md0Descriptor own = superblock.thisDisk();
        fields.add(count("this_disk", "This Disk", own.number()));
        sections.add(new Section(About.CONTAINER, 0, "", fields));
        int shown = superblock.raidDisks() + Math.max(0, superblock.reshaping() ? -superblock.deltaDisks() : 0);
        for (int number = 0; number < Md0Superblock.DISKS_MAX; number++) {
            Md0Descriptor disk = superblock.descriptor(number);
            if (number < shown || disk.number() != 0 || disk.state() != 0 || disk.major() != 0) {
                sections.add(section(number, disk));
            }
        }
        return new Report(sections);
    }

    private static Section section(int number, Md0Descriptor disk) {
        return new Section(
                About.DISK,
                number,
                "",
                List.of(
                        count("number", "Number", disk.number()),
                        count("major", "Major", disk.major()),
                        count("minor", "Minor", disk.minor()),
                        count("raid_device", "RaidDevice", disk.slot()),
                        text("state", "State", disk.words())));
    }

    private RaidLevel level() {
        return RaidLevel.ofNumber(superblock.level()).orElseThrow();
    }

    private void array(List<Field> fields) {
        fields.add(new Field("magic", "Magic", new Value.Word(Md0Superblock.MAGIC)));
        fields.add(text(
                "version",
                "Version",
                "0.%02d.%02d".formatted(superblock.minor(), superblock.word(Md0Superblock.PATCH_AT))));
        if (superblock.order() == ByteOrder.BIG_ENDIAN) {
            fields.add(text(
                    "byte_order",
                    "Byte Order",
                    "big-endian (Linux on a little-endian machine does not know this disk; mdadm: --metadata=0.swap)"));
        }
        fields.add(new Field("uuid", "UUID", new Value.Name(superblock.array())));
        if (superblock.word(Md0Superblock.NOT_PERSISTENT_AT) != 0) {
            fields.add(text("eedk", "Eedk", "not persistent"));
        }
        fields.add(time("creation_time", "Creation Time", Md0Superblock.CREATED_AT));
        fields.add(text("raid_level", "Raid Level", level().word()));
        if (superblock.level() > 0) {
            fields.add(size("used_dev_size", "Used Dev Size", superblock.size()));
            fields.add(size("array_size", "Array Size", arraySectors()));
        }
        fields.add(count("raid_devices", "Raid Devices", superblock.raidDisks()));
        fields.add(count("total_devices", "Total Devices", superblock.word(Md0Superblock.DISKS_COUNT_AT)));
        fields.add(count("preferred_minor", "Preferred Minor", superblock.word(Md0Superblock.MD_MINOR_AT)));
    }

    /** As mdadm reckons it, which rounds to no chunk and cuts off what is no KiB. */
    private long arraySectors() {
        int disks = superblock.raidDisks();
        long size = superblock.size();
        int copies = Math.max(1, (superblock.layout() & 0xFF) * (superblock.layout() >>> 8 & 0xFF));
        return switch (level()) {
            case RAID1 -> size;
            case RAID4, RAID5 -> size * (disks - 1);
            case RAID6 -> size * (disks - 2);
            case RAID10 -> size * disks / copies / 2 * 2;
            case LINEAR, RAID0 -> 0;
        };
    }

    private void reshape(List<Field> fields) {
        if (!superblock.reshaping()) {
            return;
        }
        fields.add(size("reshape_pos'n", "Reshape pos'n", superblock.long64(Md0Superblock.RESHAPE_POSITION_AT)));
        int delta = superblock.deltaDisks();
        if (delta != 0) {
            int slots = superblock.raidDisks();
            fields.add(text("delta_devices", "Delta Devices", "%d (%d->%d)".formatted(delta, slots - delta, slots)));
        }
        int level = superblock.word(Md0Superblock.NEW_LEVEL_AT);
        if (level != superblock.level()) {
            fields.add(text(
                    "new_level",
                    "New Level",
                    RaidLevel.ofNumber(level).map(RaidLevel::word).orElse(MdWords.UNKNOWN)));
        }
        int layout = superblock.word(Md0Superblock.NEW_LAYOUT_AT);
        if (layout != superblock.layout()) {
            layout("new_layout", "New Layout", layout, fields);
        }
        if (superblock.word(Md0Superblock.NEW_CHUNK_AT) != superblock.word(Md0Superblock.CHUNK_AT)) {
            fields.add(count("new_chunksize", "New Chunksize", superblock.u32(Md0Superblock.NEW_CHUNK_AT)));
        }
    }

    private void state(List<Field> fields) {
        fields.add(time("update_time", "Update Time", Md0Superblock.UPDATED_AT));
        fields.add(text("state", "State", superblock.clean() ? "clean" : "active"));
        if (superblock.resyncOffset() > 0) {
            fields.add(count("resync_offset", "Resync Offset", superblock.resyncOffset()));
        }
        if (superblock.hasBitmap()) {
            fields.add(text("internal_bitmap", "Internal Bitmap", "present"));
        }
        fields.add(count("active_devices", "Active Devices", superblock.word(Md0Superblock.ACTIVE_AT)));
        fields.add(count("working_devices", "Working Devices", superblock.word(Md0Superblock.WORKING_AT)));
        fields.add(count("failed_devices", "Failed Devices", superblock.word(Md0Superblock.FAILED_AT)));
        fields.add(count("spare_devices", "Spare Devices", superblock.word(Md0Superblock.SPARE_AT)));
        fields.add(new Field("checksum", "Checksum", new Value.Word(superblock.word(Md0Superblock.SUM_AT))));
        fields.add(text("events", "Events", Long.toUnsignedString(superblock.events())));
    }

    private void geometry(List<Field> fields) {
        layout("layout", "Layout", superblock.layout(), fields);
        String chunk = superblock.u32(Md0Superblock.CHUNK_AT) / 1024 + "K";
        switch (level()) {
            case LINEAR -> fields.add(text("rounding", "Rounding", chunk));
            case RAID0, RAID4, RAID5, RAID6, RAID10 -> fields.add(text("chunk_size", "Chunk Size", chunk));
            case RAID1 -> {}
        }
    }

    private void layout(String key, String label, int layout, List<Field> fields) {
        switch (level()) {
            case RAID5, RAID6 -> fields.add(text(key, label, MdWords.parityLayout(layout)));
            case RAID10 -> fields.add(text(key, label, MdWords.raid10Layout(layout)));
            case LINEAR, RAID0, RAID1, RAID4 -> {}
        }
    }

    private static Field text(String key, String label, String text) {
        return new Field(key, label, new Value.Text(text));
    }

    private static Field count(String key, String label, long number) {
        return new Field(key, label, new Value.Count(number));
    }

    private Field time(String key, String label, int at) {
        return new Field(key, label, new Value.Time(superblock.u32(at)));
    }

    /** A position of 2^63 and more, which no array has, is shown as 0. */
    private static Field size(String key, String label, long sectors) {
        return new Field(
                key,
                label,
                new Value.Size(sectors < 0 || sectors > Sectors.ofBytes(Long.MAX_VALUE) ? 0 : sectors, 512));
    }
}
