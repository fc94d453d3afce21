package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;

/**
 * The bad block log at the end of the block (docs/FORMATS.md, "Bad block log").
 *
 * <pre>
 *   0 signature ABADB10C (4)   4 entry_count (4)   8 entries, 8 bytes each:
 *     0 marked_count (1), blocks - 1    1 disk_ordinal (1)    2 first block on the disk (6)
 * </pre>
 *
 * On 4096-byte disks a block has 4096 bytes.
 *
 * @param entries what is recorded, in no order
 */
public record ImsmBbmLog(List<Entry> entries) {

    static final int SIGNATURE = 0xABADB10C;
    static final int ENTRIES_MAX = 254;
    static final int ENTRY_BLOCKS_MAX = 256;

    static final int HEADER_BYTES = 8;
    static final int ENTRY_BYTES = 8;
    static final int COUNT_AT = 4;

    /**
     * Bad sectors of one disk.
     *
     * @param disk index of the disk table
     * @param startSector first, counted from the start of the disk
     * @param sectors how many
     */
    public record Entry(int disk, long startSector, int sectors) {
        boolean inside(int otherDisk, long start, long length) {
            return disk == otherDisk && startSector >= start && startSector + sectors <= start + length;
        }
    }

    /** Takes an unchangeable copy. */
    public ImsmBbmLog {
        entries = List.copyOf(entries);
    }

    static ImsmBbmLog read(ImsmMpb mpb, int at, int length) throws MetadataRefused {
        String what = "bad block log";
        if (length < HEADER_BYTES) {
            throw mpb.refused(what, at, "its size is " + length + " bytes, less than its header");
        }
        mpb.need(at, length, what);
        byte[] block = mpb.block();
        long count = LittleEndian.u32(block, at + COUNT_AT);
        if (LittleEndian.word(block, at) != SIGNATURE) {
            throw mpb.refused(what, at, "its signature is missing");
        }
        if (count > ENTRIES_MAX) {
            throw mpb.refused(what, at + COUNT_AT, "it claims " + count + " entries, more than " + ENTRIES_MAX);
        }
        if (length != HEADER_BYTES + ENTRY_BYTES * count) {
            throw mpb.refused(what, at + COUNT_AT, "%d entries do not fill its %d bytes".formatted(count, length));
        }
        List<Entry> entries = new ArrayList<>((int) count);
        for (int i = 0; i < count; i++) {
            int entryAt = at + HEADER_BYTES + ENTRY_BYTES * i;
            entries.add(new Entry(
                    LittleEndian.u8(block, entryAt + 1),
                    LittleEndian.u48(block, entryAt + 2) * mpb.unit(),
                    (LittleEndian.u8(block, entryAt) + 1) * mpb.unit()));
        }
        return new ImsmBbmLog(entries);
    }

    void write(byte[] block, int at, int unit) {
        LittleEndian.putWord(block, at, SIGNATURE);
        LittleEndian.putWord(block, at + COUNT_AT, entries.size());
        for (int i = 0; i < entries.size(); i++) {
            int entryAt = at + HEADER_BYTES + ENTRY_BYTES * i;
            Entry entry = entries.get(i);
            LittleEndian.putU8(block, entryAt, entry.sectors() / unit - 1);
            LittleEndian.putU8(block, entryAt + 1, entry.disk());
            LittleEndian.putU48(block, entryAt + 2, entry.startSector() / unit);
        }
    }

    int bytes() {
        return HEADER_BYTES + ENTRY_BYTES * entries.size();
    }

    /**
     * The log with a range recorded. Entries of that disk that lie inside the range are used up by it, so that telling the same twice
     * does not fill the table.
     *
     * @param unit sectors in a block of the disk; the range is widened to whole blocks
     * @return the new log, or empty when the table has no room
     */
    Optional<ImsmBbmLog> with(int disk, long startSector, long sectors, int unit) {
        long start = startSector - startSector % unit;
        long end = Math.ceilDiv(startSector + sectors, (long) unit) * unit;
        List<Entry> kept = new ArrayList<>();
        for (Entry entry : entries) {
            if (!entry.inside(disk, start, end - start)) {
                kept.add(entry);
            }
        }
        int step = ENTRY_BLOCKS_MAX * unit;
        if (Math.ceilDiv(end - start, (long) step) > ENTRIES_MAX - kept.size()) {
            return Optional.empty();
        }
        for (long at = start; at < end; at += step) {
            kept.add(new Entry(disk, at, (int) Math.min(step, end - at)));
        }
        return Optional.of(new ImsmBbmLog(kept));
    }

    /** The log without the entry of exactly that place and length: the last entry takes its place, as mdadm does it. */
    ImsmBbmLog without(int disk, long startSector, long sectors) {
        List<Entry> kept = new ArrayList<>(entries);
        for (int i = 0; i < kept.size(); i++) {
            Entry entry = kept.get(i);
            if (entry.disk() == disk && entry.startSector() == startSector && entry.sectors() == sectors) {
                removeBySwap(kept, i);
                return new ImsmBbmLog(kept);
            }
        }
        return this;
    }

    /** The log without anything about a disk. */
    ImsmBbmLog withoutDisk(int disk) {
        List<Entry> kept = new ArrayList<>(entries);
        int i = 0;
        while (i < kept.size()) {
            if (kept.get(i).disk() == disk) {
                removeBySwap(kept, i);
            } else {
                i++;
            }
        }
        return kept.size() == entries.size() ? this : new ImsmBbmLog(kept);
    }

    /** The log after a disk was taken out of the table: higher indexes are one less. */
    ImsmBbmLog afterRemovalOf(int disk) {
        List<Entry> moved = new ArrayList<>();
        for (Entry entry : withoutDisk(disk).entries) {
            moved.add(entry.disk() > disk ? new Entry(entry.disk() - 1, entry.startSector(), entry.sectors()) : entry);
        }
        return new ImsmBbmLog(moved);
    }

    private static void removeBySwap(List<Entry> list, int index) {
        Entry last = list.removeLast();
        if (index < list.size()) {
            list.set(index, last);
        }
    }
}
