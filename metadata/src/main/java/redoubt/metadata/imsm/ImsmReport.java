package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.Migration;
import redoubt.metadata.Report;
import redoubt.metadata.Report.About;
import redoubt.metadata.Report.Field;
import redoubt.metadata.Report.Section;
import redoubt.metadata.Report.Value;

/**
 * Every field of a block, in the order and the words of {@code mdadm --examine} (mdadm, super-intel.c, examine_super_imsm).
 *
 * @param mpb the block
 * @param geometry of the disk it was read from
 * @param migrationRecord the record in the last sector, where a reshape is under way
 */
record ImsmReport(ImsmSuper mpb, DiskGeometry geometry, Optional<ImsmMigrationRecord> migrationRecord) {

    Report report(Optional<String> serial) {
        int self = serial.map(mpb::indexOf).orElse(-1);
        List<Section> sections = new ArrayList<>();
        sections.add(container());
        if (self >= 0) {
            sections.add(disk(self));
        }
        if (mpb.badBlocks() != null) {
            sections.add(badBlocks(mpb.badBlocks()));
        }
        for (int i = 0; i < mpb.devs().size(); i++) {
            sections.add(volume(i, self));
        }
        for (int i = 0; i < mpb.disks().size(); i++) {
            if (i != self) {
                sections.add(disk(i));
            }
        }
        migrationRecord.ifPresent(record -> sections.add(migration(record)));
        return new Report(sections);
    }

    private Section container() {
        List<Field> fields = new ArrayList<>();
        fields.add(text("magic", "Magic", ImsmHeader.SIGNATURE_TEXT.strip()));
        fields.add(text("version", "Version", mpb.version()));
        fields.add(word("orig_family", "Orig Family", mpb.originalFamily()));
        fields.add(word("family", "Family", mpb.family()));
        fields.add(word("generation", "Generation", mpb.generation()));
        fields.add(new Field("creation_time", "Creation Time", new Value.Time(mpb.creationTime())));
        int unsupported = ImsmAttributes.unsupported(mpb.attributes());
        fields.add(text("attributes", "Attributes", unsupported == 0 ? "All supported" : "not supported"));
        fields.add(word("attribute_bits", "Attribute Bits", mpb.attributes()));
        fields.add(new Field(
                "uuid",
                "UUID",
                new Value.Name(mpb.withoutVolumes() ? redoubt.metadata.MdUuid.ZERO : ImsmNames.container(mpb))));
        // mdadm shows the sum of the block with all numbers in units of 512 bytes, whatever the disk has.
        byte[] converted = mpb.encode(512);
        fields.add(word("checksum", "Checksum", LittleEndian.word(converted, ImsmHeader.CHECK_SUM_AT)));
        fields.add(count("mpb_sectors", "MPB Sectors", Math.ceilDiv(mpb.bytes(), geometry.sectorBytes())));
        fields.add(count("disks", "Disks", mpb.disks().size()));
        fields.add(count("raid_devices", "RAID Devices", mpb.devs().size()));
        fields.add(count("volumes_created", "Volumes Created", mpb.header().volumesCreated()));
        return new Section(About.CONTAINER, 0, "", fields);
    }

    private Section disk(int index) {
        ImsmDisk disk = mpb.disks().get(index);
        String label = "Disk%02d Serial".formatted(index);
        return new Section(
                About.DISK,
                index,
                disk.serialText(),
                List.of(
                        text("serial", label, disk.serialText()),
                        text("state", "State", stateWords(disk)),
                        word("id", "Id", disk.scsiId()),
                        size("usable_size", "Usable Size", usable(index)),
                        size("total_size", "Total Size", disk.totalBlocks())));
    }

    private static Section badBlocks(ImsmBbmLog log) {
        List<Field> fields = new ArrayList<>();
        fields.add(count("log_size", "Log Size", log.bytes()));
        fields.add(word("signature", "Signature", ImsmBbmLog.SIGNATURE));
        fields.add(count("entry_count", "Entry Count", log.entries().size()));
        for (ImsmBbmLog.Entry entry : log.entries()) {
            fields.add(text(
                    "entry",
                    "Entry",
                    "disk %d, sector %d, %d sectors".formatted(entry.disk(), entry.startSector(), entry.sectors())));
        }
        return new Section(About.BAD_BLOCKS, 0, "", fields);
    }

    private static String stateWords(ImsmDisk disk) {
        List<String> words = new ArrayList<>();
        if ((disk.status() & ImsmDisk.SPARE) != 0) {
            words.add("spare");
        }
        if (disk.configured()) {
            words.add("active");
        }
        if (disk.failed()) {
            words.add("failed");
        }
        if ((disk.status() & ImsmDisk.JOURNAL) != 0) {
            words.add("journal");
        }
        return String.join(" ", words);
    }

    private long usable(int index) {
        return Math.max(0, mpb.disks().get(index).totalBlocks() - ImsmReservation.of(mpb, index));
    }

    private Section volume(int index, int self) {
        ImsmDev dev = mpb.devs().get(index);
        ImsmVol vol = dev.vol();
        ImsmMap map = vol.map();
        ImsmMap source = vol.sourceMap();
        List<Field> fields = new ArrayList<>();
        fields.add(count("subarray", "Subarray", index));
        fields.add(new Field("uuid", "UUID", new Value.Name(ImsmNames.volume(mpb, index))));
        fields.add(pair("raid_level", "RAID Level", levelNumber(map), source == null ? "" : levelNumber(source)));
        fields.add(pair(
                "members",
                "Members",
                Integer.toString(map.members()),
                source == null ? "" : Integer.toString(source.members())));
        fields.add(pair("slots", "Slots", slotLetters(map), source == null ? "" : slotLetters(source)));
        fields.add(text(
                "failed_disk",
                "Failed disk",
                map.failedSlot() == ImsmMap.NO_FAILED_SLOT ? "none" : Integer.toString(map.failedSlot())));
        fields.add(text("this_slot", "This Slot", thisSlot(vol, self)));
        fields.add(count("sector_size", "Sector Size", geometry.sectorBytes()));
        fields.add(size("array_size", "Array Size", dev.sizeSectors()));
        fields.add(size("per_dev_size", "Per Dev Size", map.blocksPerMember()));
        fields.add(size("sector_offset", "Sector Offset", map.firstSector()));
        fields.add(count("num_stripes", "Num Stripes", map.dataStripes()));
        fields.add(pair("chunk_size", "Chunk Size", chunkWords(map), source == null ? "" : chunkWords(source)));
        fields.add(count("reserved", "Reserved", dev.reservedBlocks()));
        fields.add(text("migrate_state", "Migrate State", migrationWords(dev.migration())));
        fields.add(pair(
                "map_state",
                "Map State",
                mapStateWords(map.state()),
                source == null ? "" : mapStateWords(source.state())));
        if (vol.migrating()) {
            fields.add(checkpoint(dev));
        }
        fields.add(text("dirty_state", "Dirty State", vol.isDirty() ? "dirty" : "clean"));
        fields.add(text("rwh_policy", "RWH Policy", ImsmPolicy.words(dev.rwhPolicy())));
        fields.add(count("volume_id", "Volume ID", dev.volumeId()));
        return new Section(About.VOLUME, index, dev.nameText(), fields);
    }

    private static String thisSlot(ImsmVol vol, int self) {
        int slot = self < 0 ? -1 : vol.map().slotOf(self);
        if (slot < 0) {
            return "?";
        }
        ImsmMap truth = vol.truthMap();
        return slot < truth.members() && truth.slots().get(slot).outOfSync() ? slot + " (out-of-sync)" : "" + slot;
    }

    private Field checkpoint(ImsmDev dev) {
        long unit = dev.migration() == Migration.Kind.GENERAL
                ? migrationRecord.map(ImsmMigrationRecord::blocksPerUnit).orElse(0L)
                : ImsmMigrationUnit.sectors(dev);
        return text(
                "checkpoint",
                "Checkpoint",
                "%d (%s)".formatted(dev.vol().migrationUnit(), unit == 0 ? "N/A" : Long.toString(unit)));
    }

    private static Section migration(ImsmMigrationRecord record) {
        return new Section(
                About.MIGRATION,
                0,
                "",
                List.of(
                        text("status", "Status", record.status() == 0 ? "Normal" : "Contains Data"),
                        word("family", "Family", record.family()),
                        count("current_unit", "Current Unit", record.unit()),
                        count("units", "Units", record.units()),
                        count("blocks_per_unit", "Blocks Per Unit", record.blocksPerUnit()),
                        count("depth_per_unit", "Depth Per Unit", record.depthPerUnit()),
                        count("copy_area", "Checkpoint Area Sector", record.copyAreaSector()),
                        count("first_member_sector", "First Member Sector", record.firstMemberSector())));
    }

    private static String levelNumber(ImsmMap map) {
        return Integer.toString(
                ImsmGeometry.level(map.raidLevel(), map.members()).number());
    }

    private static String slotLetters(ImsmMap map) {
        StringBuilder letters = new StringBuilder("[");
        for (ImsmOrd ord : map.slots()) {
            letters.append(ord.outOfSync() ? '_' : 'U');
        }
        return letters.append(']').toString();
    }

    private static String chunkWords(ImsmMap map) {
        return map.blocksPerStrip() / 2 + " KiB";
    }

    static String migrationWords(Migration.Kind kind) {
        return switch (kind) {
            case NONE -> "idle";
            case INIT -> "initialize";
            case REBUILD -> "rebuild";
            case VERIFY -> "check";
            case GENERAL -> "general migration";
            case STATE_CHANGE -> "state change";
            case REPAIR -> "repair";
        };
    }

    private static String mapStateWords(int state) {
        return switch (state) {
            case ImsmMap.NORMAL -> "normal";
            case ImsmMap.UNINITIALIZED -> "uninitialized";
            case ImsmMap.DEGRADED -> "degraded";
            default -> "failed";
        };
    }

    private static Field pair(String key, String label, String now, String before) {
        return text(key, label, before.isEmpty() ? now : now + " <-- " + before);
    }

    private static Field text(String key, String label, String text) {
        return new Field(key, label, new Value.Text(text));
    }

    private static Field count(String key, String label, long number) {
        return new Field(key, label, new Value.Count(number));
    }

    private static Field word(String key, String label, int word) {
        return new Field(key, label, new Value.Word(word));
    }

    private Field size(String key, String label, long sectors) {
        return new Field(key, label, new Value.Size(sectors, geometry.sectorBytes()));
    }
}
